"""What the demonstration claims, it checks."""

from exitbrain.domain.errors import ExitBrainError


class ClaimFalse(ExitBrainError):
    """The demonstration claimed something that is not true here; the text says what."""


def claim(true: bool, what: str) -> None:
    """Raise ClaimFalse unless it is true."""
    if not true:
        raise ClaimFalse(what)
