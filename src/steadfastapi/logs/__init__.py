"""Structured logs: every line of the process in one format, one a request."""
