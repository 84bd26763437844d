"""What the real Prometheus of the tests promises."""

import math

import pytest

from support.prometheus import Prometheus, Series, scraping


def test_answers_are_series() -> None:
    """Vectors, scalars and ranges alike; what does not parse is an error."""
    with Prometheus(scraping({})) as prometheus:
        vector = prometheus.query('label_replace(vector(2), "a", "b", "", "")', at=60)
        scalar = prometheus.query("1 + 2", at=60)
        ranged = prometheus.query_range("vector(time())", 0, 60, 30)
        with pytest.raises(ValueError, match="parse error"):
            prometheus.query("rate(")
        with pytest.raises(TimeoutError, match="no series of up within 0 s"):
            prometheus.wait_for_series("up", timeout=0)

    assert [Series({"a": "b"}, [(60.0, 2.0)])] == vector
    assert [Series({}, [(60.0, 3.0)])] == scalar
    assert [Series({}, [(0.0, 0.0), (30.0, 30.0), (60.0, 60.0)])] == ranged


def test_a_configuration_that_is_wrong_fails_with_the_servers_words() -> None:
    """And leaves no process behind."""
    prometheus = Prometheus({"scrape_configs": [{"nonsense": 1}]})

    with pytest.raises(RuntimeError, match="nonsense not found"), prometheus:
        pass

    assert prometheus._process is None


@pytest.mark.parametrize(
    ("values", "finite"),
    [([1.0, math.nan], True), ([math.nan, math.inf], False)],
)
def test_a_series_of_no_numbers_is_not_finite(
    values: list[float], finite: bool
) -> None:
    """NaN and infinity are what a panel cannot show."""
    assert finite is Series({}, [(0.0, value) for value in values]).finite
