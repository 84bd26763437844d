"""The limiter that applications import: `from steadfastapi import limiter`."""

from steadfastapi.limits.limiter import Limiter

limiter = Limiter()
"""Counts by `Limits(key=…)`, the client's address unless set otherwise."""
