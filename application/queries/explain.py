"""Explain: how each number of a decision was computed, and which limit applied."""

from msgspec import Struct

from exitbrain.application.engine_answer import candidate_levels, engine_name
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import BUILT_IN, LevelEngine
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import Distances, LevelInputs, fractions_of
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.formulas.derivation import derive
from exitbrain.domain.policies.formulas.tracing import Line
from exitbrain.domain.policies.policy import Policy


class Explanation(Struct, frozen=True):
    """The derivation of a decision and its judged outcome; `lines` evaluate, in order, to the same bits.

    `engine` computed the decision. There are no lines for an engine that is not ours.
    """

    policy: Policy
    engine: str
    inputs: LevelInputs
    instrument: Instrument | None
    lines: tuple[Line, ...]
    distances: Distances
    levels: JudgedLevels


def explain(
    engine: LevelEngine,
    policy: Policy,
    inputs: LevelInputs,
    instrument: Instrument | None,
    freshness: Freshness,
) -> Explanation:
    """Judge the levels that an engine computes for given inputs, and derive them if our formulas did it.

    Raises EngineFailed, and InvalidValue if our formulas give an invalid level.
    """
    name = engine_name(engine, policy)
    raw = candidate_levels(engine, policy, inputs, instrument)
    levels = judge_levels(policy.unit, inputs, raw, instrument, freshness)
    lines: tuple[Line, ...] = ()
    if name == BUILT_IN:
        lines = derive(policy, inputs, () if instrument is None else instrument.brackets).lines
    return Explanation(
        policy=policy,
        engine=name,
        inputs=inputs,
        instrument=instrument,
        lines=lines,
        distances=fractions_of(policy.unit, raw),
        levels=levels,
    )


def explain_decision(engine: LevelEngine, ledger: ExitLedger, decision: Decision) -> Explanation:
    """Compute a recorded decision again from its inputs; raises UnknownPolicy if this version cannot."""
    policy = ledger.register().named(decision.policy.name).policy
    snapshot = decision.context.snapshot
    instrument = None if snapshot is None else ledger.instrument(snapshot)
    return explain(engine, policy, decision.inputs, instrument, decision.context.freshness)
