"""Errors of the domain: each says what was, what is allowed, and what it concerns."""


class DomainError(Exception):
    """The base of every error that the domain raises on purpose."""


class InvalidValue(DomainError):
    """A value lies outside what is allowed.

    `field` names it, `value` is what was given, `allowed` says in words what would have been accepted.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} is {value!r}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class UnknownPolicy(DomainError):
    """No policy, or no formula, of that name is known."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"policy {name!r} is not known; known: {', '.join(known) or 'none'}")
        self.name = name


class WrongState(DomainError):
    """A command met an aggregate that can not obey it in its present state."""
