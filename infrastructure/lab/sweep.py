"""Counterfactual in columns: many policies over very many decisions, with the same answers as row by row.

Decisions come in parts that fit into memory; counts are carried from part to part. Two threads work on blocks
of policies, and each block sees the decisions in log order, so the sums are those of a simple loop.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from exitbrain.application.engine_answer import unfit
from exitbrain.application.whatif.decisions import (
    Change,
    Counterfactual,
    GuardCounts,
    LeftOut,
    WhatIf,
    is_safe,
)
from exitbrain.domain.levels.guard_rules import FAILED, GUARDS, ON_THE_LEVELS, ON_THE_SIGNAL, PASSED, UNKNOWN
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.levels import LEVELS_AND_LSF
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.lab.arrays import Doubles
from exitbrain.infrastructure.lab.formula_rows import kernel_of, parameter_column
from exitbrain.infrastructure.lab.sweep_kernel import (
    BECAME_SAFE,
    BECAME_UNSAFE,
    CHANGED,
    COMPARED,
    DECISIONS_CHANGED,
    FIRST_FAILED,
    FIRST_UNKNOWN,
    LEAST,
    MOST,
    REFUSED,
    SAFE,
    SUM,
    UNFIT,
    SweepRows,
    no_totals,
    sweep,
)
from exitbrain.infrastructure.lab.sweep_rows import RecordedRows, SweepBase

BLOCK = 64
"""Policies in one block: their parameters and totals fill some 40 KB."""

ROWS = 16_384
"""Decisions in one pass; each takes a byte per policy of a block to mark unsure ones."""

THREADS = 2

Progress = Callable[[int], None]


class Sweep:
    """Ask policies about recorded decisions, part by part."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        """Prepare to ask these policies; raises NoKernel if one must be asked row by row."""
        self._policies = tuple(policies)
        self._blocks = _blocks_of(self._policies)
        self._totals = [no_totals(len(block.places)) for block in self._blocks]
        self._before = np.zeros((len(GUARDS), 3), dtype=np.int64)
        self._signal = np.zeros((len(ON_THE_SIGNAL), 3), dtype=np.int64)
        self._decisions = self._refused = self._safe = 0

    def take(self, recorded: RecordedRows, progress: Progress | None = None) -> None:
        """Ask about more decisions; `progress` gets the number of new answers."""
        for start in range(0, len(recorded.columns), ROWS):
            part = recorded.part(slice(start, start + ROWS))
            bases = {kind: SweepBase(part, policy) for kind, policy in self._kinds().items()}
            self._count_before(part, next(iter(bases.values())))
            schemes = {block.scheme: block for block in self._blocks}
            rows = {scheme: bases[block.kind].rows(block.first) for scheme, block in schemes.items()}

            def ask(
                number: int, bases: dict[object, SweepBase] = bases, rows: dict[object, SweepRows] = rows
            ) -> int:
                block = self._blocks[number]
                _ask(block, bases[block.kind], rows[block.scheme], self._totals[number])
                return len(block.places) * len(rows[block.scheme].formula.leverage)

            with ThreadPoolExecutor(THREADS) as pool:
                for answers in pool.map(ask, range(len(self._blocks))):
                    if progress is not None:
                        progress(answers)

    def answer(self, left_out: LeftOut) -> Counterfactual:
        """Return the answers; raises InvalidValue if a policy gives an invalid level."""
        answers: list[WhatIf | None] = [None] * len(self._policies)
        for block, totals in zip(self._blocks, self._totals, strict=True):
            for place, policy, column in zip(block.places, block.policies, totals.T, strict=True):
                answers[place] = self._answer(policy, column)
        return Counterfactual(tuple(answer for answer in answers if answer is not None), left_out)

    def _kinds(self) -> dict[object, Policy]:
        return {block.kind: block.first for block in self._blocks}

    def _count_before(self, part: RecordedRows, base: SweepBase) -> None:
        self._decisions += len(part.columns)
        self._refused += int(np.count_nonzero(part.columns.refusal != 0))
        self._safe += int(np.count_nonzero(base.was_safe))
        for state in (PASSED, FAILED, UNKNOWN):
            self._before[:, state] += np.count_nonzero(base.before == state, axis=0)
            self._signal[:, state] += np.count_nonzero(base.signal == state, axis=0)

    def _answer(self, policy: Policy, totals: Doubles) -> WhatIf:
        if totals[UNFIT]:
            raise unfit(policy)
        compared = int(totals[COMPARED])
        return WhatIf(
            policy=policy,
            decisions=self._decisions,
            changed=int(totals[DECISIONS_CHANGED]),
            compared=compared,
            refused_before=self._refused,
            refused_after=int(totals[REFUSED]),
            fields={
                field: _change(totals[4 * place : 4 * place + 4], compared)
                for place, field in enumerate(LEVELS_AND_LSF)
            },
            guards_before={guard: _counts(self._before[place]) for place, guard in enumerate(GUARDS)},
            guards_after=self._guards_after(totals),
            safe_before=self._safe,
            safe_after=int(totals[SAFE]),
            became_unsafe=int(totals[BECAME_UNSAFE]),
            became_safe=int(totals[BECAME_SAFE]),
        )

    def _guards_after(self, totals: Doubles) -> dict[str, GuardCounts]:
        after = {guard: _counts(self._signal[place]) for place, guard in enumerate(ON_THE_SIGNAL)}
        for place, guard in enumerate(ON_THE_LEVELS):
            failed, unknown = int(totals[FIRST_FAILED + place]), int(totals[FIRST_UNKNOWN + place])
            after[guard] = GuardCounts(self._decisions - failed - unknown, failed, unknown)
        return after


@dataclass(frozen=True, slots=True)
class _Block:
    """Policies asked together, with the same kind (formula, unit, ignored inputs) and harvest scheme."""

    which: int
    kind: object
    scheme: object
    places: tuple[int, ...]
    policies: tuple[Policy, ...]
    parameters: Doubles

    @property
    def first(self) -> Policy:
        """Return the first policy, for everything the block shares."""
        return self.policies[0]


def _blocks_of(policies: tuple[Policy, ...]) -> list[_Block]:
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, policy in enumerate(policies):
        groups.setdefault((_kind_of(policy), *_scheme_of(policy)), []).append(place)
    blocks = []
    for places in groups.values():
        for start in range(0, len(places), BLOCK):
            taken = tuple(places[start : start + BLOCK])
            asked = tuple(policies[place] for place in taken)
            parameters = np.stack([parameter_column(policy) for policy in asked], axis=1)
            kind = _kind_of(asked[0])
            scheme = (kind, *_scheme_of(asked[0]))
            blocks.append(
                _Block(
                    which=kernel_of(asked[0]),
                    kind=kind,
                    scheme=scheme,
                    places=taken,
                    policies=asked,
                    parameters=np.ascontiguousarray(parameters),
                )
            )
    return blocks


def _kind_of(policy: Policy) -> object:
    return policy.formula, policy.unit, tuple(sorted(policy.ignores))


def _scheme_of(policy: Policy) -> list[float]:
    return [value for name, value in sorted(policy.parameters.items()) if _is_of_scheme(name)]


def _is_of_scheme(parameter: str) -> bool:
    return parameter.startswith("harvest") or parameter in ("low_leverage", "high_leverage")


def _ask(block: _Block, base: SweepBase, rows: SweepRows, totals: Doubles) -> None:
    unsure = np.zeros((len(rows.formula.leverage), len(block.places)), dtype=np.int8)
    scale = 100.0 if block.first.unit is Unit.PERCENT else 1.0
    sweep(block.which, rows, block.parameters, scale, totals, unsure)
    for column, policy in enumerate(block.policies):
        places = np.flatnonzero(unsure[:, column])
        if len(places):
            for row, report in base.judged(policy, places):
                _count(report, bool(rows.was_safe[row]), totals[:, column])


def _count(report: GuardReport, was_safe: bool, totals: Doubles) -> None:
    """Count the row judge's findings on one decision."""
    for place, guard in enumerate(ON_THE_LEVELS):
        totals[FIRST_FAILED + place] += guard in report.failed
        totals[FIRST_UNKNOWN + place] += guard in report.unknown
    safe = is_safe(report)
    totals[SAFE] += safe
    totals[BECAME_UNSAFE] += was_safe and not safe
    totals[BECAME_SAFE] += safe and not was_safe


def _change(totals: Doubles, compared: int) -> Change:
    if not compared:
        return Change(0, None, None, None)
    mean = float(totals[SUM]) / compared
    return Change(int(totals[CHANGED]), float(totals[LEAST]), mean, float(totals[MOST]))


def _counts(counts: Iterable[int]) -> GuardCounts:
    return GuardCounts(*map(int, counts))
