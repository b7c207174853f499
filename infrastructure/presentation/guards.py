"""The findings of the guards, one by one."""

from msgspec import Struct

from exitbrain.domain.levels.guards import GuardReport
from exitbrain.infrastructure.presentation.wording import State, findings

MARKS = {"passed": "✔", "failed": "✘", "unknown": "?"}
"""How a finding is marked in a list."""


class GuardFinding(Struct, frozen=True):
    """What a guard found; `detail` is a sentence with its figures, empty where it passed."""

    name: str
    state: State
    detail: str


def guards_of(report: GuardReport) -> list[GuardFinding]:
    """Return what each guard found, in the order of the guards."""
    return [GuardFinding(name, state, detail) for name, state, detail in findings(report)]
