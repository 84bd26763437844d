"""Traces: provider, server span, sampling decided here, and what leaves the process."""
