"""Compare a test suite without and with `configure(app)`; see `benchmarks.adopt`."""
