"""The history of one exit plan and of its position."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct

from exitbrain.application.queries.lookup import HistoricEvent, HistoryEntry, PlanHistory
from exitbrain.domain.plans.exit_plan import (
    Decision,
    ExitPlanCancelled,
    ExitPlanCompleted,
)
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.infrastructure.presentation.decisions import PlanDecision, plan_decision, unit_of
from exitbrain.infrastructure.presentation.events import sentence_of
from exitbrain.infrastructure.presentation.wording import number


class HistoryEvent(Struct):
    """One event of a plan or of its position; `what` is its sentence."""

    log_position: int
    at: datetime
    of: Literal["plan", "position"]
    event: str
    what: str
    decision: PlanDecision | None


PlanState = Literal["open", "completed", "cancelled"]


class PlanReport(Struct):
    """The history of one plan with that of its position, in log order."""

    plan_id: str
    position_id: str
    account: str
    symbol: str
    side: str
    state: PlanState
    events: list[HistoryEvent]


def plan_report(history: PlanHistory, register: PolicyRegister) -> PlanReport:
    """Return the history of a plan for `--json`."""
    opened = history.opened
    return PlanReport(
        plan_id=str(history.plan_id),
        position_id=str(opened.position_id),
        account=opened.account,
        symbol=opened.symbol,
        side=opened.side.value,
        state=_state(history),
        events=[_event(entry, history, register) for entry in history.entries],
    )


def _event(entry: HistoryEntry, history: PlanHistory, register: PolicyRegister) -> HistoryEvent:
    event = entry.event
    return HistoryEvent(
        log_position=entry.position,
        at=_occurred_at(event),
        of="plan" if entry.stream_id == history.plan_id else "position",
        event=type(event).__name__,
        what=sentence_of(event, unit_of(event, register)),
        decision=plan_decision(event) if isinstance(event, Decision) else None,
    )


def _occurred_at(event: HistoricEvent) -> datetime:
    return event.context.occurred_at if isinstance(event, Decision) else event.stamp.occurred_at


def _state(history: PlanHistory) -> PlanState:
    for entry in history.entries:
        if isinstance(entry.event, ExitPlanCompleted):
            return "completed"
        if isinstance(entry.event, ExitPlanCancelled):
            return "cancelled"
    return "open"


def plan_text(report: PlanReport) -> Iterator[str]:
    """Yield the history of a plan, with the bounds of each decision and the guards that did not pass."""
    yield f"Plan {report.plan_id} ({report.state}): {report.side} {report.symbol} of {report.account}"
    yield f"Position {report.position_id}"
    for event in report.events:
        yield f"{event.at:%Y-%m-%d %H:%M:%S}  #{event.log_position:<6} {event.event}: {event.what}"
        decision = event.decision
        if decision is None:
            continue
        yield f"    decision {decision.decision_id}, cause {decision.cause}, computed by {decision.engine}"
        for bound in decision.binding:
            yield f"    {bound.level} bound by {bound.constraint}: {number(bound.before)} → {number(bound.after)}"
        for guard in decision.guards:
            if guard.state == "failed":
                yield f"    ✘ {guard.name}: {guard.detail}"
            elif guard.state == "unknown":
                yield f"    ? {guard.name}: not checkable: {guard.detail}"
        for one in decision.assumptions:
            yield f"    assumed {one.field} {one.value}: {one.why}"
