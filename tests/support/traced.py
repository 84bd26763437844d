"""A foreign layer that gives exchanges a trace, as the tracing layer does."""

from steadfastapi import Exchange, Plan

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Traced:
    """Marks every exchange as part of one sampled trace."""

    name = "traced"

    def contribute(self, plan: Plan) -> None:
        """Mark each exchange when it starts."""
        plan.on_start(self._mark)

    def _mark(self, exchange: Exchange) -> None:
        exchange.trace_id = TRACE_ID
        exchange.sampled = True
