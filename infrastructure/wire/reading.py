"""Reading with leniency: what is needed is read or refused, what is not needed is read or taken as absent."""

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
"""Why a field that was given is assumed like a missing one."""

Shape = TypeVar("Shape", bound=BaseModel)


class UnusableMessage(ExitBrainError):
    """A message cannot be used; `is_exit` says that it asks for an exit, or may."""

    def __init__(self, refusal: Refusal, *, is_exit: bool = False) -> None:
        self.refusal = refusal
        self.is_exit = is_exit


def refused(
    reason: Reason, name: str, given: object, allowed: str, *, is_exit: bool = False
) -> UnusableMessage:
    """Return the refusal of a value; of one that could not even be decoded that comes first."""
    if isinstance(given, Refusal):
        return UnusableMessage(given, is_exit=is_exit)
    return UnusableMessage(
        Refusal(reason, name, ABSENT if given is None else shown(given), allowed), is_exit=is_exit
    )


@dataclass(slots=True)
class FieldReader:
    """What had to be assumed so far, and which fields were given and could not be used."""

    assumptions: list[Assumption] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    def drop(self, name: str, given: object, why: str = UNUSABLE) -> None:
        """Take a field as absent."""
        self.assumptions.append(Assumption(name, shown(given), why))
        self.unusable.append(name)

    def assume(self, name: str, given: object, why: str) -> None:
        """Record how a field was understood."""
        self.assumptions.append(Assumption(name, shown(given), why))

    def shape(self, shape: type[Shape], said: Mapping[str, object], needed: Container[str]) -> Shape:
        """Read a shape; a field that cannot be read is taken as absent, unless it is needed: then raises UnusableMessage."""
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
    """Return whether a field must be refused; leverage that is only a word for nothing was not given at all."""
    if name in LEVERAGE_NAMES and isinstance(given, str) and is_placeholder_word(given):
        return False
    return name in needed
