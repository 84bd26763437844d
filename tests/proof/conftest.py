"""How many examples a nightly run takes: `pytest tests/proof --hypothesis-profile`."""

from hypothesis import settings

settings.register_profile("nightly", max_examples=5_000, deadline=None)
