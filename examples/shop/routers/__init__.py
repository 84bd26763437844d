"""The routes of the shop, one module per concern."""
