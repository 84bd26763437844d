"""Retries, their budget, and circuit breakers; they work without `configure`.

`database` and `http` judge errors, `policy` and `strategies` decide, `calls` holds one
call of a retried function, `loops` runs it, `decorator` is what users see.
"""
