"""A real Prometheus and a real Alertmanager on free ports of 127.0.0.1."""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from support._daemon import PATIENCE, Daemon
from support._tcp import HOST
from support.services import find_prometheus, require


class Series(NamedTuple):
    """One series of a result."""

    labels: dict[str, str]
    values: list[tuple[float, float]]
    """Pairs of Unix time and value; one for an instant query."""

    @property
    def value(self) -> float:
        """The last value."""
        return self.values[-1][1]

    @property
    def finite(self) -> bool:
        """Whether any value is a number."""
        return any(math.isfinite(value) for _, value in self.values)


class Prometheus(Daemon):
    """A Prometheus that scrapes while the context lasts; data in a temporary folder.

    Args:
        config: `prometheus.yml`, as text or as data; see `scraping`.
        files: More files beside it by name, such as the rules that it names.
        flags: More flags of the command line.
        data: Where its blocks are; in the temporary folder by default.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | str,
        *,
        files: Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
        data: Path | None = None,
    ) -> None:
        binary = require("prometheus", find_prometheus())
        super().__init__(binary, {"prometheus.yml": config, **(files or {})})
        self._flags = list(flags)
        self._data = data

    def arguments(self, folder: Path) -> list[str]:
        """Return the command line."""
        return [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._data or folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
            *self._flags,
        ]

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """Return an instant query's series; a scalar is one without labels."""
        when = {} if at is None else {"time": at}
        answer = self.get("/api/v1/query", query=expression, **when)["data"]
        if answer["resultType"] == "scalar":
            return [Series({}, [_point(answer["result"])])]
        return [
            Series(one["metric"], [_point(one["value"])]) for one in answer["result"]
        ]

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> list[Series]:
        """Return a range query's series.

        Args:
            expression: PromQL.
            start: Unix time.
            end: Unix time.
            step: Seconds between two values.
        """
        answer = self.get(
            "/api/v1/query_range", query=expression, start=start, end=end, step=step
        )
        return [
            Series(one["metric"], [_point(point) for point in one["values"]])
            for one in answer["data"]["result"]
        ]

    def exemplars(self, expression: str, start: float, end: float) -> list[Any]:
        """Return the exemplars of the series that an expression reads."""
        found: list[Any] = self.get(
            "/api/v1/query_exemplars", query=expression, start=start, end=end
        )["data"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing, with their labels."""
        found: list[dict[str, Any]] = self.get("/api/v1/alerts")["data"]["alerts"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules, with their health and last error."""
        groups = self.get("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait_for_targets(self, count: int, timeout: float = PATIENCE) -> None:
        """Wait until so many targets were scraped with success."""
        self.wait_for(
            lambda: len(self.query("up == 1")) >= count,
            f"{count} targets that are up",
            timeout,
        )

    def wait_for_series(
        self, expression: str, timeout: float = PATIENCE
    ) -> list[Series]:
        """Wait until an expression returns something, and return it."""
        found: list[Series] = self.wait_for(
            lambda: self.query(expression), f"series of {expression}", timeout
        )
        return found


class Alertmanager(Daemon):
    """An Alertmanager without a cluster, while the context lasts.

    Args:
        config: `alertmanager.yml`, as text or as data.
    """

    def __init__(self, config: Mapping[str, Any] | str) -> None:
        binary = require("prometheus-alertmanager", find_alertmanager())
        super().__init__(binary, {"alertmanager.yml": config})

    def arguments(self, folder: Path) -> list[str]:
        """Return the command line."""
        return [
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it knows, silenced and inhibited ones included."""
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return found


def scraping(
    targets: Mapping[str, str],
    *,
    interval: str = "1s",
    rule_files: Sequence[str] = (),
    alertmanager: Alertmanager | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Return a configuration that scrapes each `host:port` under the name of its job.

    Args:
        targets: Addresses by job.
        interval: Between two scrapes, and two evaluations of the rules.
        rule_files: Names of files that the Prometheus was given.
        alertmanager: Where alerts go.
        **settings: More settings of each job.
    """
    config: dict[str, Any] = {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
        },
        "rule_files": list(rule_files),
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}], **settings}
            for job, target in targets.items()
        ],
    }
    if alertmanager is not None:
        address = f"{HOST}:{alertmanager.port}"
        config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [address]}]}]
        }
    return config


def find_alertmanager() -> str | None:
    """Return the path of Alertmanager; Debian gives it a longer name."""
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


def find_amtool() -> str | None:
    """Return the path of Alertmanager's checker."""
    return shutil.which("amtool")


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
