"""Sentry: one scrubbed event for each error, with everything the exchange knows."""
