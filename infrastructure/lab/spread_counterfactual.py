"""Counterfactual on a cluster: each part is some of the policies over all decisions.

The mean of a change is a sum of doubles in log order. Cutting it by segments would change its bits; cutting
by policy does not, since one worker asks a policy about every decision in log order, as one process does.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.whatif.decisions import Counterfactual, WhatIf
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.event_store.stores import open_to_read
from exitbrain.infrastructure.lab.columnar_counterfactual import ColumnarCounterfactual
from exitbrain.infrastructure.lab.mirror import fresh_mirror
from exitbrain.infrastructure.lab.spread import ParallelMap

PARTS = 16
"""The parts of a sweep. Each reads all segments again, which is small against its computation."""


@dataclass(frozen=True, slots=True)
class SweepTask:
    """The decisions to ask about: a store by its URL, the folder of its mirror, a selection."""

    store: str
    mirror: Path | None
    selection: Selection


def ask_on(
    on: ParallelMap,
    policies: Sequence[Policy],
    task: SweepTask,
    progress: Callable[[int, int], None] | None = None,
) -> Counterfactual:
    """Ask every policy about every selected decision; calls `progress` with the policies done and in all.

    Raises the errors of `ColumnarCounterfactual.run`.
    """
    size = -(-len(policies) // PARTS)
    parts = [tuple(policies[start : start + size]) for start in range(0, len(policies), size)]
    answers: list[WhatIf] = []
    trusted = False
    for found in on.map(ask_policies, parts, task):
        answers += found.answers
        trusted |= found.mirror_trusted
        if progress is not None:
            progress(len(answers), len(policies))
    return Counterfactual(tuple(answers), found.left_out, trusted)


def ask_policies(policies: tuple[Policy, ...], task: SweepTask) -> Counterfactual:
    """Ask some policies; a pure function of the policies and the task."""
    with closing(open_to_read(task.store)) as ledger:
        mirror = None if task.mirror is None else fresh_mirror(ledger, task.mirror)
        return ColumnarCounterfactual(ledger, Policies(ledger), Snapshots(ledger), mirror).run(
            policies, task.selection
        )
