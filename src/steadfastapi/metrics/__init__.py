"""Prometheus metrics: requests, errors, durations and the process, at `/metrics`."""
