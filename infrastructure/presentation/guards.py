"""The findings of the guards, one by one."""

from msgspec import Struct

from exitbrain.domain.levels.guards import GuardReport
from exitbrain.infrastructure.presentation.wording import State, findings

MARKS = {"passed": "✔", "failed": "✘", "unknown": "?"}
"""The mark of each finding in a list."""


class GuardFinding(Struct, frozen=True):
    """The finding of a guard; `detail` is a sentence with its figures, empty if it passed."""

    name: str
    state: State
    detail: str


def guards_of(report: GuardReport) -> list[GuardFinding]:
    """Return the finding of each guard, in the order of the guards."""
    return [GuardFinding(name, state, detail) for name, state, detail in findings(report)]
