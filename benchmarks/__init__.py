"""What steadfastapi costs, beside bare FastAPI and the usual composition of tools.

`python -m benchmarks --help`, or `make bench`. How it measures is said in `measure`.
"""
