"""One message, its result and its effects."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.application.queries.lookup import FoundReceipt
from exitbrain.domain.messages.receipt import IgnoredExit
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.presentation.decisions import unit_of
from exitbrain.infrastructure.presentation.events import sentence_of
from exitbrain.infrastructure.presentation.ignored_exits import IgnoredExitReport, exit_ignored, in_words
from exitbrain.infrastructure.presentation.messages import WhyRefused, raw_fields, why_refused


class Effect(Struct):
    """An event that a message led to."""

    log_position: int
    event: str
    id: str
    what: str


class ReceiptReport(Struct):
    """A message with its result; `encoded` names the fields shown as base64 or JSON.

    `ignored_exit` is null unless the message is an exit that ended nothing.
    """

    receipt_id: str
    log_position: int
    source: str
    stream: str
    entry_id: str
    origin: str
    outcome: str
    reason: str | None
    refusal: WhyRefused | None
    account: str
    occurred_at: datetime
    time_origin: str
    recorded_at: datetime
    in_future: bool
    assumptions: tuple[Assumption, ...]
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None
    ignored_exit: IgnoredExitReport | None
    effects: list[Effect]


def receipt_report(found: FoundReceipt, register: PolicyRegister) -> ReceiptReport:
    """Return a message for `--json`."""
    received = found.receipt
    return ReceiptReport(
        receipt_id=str(found.entry.stream_id),
        log_position=found.entry.position,
        source=received.source,
        stream=received.stream,
        entry_id=received.entry_id,
        origin=received.origin.value,
        outcome=received.disposition.value,
        reason=None if received.reason is None else received.reason.value,
        refusal=None if received.refusal is None else why_refused(received.refusal),
        account=received.account,
        occurred_at=received.occurred_at,
        time_origin=received.time_origin.value,
        recorded_at=received.recorded_at,
        in_future=received.in_future,
        assumptions=received.assumptions,
        fields=received.fields.values,
        encoded=received.fields.encoded,
        length=received.fields.length,
        ignored_exit=None if received.ignored_exit is None else exit_ignored(received.ignored_exit),
        effects=[_effect(entry, register) for entry in found.effects],
    )


def _effect(entry: LogEntry, register: PolicyRegister) -> Effect:
    event = entry.event
    what = sentence_of(event, unit_of(event, register))
    return Effect(entry.position, type(event).__name__, str(entry.stream_id), what)


def receipt_text(report: ReceiptReport, ignored: IgnoredExit | None) -> Iterator[str]:
    """Yield a message with its fields and its effects."""
    reason = "" if report.reason is None else f" {report.reason}"
    yield f"{report.outcome}{reason}: entry {report.entry_id} of {report.stream}"
    if report.refusal is not None:
        yield f"  {report.refusal}"
    future = ", in the future when it was recorded" if report.in_future else ""
    yield f"  receipt {report.receipt_id} at log position {report.log_position}, origin {report.origin}"
    yield f"  occurred {report.occurred_at.isoformat()} ({report.time_origin}){future}"
    yield f"  recorded {report.recorded_at.isoformat()}"
    if ignored is not None:
        yield from in_words(ignored)
    for one in report.assumptions:
        yield f"  assumed {one.field} {one.value}: {one.why}"
    yield from raw_fields(report.fields, report.encoded, report.length)
    yield "Effects" if report.effects else "No effects"
    for effect in report.effects:
        yield f"  #{effect.log_position:<6} {effect.event} of {effect.id}{f': {effect.what}' if effect.what else ''}"
