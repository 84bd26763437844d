"""A small shop: users, login, orders, an outbound call and a background task."""
