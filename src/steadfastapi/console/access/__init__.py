"""Who may see the console, and how they came in."""
