"""Engine replay: compares another engine's levels on the recorded inputs with the recorded levels.

The engine replaces the formula of each recorded decision. It gets what that formula read: the recorded bases
in the unit of the recorded policy, and no input that the policy ignores. So an engine that once ran under a
recorded policy must give the recorded levels bit for bit.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from msgspec import Struct

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.ports.decision_log import DecisionLog, RecordedDecision, UnreadableDecision
from exitbrain.application.ports.level_engine import EngineFailed, LevelEngine
from exitbrain.application.recorded import MissingSnapshot, Policies, Snapshots
from exitbrain.application.replay.decisions import EVERYTHING, Drift, Selection, name_of
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.levels.guard_rules import GUARDS
from exitbrain.domain.levels.levels import LEVELS, LEVELS_AND_LSF, LevelInputs, RawLevels, fractions_of
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.plans.difference import Difference, first_difference
from exitbrain.domain.policies.policy import Policy, PolicyRef
from exitbrain.domain.values import Unit, changed, fields_of


class Spread(Struct, frozen=True):
    """The distribution of engine minus record in one field, over all compared decisions.

    Levels are fractions of the entry price. `changed` counts decisions whose bits differ; `p05`, the median
    and `p95` are values at the nearest rank.
    """

    changed: int
    min: float
    p05: float
    median: float
    mean: float
    p95: float
    max: float


@dataclass(slots=True)
class EngineReport:
    """The result of an engine replay.

    `failed` counts decisions for which the engine gave no levels, `harvest_changed` those with a different
    harvest scheme. `guards` holds for each guard how many compared decisions failed it as recorded, and with
    the engine.
    """

    decisions: int = 0
    exact: int = 0
    drift: int = 0
    failed: int = 0
    unknown_policy: int = 0
    unreadable: int = 0
    first_drift: Drift | None = None
    fields: dict[str, Spread] = field(default_factory=dict)
    harvest_changed: int = 0
    guards: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Return whether the engine reproduced every recorded decision bit for bit."""
        return self.exact == self.decisions


class EngineReplay:
    """Compute recorded decisions with another engine, and compare."""

    def __init__(
        self,
        policies: Policies,
        snapshots: Snapshots,
        decisions: DecisionLog,
        engine: LevelEngine,
        name: str,
        unit: Unit | None = None,
    ) -> None:
        """Replay with the engine that computes formula `name`.

        `unit` is the engine's unit (None: the unit of each recorded policy). If it differs from the recorded
        unit, bases are converted and levels are compared as fractions.
        """
        self._decisions = decisions
        self._engine = engine
        self._name = name
        self._unit = unit
        self._policies = policies
        self._snapshots = snapshots
        self._both: dict[PolicyRef, tuple[Policy, Policy]] = {}

    def run(
        self, selection: Selection = EVERYTHING, *, progress: Callable[[int], None] | None = None
    ) -> EngineReport:
        """Replay the selected decisions; `progress` gets log positions. Raises EngineUnavailable."""
        report = EngineReport()
        found = _Findings()
        for number, decision in enumerate(self._decisions.decisions()):
            if progress is not None and number % 1000 == 0:
                progress(decision.log_position)
            if isinstance(decision, UnreadableDecision):
                report.unreadable += 1
                _note(report, Drift(name_of(decision), "event", decision.why, ""))
            elif selection.takes(decision.occurred_at, decision.symbol):
                self._replay(decision, report, found)
        report.decisions = report.exact + report.drift + report.failed
        report.decisions += report.unknown_policy + report.unreadable
        report.fields = {name: found.spread(name) for name in LEVELS_AND_LSF if found.differences[name]}
        report.harvest_changed = found.harvest_changed
        report.guards = {name: (found.recorded[name], found.engine[name]) for name in GUARDS}
        return report

    def _replay(self, decision: RecordedDecision, report: EngineReport, found: "_Findings") -> None:
        subject = name_of(decision)
        try:
            recorded_policy, policy = self._policies_of(decision.policy)
            instrument = self._snapshots.of(decision.snapshot)
            inputs = _converted(decision.inputs, recorded_policy.unit, policy.unit)
            raw = levels_of(self._engine, policy, inputs, () if instrument is None else instrument.brackets)
        except UnknownPolicy as unknown:
            report.unknown_policy += 1
            _note(report, Drift(subject, "policy", decision.policy.name, str(unknown)))
            return
        except MissingSnapshot as missing:
            report.unreadable += 1
            _note(report, Drift(subject, "context.snapshot", str(missing), ""))
            return
        except EngineFailed as failed:
            report.failed += 1
            _note(
                report, Drift(subject, "engine", "levels", str(failed)).between(decision.engine, self._name)
            )
            return
        levels = judge_levels(policy.unit, inputs, raw, instrument, decision.freshness)
        recorded = decision.levels()
        difference = _difference(recorded_policy.unit, recorded.raw, policy.unit, raw)
        if recorded.raw.refusal is None:
            found.add(recorded_policy.unit, recorded, policy.unit, levels)
        if difference is None:
            report.exact += 1
        else:
            report.drift += 1
            drift = Drift(subject, difference.field, difference.recorded, difference.recomputed)
            _note(report, drift.between(decision.engine, self._name))

    def _policies_of(self, ref: PolicyRef) -> tuple[Policy, Policy]:
        """Return the recorded policy, and a copy with the engine in place of its formula."""
        if ref not in self._both:
            recorded = self._policies.of(ref)
            unit = recorded.unit if self._unit is None else self._unit
            bases = {
                name: _in_unit(recorded.parameters[name], recorded.unit, unit)
                for name in ("base_tp", "base_sl")
            }
            foreign = Policy(self._name, self._name, unit, bases, recorded.ignores)
            self._both[ref] = (recorded, foreign)
        return self._both[ref]


