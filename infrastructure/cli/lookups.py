"""The commands `positions`, `plan` and `receipt`: look things up in a store."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from rich.table import Table

from exitbrain.application import lookup
from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.exit_plan import (
    Decision,
    ExitPlanCancelled,
    ExitPlanCompleted,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.identity import decision_id, plan_id
from exitbrain.domain.levels import LEVELS
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.receipt import IgnoredExit, MessageReceived
from exitbrain.domain.values import Unit, plain, plain_or_none
from exitbrain.infrastructure.cli import exits, output, reports, tables
from exitbrain.infrastructure.cli.event_wording import sentence_of
from exitbrain.infrastructure.cli.given import symbol_of
from exitbrain.infrastructure.cli.levels import assumptions_of, binding_of, guards_of, prices_of
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.wording import number, percent, short

READING = "reading the log"


def positions(*, closed: bool, symbol: str | None, store: str | None, as_json: bool) -> None:
    """Report the open positions, or all of them."""
    wanted = None if symbol is None else symbol_of(symbol)
    with reading(store, READING) as store_read:
        ledger, work, name = store_read.ledger, store_read.work, store_read.name
        found = lookup.positions(ledger, closed=closed, symbol=wanted, progress=work.reached)
        register = ledger.register()
    descriptions = [_description(one, register) for one in found]
    if as_json:
        output.emit(reports.PositionsReport(descriptions))
    elif descriptions:
        output.show(_position_table(descriptions, f"Positions of {name}"))
    else:
        output.show(f"{name}: no {'' if closed else 'open '}positions{f' in {wanted}' if wanted else ''}.")


def plan(wanted: str, *, store: str | None, as_json: bool) -> None:
    """Report the history of one plan and of its position."""
    with reading(store, READING) as store_read:
        history = lookup.plan_history(store_read.ledger, wanted, progress=store_read.work.reached)
        register = store_read.ledger.register()
    events = [_history_event(entry, history, register) for entry in history.entries]
    opened = history.opened
    report = reports.PlanReport(
        plan_id=str(history.plan_id),
        position_id=str(opened.position_id),
        account=opened.account,
        symbol=opened.symbol,
        side=opened.side.value,
        state=_state(history),
        events=events,
    )
    if as_json:
        output.emit(report)
    else:
        output.show(*_plan_text(report))


def receipt(entry_id: str, *, stream: str | None, store: str | None, as_json: bool) -> None:
    """Report a message with its outcome and what it led to."""
    with reading(store, READING) as store_read:
        ledger, work = store_read.ledger, store_read.work
        found = lookup.receipt(ledger, entry_id, stream=stream, progress=work.reached)
        register = ledger.register()
    report = _receipt_report(found, register)
    if as_json:
        output.emit(report)
    else:
        output.show(*_receipt_text(report, found.receipt.ignored_exit))


def _description(found: lookup.FoundPosition, register: PolicyRegister) -> reports.PositionDescription:
    position, closed, result = found.position, found.closed, found.result
    return reports.PositionDescription(
        position_id=str(position.id),
        plan_id=str(plan_id(position.id)),
        account=position.account,
        symbol=position.symbol,
        position_side=position.position_side,
        cycle=position.cycle,
        side=position.side.value,
        state="open" if closed is None else "closed",
        leverage=position.leverage,
        entry_price=plain_or_none(position.entry_price),
        quantity=plain_or_none(position.quantity),
        opened_at=position.opened.at,
        closed_at=None if closed is None else closed.stamp.occurred_at,
        reason=None if closed is None else closed.reason,
        pnl_percent=None if result is None else plain(result.pnl_percent),
        decision=None if found.decision is None else _latest(found.decision, register),
    )


def _latest(decision: LevelsComputed, register: PolicyRegister) -> reports.LatestDecision:
    raw = decision.levels.raw
    return reports.LatestDecision(
        decision_id=str(decision_id(plan_id(decision.position_id), decision.revision)),
        revision=decision.revision,
        policy=decision.policy.name,
        unit=_unit(decision, register),
        tp1=raw.tp1,
        tp2=raw.tp2,
        tp3=raw.tp3,
        sl=raw.sl,
        trigger_prices=prices_of(decision.levels.triggers),
    )


def _unit(decision: Decision, register: PolicyRegister) -> Unit | None:
    registered = register.policies.get(decision.policy.name)
    return None if registered is None else registered.policy.unit


def _position_table(descriptions: list[reports.PositionDescription], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("Plan", "Account", "Symbol", "Side"):
        table.add_column(heading)
    for heading in ("Leverage", "Entry", "Quantity"):
        table.add_column(heading, justify="right")
    table.add_column("Opened (UTC)")
    for heading in (*map(str.upper, LEVELS),):
        table.add_column(heading, justify="right")
    table.add_column("Policy")
    table.add_column("State")
    for one in descriptions:
        latest = one.decision
        distances = [""] * len(LEVELS) if latest is None else [_distance(latest, level) for level in LEVELS]
        table.add_row(
            one.plan_id[:8],
            one.account,
            one.symbol,
            one.side,
            number(one.leverage),
            _shortened(one.entry_price),
            _shortened(one.quantity),
            f"{one.opened_at:%Y-%m-%d %H:%M:%S}",
            *distances,
            "" if latest is None else latest.policy,
            one.state if one.reason is None else output.printable(f"{one.state}: {one.reason}"),
        )
    return table


def _distance(latest: reports.LatestDecision, level: str) -> str:
    raw: float = getattr(latest, level)
    return number(raw) if latest.unit is None else percent(latest.unit.to_fraction(raw))


def _shortened(amount: str | None) -> str:
    return "unknown" if amount is None else short(Decimal(amount))


def _history_event(
    entry: lookup.HistoryEntry, history: lookup.PlanHistory, register: PolicyRegister
) -> reports.HistoryEvent:
    event = entry.event
    decision = event if isinstance(event, LevelsComputed | LevelsRefused) else None
    return reports.HistoryEvent(
        log_position=entry.position,
        at=_occurred_at(event),
        of="plan" if entry.stream_id == history.plan_id else "position",
        event=type(event).__name__,
        what=sentence_of(event, None if decision is None else _unit(decision, register)),
        decision=None if decision is None else _plan_decision(decision, history),
    )


def _occurred_at(event: lookup.HistoricEvent) -> datetime:
    if isinstance(event, LevelsComputed | LevelsRefused):
        return event.context.occurred_at
    return event.stamp.occurred_at


def _plan_decision(decision: Decision, history: lookup.PlanHistory) -> reports.PlanDecision:
    judged = decision.levels
    raw = judged.raw
    refused = raw.refusal is not None
    return reports.PlanDecision(
        decision_id=str(decision_id(history.plan_id, decision.revision)),
        revision=decision.revision,
        cause=decision.cause.value,
        policy=decision.policy.name,
        engine=decision.engine,
        lsf_adjusted=raw.lsf_adjusted,
        tp1=None if refused else raw.tp1,
        tp2=None if refused else raw.tp2,
        tp3=None if refused else raw.tp3,
        sl=None if refused else raw.sl,
        refusal=raw.refusal,
        binding=binding_of(judged),
        guards=guards_of(judged),
        assumptions=assumptions_of(decision.assumptions),
        trigger_prices=prices_of(judged.triggers),
    )


def _state(history: lookup.PlanHistory) -> reports.PlanState:
    for entry in history.entries:
        if isinstance(entry.event, ExitPlanCompleted):
            return "completed"
        if isinstance(entry.event, ExitPlanCancelled):
            return "cancelled"
    return "open"


def _plan_text(report: reports.PlanReport) -> Iterator[str]:
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


def _receipt_report(found: lookup.FoundReceipt, register: PolicyRegister) -> reports.ReceiptReport:
    received: MessageReceived = found.receipt
    refusal = received.refusal
    return reports.ReceiptReport(
        receipt_id=str(found.entry.stream_id),
        log_position=found.entry.position,
        source=received.source,
        stream=received.stream,
        entry_id=received.entry_id,
        origin=received.origin.value,
        outcome=received.disposition.value,
        reason=None if received.reason is None else received.reason.value,
        refusal=None if refusal is None else reports.Refusal(refusal.field, refusal.value, refusal.allowed),
        account=received.account,
        occurred_at=received.occurred_at,
        time_origin=received.time_origin.value,
        recorded_at=received.recorded_at,
        in_future=received.in_future,
        assumptions=assumptions_of(received.assumptions),
        fields=received.fields.values,
        encoded=received.fields.encoded,
        length=received.fields.length,
        ignored_exit=None if received.ignored_exit is None else exits.reported(received.ignored_exit),
        effects=[_effect(entry, register) for entry in found.effects],
    )


def _effect(entry: LogEntry, register: PolicyRegister) -> reports.Effect:
    event = entry.event
    unit = _unit(event, register) if isinstance(event, LevelsComputed | LevelsRefused) else None
    return reports.Effect(
        entry.position, type(event).__name__, str(entry.stream_id), sentence_of(event, unit)
    )


def _receipt_text(report: reports.ReceiptReport, ignored: IgnoredExit | None) -> Iterator[str]:
    reason = "" if report.reason is None else f" {report.reason}"
    yield f"{report.outcome}{reason}: entry {report.entry_id} of {report.stream}"
    if report.refusal is not None:
        yield f"  {report.refusal.field} is {report.refusal.value}; allowed: {report.refusal.allowed}"
    future = ", in the future when it was recorded" if report.in_future else ""
    yield f"  receipt {report.receipt_id} at log position {report.log_position}, origin {report.origin}"
    yield f"  occurred {report.occurred_at.isoformat()} ({report.time_origin}){future}"
    yield f"  recorded {report.recorded_at.isoformat()}"
    if ignored is not None:
        yield from exits.in_words(ignored)
    for one in report.assumptions:
        yield f"  assumed {one.field} {one.value}: {one.why}"
    yield from tables.raw_fields(report.fields, report.encoded, report.length)
    yield "Effects" if report.effects else "No effects"
    for effect in report.effects:
        yield f"  #{effect.log_position:<6} {effect.event} of {effect.id}{f': {effect.what}' if effect.what else ''}"
