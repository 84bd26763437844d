"""`slo.yml`: objectives declared in a file, which tools and code both read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from steadfastapi.exceptions import ConfigurationError, MissingExtraError
from steadfastapi.slo.objective import (
    DAYS,
    MIN_BAD_EVENTS,
    PLACEHOLDER,
    Kind,
    Objective,
    Spec,
    checked_days,
    checked_name,
    checked_percent,
    checked_threshold,
    repeated,
)
from steadfastapi.slo.windows import is_window

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
"""Of a file that people write."""


def _days(value: Any) -> Any:
    if not isinstance(value, str) or not is_window(value):
        raise ValueError("write whole days, e.g. 30d")
    return checked_days(int(value[:-1]))


def _jobs(value: Any) -> Any:
    jobs = (value,) if isinstance(value, str) else value
    if not jobs or not all(isinstance(job, str) and job for job in jobs):
        raise ValueError("write the job of the Prometheus scrape, or a list of them")
    return jobs


Name = Annotated[str, AfterValidator(checked_name)]
Percent = Annotated[float, AfterValidator(checked_percent)]
Threshold = Annotated[float, AfterValidator(checked_threshold)]
Period = Annotated[int, BeforeValidator(_days)]
Jobs = Annotated[tuple[str, ...], BeforeValidator(_jobs)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Sli(_Strict):
    kind: Kind
    threshold: Threshold | None = None
    handlers: tuple[str, ...] = ()
    exclude_handlers: tuple[str, ...] = ()
    error_query: str = ""
    total_query: str = ""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> _Sli:
        if (self.kind == "latency") != (self.threshold is not None):
            raise ValueError("kind latency has a threshold in seconds, no other has")
        for query in (self.error_query, self.total_query):
            if (self.kind == "raw") != (PLACEHOLDER in query):
                raise ValueError(
                    "kind raw has error_query and total_query with "
                    f"{PLACEHOLDER} in place of the window, no other has"
                )
        if self.kind in ("events", "raw") and (self.handlers or self.exclude_handlers):
            raise ValueError(f"kind {self.kind} has no handlers: it is about no route")
        return self


class _Defaults(_Strict):
    window: Period = DAYS
    min_bad_events: Annotated[int, Field(ge=1)] = MIN_BAD_EVENTS
    above_4x: bool = True
    labels: Mapping[str, str] = {}
    runbook: str = ""
    long_windows: Literal["raw", "recorded"] = "raw"


class _Slo(_Strict):
    name: Name
    objective: Percent
    sli: _Sli
    window: Period | None = None
    min_bad_events: Annotated[int, Field(ge=1)] | None = None
    above_4x: bool | None = None
    labels: Mapping[str, str] = {}
    runbook: str = ""

    def resolved(self, defaults: _Defaults) -> Objective:
        """Return the objective, with the defaults of the file where it has none."""
        given = self.above_4x
        return Objective(
            name=self.name,
            percent=self.objective,
            kind=self.sli.kind,
            threshold=self.sli.threshold,
            handlers=self.sli.handlers,
            exclude_handlers=self.sli.exclude_handlers,
            days=self.window or defaults.window,
            min_bad_events=self.min_bad_events or defaults.min_bad_events,
            above_4x=defaults.above_4x if given is None else given,
            labels={**defaults.labels, **self.labels},
            runbook=self.runbook or defaults.runbook,
            error_query=self.sli.error_query,
            total_query=self.sli.total_query,
        )


class _File(_Strict):
    service: Name
    job: Jobs = ()
    slos: Annotated[tuple[_Slo, ...], Field(min_length=1)]
    defaults: _Defaults = _Defaults()


def read_spec(path: Path) -> Spec:
    """Read a file: YAML, or JSON where its name says so.

    Raises:
        ConfigurationError: It cannot be read, or values in it are wrong; all of
            them, each with its place.
        MissingExtraError: PyYAML is not installed.
    """
    data = _parsed(path)
    if not isinstance(data, dict):
        raise ConfigurationError(
            f"{path} holds no mapping: start with `service: …` and `slos: […]`."
        )
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(
            [_sentence(path, dict(entry)) for entry in error.errors()]
        ) from None
    objectives = [slo.resolved(file.defaults) for slo in file.slos]
    if twice := repeated(objectives):
        raise ConfigurationError(
            f"{path}: slos: the name {twice[0]!r} is there twice; each needs its own."
        )
    return Spec(
        service=file.service,
        jobs=file.job or (file.service,),
        objectives=tuple(objectives),
        long_windows=file.defaults.long_windows,
        labels=file.defaults.labels,
        runbook=file.defaults.runbook,
    )


def _parsed(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_BYTES} bytes.")
    if path.suffix == ".json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"{path} is no JSON: {error}.") from None
    try:
        # An extra: whoever writes JSON, or declares in code, does without.
        yaml = importlib.import_module("yaml")
    except ImportError:
        raise MissingExtraError(
            f"{path} needs PyYAML: pip install 'steadfastapi[slo]', or write JSON."
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is no YAML: {error}") from None


def _sentence(path: Path, entry: dict[str, Any]) -> str:
    """Name the file, the place in it, what stands there, and what should."""
    place = ""
    for part in entry["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    place = place.lstrip(".")
    if entry["type"] == "missing":
        return f"{path}: {place} is missing."
    if entry["type"] == "extra_forbidden":
        return f"{path}: {place} is unknown; remove it, or correct its name."
    what = str(entry["msg"]).removeprefix("Value error, ")
    given = entry["input"]
    shown = "" if isinstance(given, dict) else f" is {given!r}"
    return f"{path}: {place}{shown}: {what[0].lower()}{what[1:]}."
