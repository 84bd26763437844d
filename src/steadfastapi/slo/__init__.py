"""Service level objectives: a live error budget, and the rules of Prometheus for it."""
