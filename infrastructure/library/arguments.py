"""Check the type of an argument; a wrong one raises a TypeError that says what was given and what is expected."""

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.infrastructure.secrets import masked

A_MESSAGE = "an IncomingMessage, which incoming_message(...) returns"


def check(name: str, given: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise TypeError for an argument of another type."""
    if not isinstance(given, kind):
        raise TypeError(f"{name} is {_shown(given)}; wanted: {wanted}")


def check_function(name: str, given: object, wanted: str) -> None:
    """Raise TypeError for an argument that cannot be called."""
    if not callable(given):
        raise TypeError(f"{name} is {_shown(given)}; wanted: {wanted}")


def check_port(name: str, given: object, port: type, hint: str = "") -> None:
    """Raise TypeError for an invalid adapter: a class instead of an instance, or one that lacks a method."""
    wanted = f"an instance of a class with the methods of exitbrain.ports.{port.__name__}{hint}"
    if isinstance(given, type):
        raise TypeError(f"{name} is the class {given.__name__}; wanted: {wanted}")
    for method in (one for one, item in vars(port).items() if not one.startswith("_") and callable(item)):
        if not callable(getattr(given, method, None)):
            raise TypeError(f"{name} is {_shown(given)}, which has no {method}(); wanted: {wanted}")


def messages_in(given: Iterable[IncomingMessage]) -> list[IncomingMessage]:
    """Return messages as a list; raises TypeError for anything else."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"messages is {_shown(given)}; wanted: a list of what incoming_message(...) returns")
    messages = list(given)
    for number, message in enumerate(messages):
        check(f"messages[{number}]", message, IncomingMessage, A_MESSAGE)
    return messages


def _shown(given: Any) -> str:
    """Return a short form of what was given, without the password of a URL, and its type."""
    said = repr(masked(given)) if isinstance(given, str) and "://" in given else reprlib.repr(given)
    return f"{said} ({type(given).__name__})"
