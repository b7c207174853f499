"""Explain: how each number of a decision came about, and what bound it."""

from dataclasses import dataclass

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.domain.decision import JudgedLevels, judge_levels
from exitbrain.domain.exit_plan import Decision
from exitbrain.domain.formulas.derivation import derive
from exitbrain.domain.formulas.tracing import Line
from exitbrain.domain.guards import Freshness
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.levels import Distances, LevelInputs, fractions_of
from exitbrain.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Explanation:
    """The derivation of a decision and its judged outcome; `lines` evaluate, in order, to the same bits.

    There are no lines where a foreign engine computed: how its numbers came about is its own affair.
    """

    policy: Policy
    inputs: LevelInputs
    instrument: Instrument | None
    lines: tuple[Line, ...]
    distances: Distances
    levels: JudgedLevels


def explain(
    policy: Policy, inputs: LevelInputs, instrument: Instrument | None, freshness: Freshness
) -> Explanation:
    """Derive and judge the levels for given inputs."""
    derivation = derive(policy, inputs, () if instrument is None else instrument.brackets)
    levels = judge_levels(policy.unit, inputs, derivation.raw, instrument, freshness)
    return Explanation(
        policy, inputs, instrument, derivation.lines, fractions_of(policy.unit, derivation.raw), levels
    )


def judge_foreign(
    engine: LevelEngine,
    policy: Policy,
    inputs: LevelInputs,
    instrument: Instrument | None,
    freshness: Freshness,
) -> Explanation:
    """Judge the levels that a foreign engine computes; raises EngineFailed."""
    raw = engine.compute(policy, inputs, () if instrument is None else instrument.brackets)
    levels = judge_levels(policy.unit, inputs, raw, instrument, freshness)
    return Explanation(policy, inputs, instrument, (), fractions_of(policy.unit, raw), levels)


def explain_decision(ledger: ExitLedger, decision: Decision) -> Explanation:
    """Derive a recorded decision again from its inputs; raises UnknownPolicy where this version can not."""
    policy = ledger.register().named(decision.policy.name).policy
    snapshot = decision.context.snapshot
    instrument = None if snapshot is None else ledger.instrument(snapshot)
    return explain(policy, decision.inputs, instrument, decision.context.freshness)
