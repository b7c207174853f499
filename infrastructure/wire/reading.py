"""Lenient reading: an unreadable field is refused if it is needed, else it counts as absent."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.wire.placeholders import is_placeholder_word
from exitbrain.infrastructure.wire.scalars import shown
from exitbrain.infrastructure.wire.shapes import ABSENT, LEVERAGE_NAMES, refusal_of

UNUSABLE = "can not be used, so it counts as absent"
"""The reason given when an unusable field counts as missing."""

Shape = TypeVar("Shape", bound=BaseModel)


class UnusableMessage(ExitBrainError):
    """A message cannot be used; `is_exit` is true if it asks, or may ask, for an exit."""

    def __init__(self, refusal: Refusal, *, is_exit: bool = False) -> None:
        self.refusal = refusal
        self.is_exit = is_exit


def refused(
    reason: Reason, name: str, given: object, allowed: str, *, is_exit: bool = False
) -> UnusableMessage:
    """Return the refusal of a value; one that could not be decoded keeps its own refusal."""
    if isinstance(given, Refusal):
        return UnusableMessage(given, is_exit=is_exit)
    return UnusableMessage(
        Refusal(reason, name, ABSENT if given is None else shown(given), allowed), is_exit=is_exit
    )


@dataclass(slots=True)
class FieldReader:
    """Collect the assumptions made while reading, and the unusable fields."""

    assumptions: list[Assumption] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    def drop(self, name: str, given: object, why: str = UNUSABLE) -> None:
        """Treat a field as absent."""
        self.assumptions.append(Assumption(name, shown(given), why))
        self.unusable.append(name)

    def assume(self, name: str, given: object, why: str) -> None:
        """Record how a field was understood."""
        self.assumptions.append(Assumption(name, shown(given), why))

    def shape(self, shape: type[Shape], said: Mapping[str, object], needed: Container[str]) -> Shape:
        """Read a shape; an unreadable field counts as absent, or raises UnusableMessage if it is needed."""
        while True:
            try:
                return shape.model_validate(said)
            except ValidationError as error:
                bad = {str(each["loc"][0]): each["input"] for each in error.errors(include_url=False)}
                if any(_is_needed(name, given, needed) for name, given in bad.items()):
                    raise UnusableMessage(refusal_of(error, needed)) from error
                for name, given in bad.items():
                    self.drop(name, given)
                said = {name: value for name, value in said.items() if name not in bad}


def _is_needed(name: str, given: object, needed: Container[str]) -> bool:
    """Return whether a field must be refused; a placeholder for leverage counts as not given."""
    if name in LEVERAGE_NAMES and isinstance(given, str) and is_placeholder_word(given):
        return False
    return name in needed
