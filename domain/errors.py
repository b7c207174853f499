"""Errors of the domain: each says what was, what is allowed, and what it concerns."""

SHOWN_MAX = 200
"""How many characters of a value a message repeats."""


class DomainError(Exception):
    """The base of every error that the domain raises on purpose."""


class InvalidValue(DomainError):
    """A value lies outside what is allowed.

    `field` names it, `value` is what was given, `allowed` says in words what would have been accepted.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} is {_shown(value)}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class UnknownPolicy(DomainError):
    """No policy, or no formula, of that name is known."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"policy {_shown(name)} is not known; known: {', '.join(known) or 'none'}")
        self.name = name


class WrongState(DomainError):
    """A command met an aggregate that can not obey it in its present state."""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX + 2 else f"{text[:SHOWN_MAX]}…"  # 2 for the quotes
