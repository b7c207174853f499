"""What the steps of the demonstration read from a store."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from exitbrain.application.lookup import DECISIONS
from exitbrain.application.lsf_audit import LsfChange
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.formulas.tracing import Line
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels import LEVELS, fractions_of
from exitbrain.domain.policy import Policy
from exitbrain.domain.receipt import MessageReceived
from exitbrain.infrastructure.demo.claims import ClaimFalse, claim
from exitbrain.infrastructure.demo.results import GuardCounts, Plan, PlannedLevel, RefusedPlan


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision, its id, and where the log holds it."""

    position: int
    id: UUID
    event: Decision


def decisions(ledger: ExitLedger) -> list[Recorded]:
    """Return every recorded decision, computed or refused."""
    return [
        Recorded(entry.position, decision_id(entry.stream_id, event.revision), event)
        for entry in ledger.log(topics=DECISIONS)
        if isinstance(event := entry.event, Decision)
    ]


def effects(ledger: ExitLedger) -> list[tuple[object, ...]]:
    """Return what messages led to, in order, without their ids and times and what follows from their age."""
    found: list[tuple[object, ...]] = []
    for entry in ledger.log():
        event = entry.event
        if isinstance(event, MessageReceived):
            found.append((event.source, event.disposition, event.reason))
        elif isinstance(event, LevelsComputed | LevelsRefused):
            judged = event.levels
            found.append(
                (
                    decision_id(entry.stream_id, event.revision),
                    event.inputs,
                    event.policy,
                    judged.raw,
                    judged.triggers,
                )
            )
        else:
            found.append((type(event).__name__,))
    return found


def count_guards(ledger: ExitLedger) -> GuardCounts:
    """Return how often each guard failed or was not checkable."""
    found = [one.event.levels.guards for one in decisions(ledger)]
    return GuardCounts(
        len(found),
        dict(Counter(name for report in found for name in report.failed)),
        dict(Counter(name for report in found for name in report.unknown)),
    )


def stops_against_costs(ledger: ExitLedger) -> list[tuple[float, float]]:
    """Return stop and round-trip cost, as fractions, of every decision whose stop does not cover its costs."""
    found = (one.event.levels.guards.failed.get("stop_wider_than_costs") for one in decisions(ledger))
    return [(figures["stop"], figures["cost"]) for figures in found if figures is not None]


def example(ledger: ExitLedger, *, symbol: str, stop: float) -> Recorded:
    """Return the decision that opened a position of the symbol at the highest leverage.

    Of several the one whose stop, after rounding to the tick, is nearest to a distance.
    """
    openings = [one for one in decisions(ledger) if one.event.symbol == symbol and one.event.revision == 1]
    claim(bool(openings), f"a position of {symbol} is opened")

    def order(recorded: Recorded) -> tuple[float, float]:
        decision = recorded.event
        triggers, entry_price = decision.levels.triggers, decision.inputs.entry_price
        if triggers is None or entry_price is None:
            return 0.0, 0.0
        return decision.inputs.leverage, -abs(abs(float(triggers.sl) / float(entry_price) - 1.0) - stop)

    return max(openings, key=order)


def same_decision(ledger: ExitLedger, wanted: Recorded) -> Recorded:
    """Return the decision with the id of one of another store."""
    for recorded in decisions(ledger):
        if recorded.id == wanted.id:
            return recorded
    raise ClaimFalse("the same messages lead to the same decision ids in every store")


def plan_of(recorded: Recorded, policy: Policy) -> Plan:
    """Return a decision with its levels."""
    decision = recorded.event
    judged, inputs = decision.levels, decision.inputs
    if judged.triggers is None or inputs.entry_price is None:
        raise ClaimFalse(f"decision {recorded.id} has trigger prices under {policy.name}")
    distances = fractions_of(policy.unit, judged.raw)
    levels = tuple(
        PlannedLevel(
            level,
            getattr(distances, level),
            getattr(judged.triggers, level),
            tuple(bound.constraint for bound in judged.binding if bound.level == level),
        )
        for level in LEVELS
    )
    return Plan(
        recorded.id,
        policy.name,
        decision.symbol,
        inputs.side,
        inputs.leverage,
        inputs.entry_price,
        levels,
        judged.guards,
    )


def refused_plans(ledger: ExitLedger) -> list[RefusedPlan]:
    """Return the decisions for which the policy gave no levels."""
    return [
        RefusedPlan(
            one.id, one.event.symbol, one.event.inputs.side, one.event.inputs.leverage, one.event.levels.raw
        )
        for one in decisions(ledger)
        if isinstance(one.event, LevelsRefused)
    ]


def around(ledger: ExitLedger, change: LsfChange) -> tuple[LevelsComputed, LevelsComputed]:
    """Return the two decisions of a symbol between which the LSF changed."""
    earlier: LevelsComputed | None = None
    for one in decisions(ledger):
        if not isinstance(one.event, LevelsComputed) or one.event.symbol != change.symbol:
            continue
        if earlier is not None and one.id == change.decision_id:
            return earlier, one.event
        earlier = one.event
    raise ClaimFalse("an LSF change lies between two decisions of the record")


def chain_to(name: str, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines of a derivation on the way to one number, without inputs and parameters."""
    by_name = {line.name: line for line in lines}
    needed, waiting = {name}, [name]
    while waiting:
        fresh = [used for used in by_name[waiting.pop()].uses if used not in needed]
        needed.update(fresh)
        waiting.extend(fresh)
    return tuple(line for line in lines if line.name in needed and line.uses)
