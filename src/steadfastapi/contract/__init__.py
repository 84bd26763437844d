"""The error contract: every failure is JSON with the key `detail`."""
