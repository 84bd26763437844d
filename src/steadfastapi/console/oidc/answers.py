"""Why a login or a token leads to nobody."""

from __future__ import annotations

from steadfastapi.console.access.identity import Refusal

_TRY_AGAIN = frozenset({"server_error", "temporarily_unavailable"})
_REFUSED = frozenset(
    {"access_denied", "login_required", "consent_required", "interaction_required"}
)


class NotGranted(Exception):  # noqa: N818 - a decision, not a failure
    """The login or the token is refused.

    Args:
        reason: A sentence for people; holds neither tokens nor secrets.
        status: 401 for who it is, 403 for who may, 503 for a provider in trouble.
    """

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(reason)
        self.status = status

    def refusal(self) -> Refusal:
        """Return it as an answer."""
        return Refusal(status=self.status, reason=str(self), detail=str(self))


class ProviderTrouble(NotGranted):
    """The provider does not answer as it must, so nobody comes in.

    Args:
        reason: As in `NotGranted`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason, 503)


def refused_there(error: str) -> NotGranted:
    """Return what a provider's answer `error=…` means (RFC 6749, section 4.1.2.1)."""
    if error in _TRY_AGAIN:
        return ProviderTrouble("The provider has a problem of its own; try again.")
    if error in _REFUSED:
        return NotGranted(f"The provider has not let you in ({error}).", 403)
    return ProviderTrouble("The provider refuses the login: check the client there.")
