"""Errors: each says what was given, what is allowed, and what it concerns."""

import pickle
from collections.abc import Iterable
from difflib import get_close_matches

SHOWN_MAX = 200
"""The most characters of a value that an error message shows."""


class ExitBrainError(Exception):
    """The base of every error that ExitBrain raises on purpose.

    Every error can be copied and pickled with its attributes, so it arrives complete from another process. A
    value that cannot be pickled, such as a bad value in the error, arrives as its repr.
    """

    def __reduce__(self) -> tuple[object, ...]:
        args = tuple(_picklable(arg) for arg in self.args)
        attributes = {name: _picklable(value) for name, value in self.__dict__.items()}
        return _without_init, (type(self), args), attributes


def _without_init(cls: type[ExitBrainError], args: tuple[object, ...]) -> ExitBrainError:
    """Make an error whose constructor takes other arguments than its `args`."""
    return cls.__new__(cls, *args)


def _picklable(value: object) -> object:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - pickled on this very line
    except Exception:  # noqa: BLE001 - a foreign class may raise anything here
        return repr(value)
    return value


class DomainError(ExitBrainError):
    """The base of every error that the domain raises on purpose."""


class InvalidValue(DomainError):
    """A value is not allowed.

    `field` names it, `value` is what was given, `allowed` describes what is accepted.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} is {_shown(value)}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class UnknownPolicy(DomainError):
    """No policy or formula has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"policy {_shown(name)} is not known; known: {', '.join(known) or 'none'}")
        self.name = name
        self.known = known


class WrongState(DomainError):
    """An aggregate cannot carry out a command in its current state."""


def meant(name: str, known: Iterable[str]) -> str:
    """Return the question whether a known name was meant, to end an error with; nothing if none is like it."""
    near = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX + 2 else f"{text[:SHOWN_MAX]}…"  # 2 for the quotes
