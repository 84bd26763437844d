"""Base of every layer's settings: validated when created, explained when wrong."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_args

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from steadfastapi._scrub import is_secret_name
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from steadfastapi._plan import Plan

MASK = "**********"


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several strings: a tuple in code, separated by commas in the environment."""

Codes = Annotated[frozenset[int], NoDecode, BeforeValidator(_split)]
"""Several status codes, written like `Names`."""


class _Conventional(PydanticBaseSettingsSource):
    """Reads the environment variables that the tools themselves define."""

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 - pydantic-settings' signature
        field_name: str,
    ) -> tuple[Any, str, bool]:
        """Return the value of a field, its name, and that it needs no decoding."""
        name = conventional_name(self.settings_cls, field_name)
        return (os.environ[name] if name else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values found."""
        found = {}
        for name in self.settings_cls.model_fields:
            value, _, _ = self.get_field_value(FieldInfo(), name)
            if value is not None:
                found[name] = value
        return found


def conventional_name(settings: type[BaseSettings], field: str) -> str | None:
    """Return the variable, defined by a tool itself, that decides a field; or None."""
    names: dict[str, tuple[str, ...]] = getattr(settings, "conventional", {})
    return next((n for n in names.get(field, ()) if os.environ.get(n)), None)


class LayerSettings(BaseSettings):
    """Frozen, keyword-only settings that read their own environment variables.

    An explicit argument wins over `STEADFAST_<LAYER>_<FIELD>`, which wins over the
    variable that the tool itself defines (`SENTRY_DSN`, `LOG_LEVEL`, …).
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        arbitrary_types_allowed=True,
    )

    name: ClassVar[str] = ""
    """Keyword of `configure` and first word in the plan."""

    conventional: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Environment variables defined by the tools, by field."""

    def __init__(self, *args: Any, **values: Any) -> None:
        if args:
            # BaseSettings would swallow them silently (pydantic-settings 2.16).
            raise ConfigurationError(
                f"{type(self).__name__} takes keyword arguments only, e.g. "
                f"{type(self).__name__}({next(iter(type(self).model_fields))}=…)."
            )
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError(
                [_sentence(type(self), values, entry) for entry in error.errors()]
            ) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then our variables, then the tools' own."""
        return init_settings, env_settings, _Conventional(settings_cls)

    @classmethod
    def parts(cls) -> tuple[type[LayerSettings], ...]:
        """Return settings that ours are made of, with variables of their own."""
        return ()

    @classmethod
    def by_default(cls) -> Self:
        """Return the layer of an application that has said nothing about it."""
        return cls()

    def contribute(self, plan: Plan) -> None:  # noqa: ARG002 - see Layer
        """Add to the plan what this layer wants; see `steadfastapi._plan.Layer`."""
        raise TypeError(f"{type(self).__name__} has no contribute(plan).")

    def summary(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, secrets masked."""
        return {
            name: shown(name, getattr(self, name))
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.get_default(call_default_factory=True)
        }


def shown(name: str, value: Any) -> str:
    """Return a setting's value as it may be printed."""
    if isinstance(value, SecretStr) or (value and is_secret_name(name)):
        return MASK
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    return str(value)


def _sentence(
    settings: type[LayerSettings], values: dict[str, Any], entry: ErrorDetails
) -> str:
    """One problem: what was given, where it came from, what would be right."""
    field = str(entry["loc"][0]) if entry["loc"] else ""
    if entry["type"] == "extra_forbidden":
        return unknown(f"{settings.__name__}({field}=…)", field, settings.model_fields)
    prefix = str(settings.model_config.get("env_prefix", ""))
    variable = f"{prefix}{field}".upper()
    if field in values or not field:
        origin = f"{settings.__name__}({field}=…)" if field else settings.__name__
    elif variable in os.environ:
        origin = variable
    else:
        origin = conventional_name(settings, field) or variable
    info = settings.model_fields.get(field)
    secret = info is not None and _is_secret(info)
    given = MASK if secret or is_secret_name(field) else repr(entry["input"])
    what = entry["msg"].removeprefix("Value error, ")
    return f"{origin} is {given}: {what[0].lower()}{what[1:]}."


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or SecretStr in get_args(info.annotation)


def unknown(given: str, name: str, known: Any) -> str:
    """Say that `given` is unknown, with the closest name that is not."""
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{given}: unknown.{hint} Known: {', '.join(known)}."


def unknown_variables(layers: dict[str, type[LayerSettings]]) -> list[str]:
    """Name every `STEADFAST_…` variable that no layer reads: most are typing errors.

    Args:
        layers: Settings classes by the name of their layer.
    """
    known = {
        f"{settings.model_config.get('env_prefix', '')}{field}".upper()
        for layer in layers.values()
        for settings in (layer, *layer.parts())
        for field in settings.model_fields
    }
    problems = []
    for variable in sorted(os.environ):
        if not variable.startswith("STEADFAST_") or variable in known:
            continue
        if variable == "STEADFAST_REQUIRE_SERVICES":  # of our own test-suite
            continue
        # What all have in common would make them all look alike.
        name = variable.removeprefix("STEADFAST_")
        names = {one.removeprefix("STEADFAST_"): one for one in sorted(known)}
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {names[close[0]]}?" if close else ""
        problems.append(f"{variable} is set, and no layer reads it.{hint}")
    return problems
