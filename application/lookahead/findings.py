"""Findings of a look-ahead test: which decision moved, by which change, and what that means."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct

from exitbrain.domain.plans.difference import first_difference


class Finding(StrEnum):
    """Why a policy cannot be trusted: something other than a recorded input moved a decision."""

    LOOKS_AHEAD = "LOOKS_AHEAD"
    """Later inputs moved it."""
    REMEMBERS = "REMEMBERS"
    """Earlier inputs of other decisions moved it."""
    NOT_REPEATABLE = "NOT_REPEATABLE"
    """Only the time of asking differed: randomness, or a clock."""
    READS = "READS"
    """The engine accessed something outside, so its decisions may depend on it."""
    FAILED = "FAILED"
    """There were no levels to compare."""


class Moved(Struct, frozen=True):
    """A decision or exit that moved: `subject` names it, `how` says what was perturbed, with both values."""

    finding: Finding
    subject: str
    how: str
    field: str
    before: str
    after: str


@dataclass(slots=True)
class PolicyVerdict:
    """The findings about one policy: the first move of each kind, and the number of comparisons.

    `compared` counts by part: engine, record, exits. `left_out` counts what could not be compared, by reason.
    `when_loaded` lists what importing the engine opened.
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
        """Compare to the bit, keep the first move of this kind; return whether nothing moved."""
        self.compared[part] = self.compared.get(part, 0) + 1
        difference = first_difference(before, after)
        if difference is None:
            return True
        self.note(Moved(finding, subject, how, difference.field, difference.recorded, difference.recomputed))
        return False

    def leave_out(self, why: str) -> None:
        """Count a comparison that was not possible."""
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def note(self, moved: Moved) -> None:
        """Keep a finding, unless there is one of the same kind for the same perturbation."""
        if not any((one.finding, one.how) == (moved.finding, moved.how) for one in self.moved):
            self.moved.append(moved)


def cuts_of(count: int, cuts: int) -> list[int]:
    """Return at most `cuts` evenly spread moments t of `count`, without the last, which nothing follows.

    A moment is the number of decisions made by then, from 1.
    """
    last = count - 1
    if last < 1 or cuts < 1:
        return []
    wanted = min(cuts, last)
    return sorted({1 + (last - 1) * number // max(wanted - 1, 1) for number in range(wanted)})
