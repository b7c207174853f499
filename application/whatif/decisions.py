"""Counterfactual: the recorded decisions recomputed under other policies.

A decision keeps all its inputs: position, signal, average PnL, costs, instrument snapshot, age of the
message. Only the policy changes, and with it the level bases that were the recorded policy's own. Before and
after are compared as fractions of the entry price, before rounding to ticks, since two policies may use
different units. Guards judge the rounded plan as usual.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from msgspec import Struct

from exitbrain.application.engine_answer import candidate_levels
from exitbrain.application.ports.decision_log import DecisionLog, RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.domain.levels.guard_rules import GUARDS, ON_THE_LEVELS
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LEVELS_AND_LSF, LevelInputs, fractions_of
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit, changed, fields_of

"""The compared values: the four distances as fractions, and the adjusted LSF."""

NOTICEABLE = 1e-12
"""A smaller difference is not a change: it is below every tick, and may come from rounding in two units."""


class Change(Struct, frozen=True):
    """The change of a number, after minus before, over the decisions that have both; None if there are none.

    The mean is the sum in log order divided by their number.
    """

    changed: int
    min: float | None
    mean: float | None
    max: float | None


class GuardCounts(Struct, frozen=True):
    """The results of a guard, as numbers of plans."""

    passed: int
    failed: int
    unknown: int


class WhatIf(Struct, frozen=True):
    """What a policy would have changed.

    `changed` counts decisions that differ in a level, the LSF, the harvest scheme or in being refused;
    `compared` those with levels on both sides. A plan is safe if every guard on its levels passed (guards on
    the signal give the same result under every policy); `became_unsafe` and `became_safe` count the plans
    that would switch.
    """

    policy: Policy
    decisions: int
    changed: int
    compared: int
    refused_before: int
    refused_after: int
    fields: dict[str, Change]
    guards_before: dict[str, GuardCounts]
    guards_after: dict[str, GuardCounts]
    safe_before: int
    safe_after: int
    became_unsafe: int
    became_safe: int


@dataclass(slots=True)
class LeftOut:
    """Selected decisions that were skipped: unreadable, or with an unknown policy or missing snapshot."""

    unreadable: int
    unknown_policy: int
    missing_snapshot: int


class Counterfactual(Struct, frozen=True):  # noqa: PLW1641 - it holds counts, which have no hash
    """The answers for several policies over the same decisions, in the order asked.

    `mirror_trusted` says that decisions came from a copy of the store that was not compared with it.
    """

    answers: tuple[WhatIf, ...]
    left_out: LeftOut
    mirror_trusted: bool = False

    def __eq__(self, other: object) -> bool:
        """Compare the findings, not where the decisions were read."""
        if not isinstance(other, Counterfactual):
            return NotImplemented
        return (self.answers, self.left_out) == (other.answers, other.left_out)


class Pair(Struct, frozen=True):
    """One decision under both policies; `before` and `after` hold the LEVELS_AND_LSF, None if levels were refused."""

    decision: RecordedDecision
    policy: Policy
    before: tuple[float, ...] | None
    after: tuple[float, ...] | None
    guards_before: GuardReport
    guards_after: GuardReport


Progress = Callable[[int, int], None]
"""Called with the log position reached and the number of decisions read."""


class RowCounterfactual:
    """Recompute recorded decisions one by one, for any ledger and any engine."""

    def __init__(
        self, policies: Policies, snapshots: Snapshots, decisions: DecisionLog, engine: LevelEngine
    ) -> None:
        self._policies = policies
        self._snapshots = snapshots
        self._decisions = decisions
        self._engine = engine

    def run(
        self,
        policies: Sequence[Policy],
        selection: Selection = EVERYTHING,
        *,
        progress: Progress | None = None,
        pairs: Callable[[Pair], None] | None = None,
    ) -> Counterfactual:
        """Recompute every selected decision under every policy; `pairs` gets each result.

        Raises InvalidValue if one of our policies gives an invalid level, EngineFailed if another engine
        does, and UnknownPolicy if the engine does not know the formula.
        """
        left_out = LeftOut(0, 0, 0)
        tallies = [_Tally(policy) for policy in policies]
        for number, decision in enumerate(self._decisions.decisions()):
            if progress is not None and number % 100 == 0:
                progress(decision.log_position, number)
            if isinstance(decision, UnreadableDecision):
                left_out.unreadable += 1
            elif selection.takes(decision.occurred_at, decision.symbol):
                self._ask(decision, tallies, left_out, pairs)
        return Counterfactual(tuple(tally.answer() for tally in tallies), left_out)

    def _ask(
        self,
        decision: RecordedDecision,
        tallies: list["_Tally"],
        left_out: LeftOut,
        pairs: Callable[[Pair], None] | None,
    ) -> None:
        try:
            ref, levels = decision.policy, decision.levels()
        except UnreadableEvent:  # partly damaged
            left_out.unreadable += 1
            return
        recorded = self._policies.find(ref.name, ref.parameters_hash)
        snapshot = decision.snapshot
        instrument = None if snapshot is None else self._snapshots.find(snapshot)
        if recorded is None:
            left_out.unknown_policy += 1
        elif snapshot is not None and instrument is None:
            left_out.missing_snapshot += 1
        elif levels.guards.states is None:
            left_out.unreadable += 1
        else:
            before = _Outcome(recorded.unit, levels)
            for tally in tallies:
                inputs = rebased(decision.inputs, recorded, tally.policy)
                after = self._decided(tally.policy, inputs, instrument, decision)
                tally.take(before, after)
                if pairs is not None:
                    pairs(
                        Pair(
                            decision=decision,
                            policy=tally.policy,
                            before=before.values,
                            after=after.values,
                            guards_before=levels.guards,
                            guards_after=after.levels.guards,
                        )
                    )

    def _decided(
        self, policy: Policy, inputs: LevelInputs, instrument: Instrument | None, decision: RecordedDecision
    ) -> "_Outcome":
        raw = candidate_levels(self._engine, policy, inputs, instrument)
        return _Outcome(policy.unit, judge_levels(policy.unit, inputs, raw, instrument, decision.freshness))


def rebased(inputs: LevelInputs, recorded: Policy, candidate: Policy) -> LevelInputs:
    """Return the inputs of a decision for another policy.

    A base from the recorded policy is replaced by the candidate's; any other belongs to the decision and
    keeps its distance, in the unit of the candidate.
    """
    return changed(
        inputs,
        base_tp=rebased_base(inputs.base_tp, "base_tp", recorded, candidate),
        base_sl=rebased_base(inputs.base_sl, "base_sl", recorded, candidate),
    )


def rebased_base(base: float, name: str, recorded: Policy, candidate: Policy) -> float:
    """Return one base for another policy; see `rebased`."""
    if base == recorded.parameters.get(name) and name in candidate.parameters:
        return candidate.parameters[name]
    if recorded.unit is candidate.unit:
        return base
    return base / 100.0 if candidate.unit is Unit.FRACTION else base * 100.0


def is_safe(report: GuardReport) -> bool:
    """Return whether every guard on the levels passed."""
    return not any(guard in report.failed or guard in report.unknown for guard in ON_THE_LEVELS)


class _Outcome:
    """The outcome of a decision in the form used for comparison."""

    __slots__ = ("levels", "values")

    def __init__(self, unit: Unit, levels: JudgedLevels) -> None:
        self.levels = levels
        raw = levels.raw
        self.values = (
            None
            if raw.refusal is not None
            else (*fields_of(fractions_of(unit, raw)).values(), raw.lsf_adjusted)
        )

    def equals(self, other: "_Outcome") -> bool:
        if self.values is None or other.values is None:
            return self.values is other.values
        if self.levels.raw.harvest != other.levels.raw.harvest:
            return False
        pairs = zip(self.values, other.values, strict=True)
        return not any(abs(after - before) > NOTICEABLE for before, after in pairs)


class _Tally:
    """Counts what one policy changes."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._decisions = self._changed = self._compared = 0
        self._refused = [0, 0]
        self._safe = [0, 0]
        self._became = {"safe": 0, "unsafe": 0}
        self._guards = [{guard: [0, 0, 0] for guard in GUARDS} for _ in range(2)]
        self._fields = {field: _Changes() for field in LEVELS_AND_LSF}

    def take(self, before: _Outcome, after: _Outcome) -> None:
        """Count one decision."""
        self._decisions += 1
        self._changed += not before.equals(after)
        for side, outcome in enumerate((before, after)):
            self._refused[side] += outcome.values is None
            report = outcome.levels.guards
            self._safe[side] += is_safe(report)
            for state, names in enumerate((report.passed, report.failed, report.unknown)):
                for name in names:
                    self._guards[side][name][state] += 1
        was, would_be = is_safe(before.levels.guards), is_safe(after.levels.guards)
        self._became["unsafe"] += was and not would_be
        self._became["safe"] += would_be and not was
        if before.values is not None and after.values is not None:
            self._compared += 1
            for field, old, new in zip(LEVELS_AND_LSF, before.values, after.values, strict=True):
                self._fields[field].take(old, new)

    def answer(self) -> WhatIf:
        """Return the counts as an answer."""
        guards_before, guards_after = (
            {name: GuardCounts(*counts) for name, counts in side.items()} for side in self._guards
        )
        return WhatIf(
            policy=self.policy,
            decisions=self._decisions,
            changed=self._changed,
            compared=self._compared,
            refused_before=self._refused[0],
            refused_after=self._refused[1],
            fields={field: changes.answer(self._compared) for field, changes in self._fields.items()},
            guards_before=guards_before,
            guards_after=guards_after,
            safe_before=self._safe[0],
            safe_after=self._safe[1],
            became_unsafe=self._became["unsafe"],
            became_safe=self._became["safe"],
        )


class _Changes:
    """The changes of one number, summed in log order so that the mean is exact to the bit."""

    __slots__ = ("changed", "max", "min", "sum")

    def __init__(self) -> None:
        self.changed = 0
        self.sum = 0.0
        self.min, self.max = inf, -inf

    def take(self, before: float, after: float) -> None:
        change = after - before
        self.changed += abs(change) > NOTICEABLE
        self.sum += change
        self.min = min(self.min, change)
        self.max = max(self.max, change)

    def answer(self, count: int) -> Change:
        if not count:
            return Change(0, None, None, None)
        return Change(self.changed, self.min, self.sum / count, self.max)
