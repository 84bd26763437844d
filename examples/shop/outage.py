"""An outage of the shipping partner, for `POST /debug/outage`."""


class Outage:
    """Lasts for a number of answers, so that it is over however slow the machine is."""

    def __init__(self) -> None:
        """Begin without one."""
        self._answers = 0

    def begin(self, answers: int) -> None:
        """Let the partner say that many times that it is away."""
        self._answers = answers

    def is_on(self) -> bool:
        """Return whether this answer is one of the outage's."""
        if self._answers == 0:
            return False
        self._answers -= 1
        return True
