"""What the local stack needs beside the shop: customers, and somebody to page."""
