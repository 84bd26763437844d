"""Settings of the objectives, and what they add to the plan.

What watches is imported where something is promised: nobody else pays for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict

from steadfastapi._settings import LayerSettings

if TYPE_CHECKING:
    from steadfastapi._plan import Plan


class SLOs(LayerSettings):
    """Promise a share of good responses, and watch what is left of the error budget.

    Nothing is promised, and nothing watched, until an objective is declared.
    """

    model_config = SettingsConfigDict(env_prefix="STEADFAST_SLO_")
    name: ClassVar[str] = "slo"

    slos: tuple[Any, ...] = ()
    """What is promised: `slos=[SLO(availability=99.9, latency=(0.25, 99.0))]`."""

    file: Path | None = None
    """A file with more of it, `slo.yml`, which `steadfastapi rules` reads too."""

    @field_validator("slos")
    @classmethod
    def _are_slos(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        from steadfastapi.slo.declared import SLO  # noqa: PLC0415

        for slo in value:
            if not isinstance(slo, SLO):
                raise ValueError(f"{slo!r} is no SLO")  # noqa: TRY004 - for pydantic
        return value

    def contribute(self, plan: Plan) -> None:
        """Watch the requests that an objective is about."""
        if not self.slos and self.file is None:
            plan.handle(NothingPromised())
            plan.note("nothing is promised: SLOs(slos=[SLO(availability=99.9)])")
            return
        from steadfastapi.slo.promise import promise  # noqa: PLC0415

        promise(plan, self.slos, self.file)

    def summary(self) -> dict[str, str]:
        """Return the settings that differ from their defaults; objectives are notes."""
        return {key: value for key, value in super().summary().items() if key != "slos"}


class NothingPromised:
    """`stack.slo` of an application without objectives."""

    spec = None

    def status(self) -> list[Any]:
        """Return no budgets."""
        return []