class _Findings:
    """The differences by field, and the failed guards, of the decisions compared so far."""

    def __init__(self) -> None:
        self.differences = {name: array("d") for name in LEVELS_AND_LSF}
        self.changed = dict.fromkeys(LEVELS_AND_LSF, 0)
        self.harvest_changed = 0
        self.recorded = dict.fromkeys(GUARDS, 0)
        self.engine = dict.fromkeys(GUARDS, 0)

    def add(
        self, recorded_unit: Unit, recorded: JudgedLevels, engine_unit: Unit, engine: JudgedLevels
    ) -> None:
        before = (*fields_of(fractions_of(recorded_unit, recorded.raw)).values(), recorded.raw.lsf)
        after = (*fields_of(fractions_of(engine_unit, engine.raw)).values(), engine.raw.lsf)
        for name, old, new in zip(LEVELS_AND_LSF, before, after, strict=True):
            self.differences[name].append(new - old)
            self.changed[name] += repr(old) != repr(new)
        self.harvest_changed += recorded.raw.harvest != engine.raw.harvest
        for name in recorded.guards.failed:
            self.recorded[name] += 1
        for name in engine.guards.failed:
            self.engine[name] += 1

    def spread(self, name: str) -> Spread:
        """Return the distribution of a field's differences; there must be some."""
        ordered = sorted(self.differences[name])
        total = 0.0
        for difference in self.differences[name]:
            total = total + difference

        def at(share: float) -> float:
            return ordered[ceil(share * len(ordered)) - 1]

        return Spread(
            changed=self.changed[name],
            min=ordered[0],
            p05=at(0.05),
            median=at(0.5),
            mean=total / len(ordered),
            p95=at(0.95),
            max=ordered[-1],
        )


def _note(report: EngineReport, drift: Drift) -> None:
    report.first_drift = report.first_drift or drift


def _in_unit(raw: float, given: Unit, wanted: Unit) -> float:
    if given is wanted:
        return raw
    return given.to_fraction(raw) if wanted is Unit.FRACTION else raw * 100


def _converted(inputs: LevelInputs, given: Unit, wanted: Unit) -> LevelInputs:
    if given is wanted:
        return inputs
    base_tp, base_sl = _in_unit(inputs.base_tp, given, wanted), _in_unit(inputs.base_sl, given, wanted)
    return changed(inputs, base_tp=base_tp, base_sl=base_sl)


def _difference(
    recorded_unit: Unit, recorded: RawLevels, engine_unit: Unit, engine: RawLevels
) -> Difference | None:
    """Return the first field in which the engine differs, compared raw if both units are the same."""
    if recorded.refusal is not None:
        return Difference("levels.raw.refusal", recorded.refusal, "levels")
    if recorded_unit is engine_unit:
        return first_difference(_told(recorded), _told(engine))
    before, after = fractions_of(recorded_unit, recorded), fractions_of(engine_unit, engine)
    fractions = first_difference({"distances": before}, {"distances": after})
    return fractions or first_difference(_untouched(recorded), _untouched(engine))


def _told(raw: RawLevels) -> dict[str, object]:
    return {**{f"levels.raw.{level}": getattr(raw, level) for level in LEVELS}, **_untouched(raw)}


def _untouched(raw: RawLevels) -> dict[str, object]:
    """Return the values without a unit."""
    return {"levels.raw.harvest": raw.harvest, "levels.raw.lsf": raw.lsf}
