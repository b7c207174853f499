"""Errors: each says what was, what is allowed, and what it concerns."""

import pickle

SHOWN_MAX = 200
"""How many characters of a value a message repeats."""


class ExitBrainError(Exception):
    """The base of every error that ExitBrain raises on purpose.

    Any of them can be copied and pickled, with its attributes, and so comes back whole from another process. What cannot
    be pickled itself, such as a bad value that was given, comes back as its repr.
    """

    def __reduce__(self) -> tuple[object, ...]:
        args = tuple(_picklable(arg) for arg in self.args)
        attributes = {name: _picklable(value) for name, value in self.__dict__.items()}
        return _without_init, (type(self), args), attributes


def _without_init(cls: type[ExitBrainError], args: tuple[object, ...]) -> ExitBrainError:
    """Make an error whose constructor takes something else than what it says."""
    return cls.__new__(cls, *args)


def _picklable(value: object) -> object:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - written by the same line
    except Exception:  # noqa: BLE001 - a foreign class may raise anything here
        return repr(value)
    return value


class DomainError(ExitBrainError):
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
    """A command met an aggregate that cannot obey it in its present state."""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX + 2 else f"{text[:SHOWN_MAX]}…"  # 2 for the quotes
