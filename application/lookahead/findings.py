"""What a look-ahead test finds: which decision moved, how it was made to move, and what that means."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct

from exitbrain.domain.plans.difference import first_difference


class Finding(StrEnum):
    """Why a policy cannot be trusted: something that is no recorded input moved a decision."""

    LOOKS_AHEAD = "LOOKS_AHEAD"
    """What came later moved it."""
    REMEMBERS = "REMEMBERS"
    """What came before, and is no input, moved it."""
    NOT_REPEATABLE = "NOT_REPEATABLE"
    """Nothing but the moment of asking was different: randomness, or a clock."""
    READS = "READS"
    """The engine reached for something outside, so what it decides may depend on it."""
    FAILED = "FAILED"
    """There were no levels to compare."""


class Moved(Struct, frozen=True):
    """A decision (or an exit) that moved: `subject` says which, `how` what was perturbed, with both values."""

    finding: Finding
    subject: str
    how: str
    field: str
    before: str
    after: str


@dataclass(slots=True)
class PolicyVerdict:
    """What was found about one policy: the first that moved in each way, and how many comparisons were made.

    `compared` counts by part: engine, record, exits. `left_out` says what could not be compared, and how often.
    `when_loaded` is what importing the engine opened.
    """

    policy: str
    compared: dict[str, int] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    when_loaded: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Return whether nothing moved."""
        return not self.moved

    def compare(self, part: str, finding: Finding, subject: str, how: str, before: Any, after: Any) -> bool:
        """Compare to the bit, keep the first that moved in this way; return whether it stayed."""
        self.compared[part] = self.compared.get(part, 0) + 1
        difference = first_difference(before, after)
        if difference is None:
            return True
        self.note(Moved(finding, subject, how, difference.field, difference.recorded, difference.recomputed))
        return False

    def leave_out(self, why: str) -> None:
        """Count what could not be compared."""
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def note(self, moved: Moved) -> None:
        """Keep a finding, unless one of its kind was made in the same way before."""
        if not any((one.finding, one.how) == (moved.finding, moved.how) for one in self.moved):
            self.moved.append(moved)


def cuts_of(count: int, cuts: int) -> list[int]:
    """Return at most `cuts` moments t of `count`, spread evenly and without the last, after which nothing comes.

    A moment is the number of decisions made by then, from 1.
    """
    last = count - 1
    if last < 1 or cuts < 1:
        return []
    wanted = min(cuts, last)
    return sorted({1 + (last - 1) * number // max(wanted - 1, 1) for number in range(wanted)})
