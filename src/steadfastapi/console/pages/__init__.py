"""What the console shows, a page or a part of one in each file."""
