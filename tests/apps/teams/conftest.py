"""The suites below are their teams' own; `tests/adoption` runs them, as they would."""

collect_ignore_glob = ["*"]
