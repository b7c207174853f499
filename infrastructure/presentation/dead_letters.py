"""Refused messages: the list, and one message with its fields."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from exitbrain.application.ports.dead_letters import DeadLetter, UnreadableLetter
from exitbrain.infrastructure.presentation.messages import WhyRefused, raw_fields, why_refused
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.presentation.table import ShownTable


class DeadLetterRow(Struct):
    """A refused message; `retry_of` is the entry id of the original message if it was a retry."""

    entry_id: str
    source: str
    recorded_at: datetime
    symbol: str | None
    reason: str
    refusal: WhyRefused
    retry_of: str | None


class DlqListReport(Struct):
    """The refused messages in the order they were recorded."""

    letters: list[DeadLetterRow]
    unreadable: list[UnreadableLetter]


class DlqShowReport(DeadLetterRow, kw_only=True):
    """A refused message with its fields; `encoded` names those shown as base64 or JSON."""

    stream: str
    receipt_id: str
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None


class DlqRetryReport(Struct):
    """A message that was sent again; `checked` is the store checked for an accepted retry, null if none was."""

    entry_id: str
    stream: str
    retry_of: str
    checked: str | None


def row_of(letter: DeadLetter, symbol: str | None) -> DeadLetterRow:
    """Return a summary of a refused message; `symbol` is the one in its fields."""
    return DeadLetterRow(
        entry_id=letter.entry_id,
        source=letter.source,
        recorded_at=letter.recorded_at,
        symbol=symbol,
        reason=letter.refusal.reason.value,
        refusal=why_refused(letter.refusal),
        retry_of=letter.retry_of,
    )


def letter_report(letter: DeadLetter, symbol: str | None) -> DlqShowReport:
    """Return a refused message with its fields."""
    row = row_of(letter, symbol)
    return DlqShowReport(
        **{name: getattr(row, name) for name in row.__struct_fields__},
        stream=letter.stream,
        receipt_id=str(letter.receipt_id),
        fields=letter.fields.values,
        encoded=letter.fields.encoded,
        length=letter.fields.length,
    )


def list_text(report: DlqListReport, sources: Sequence[str]) -> Iterator[ShownTable | str]:
    """Yield the refused messages as a table, and what cannot be read."""
    if not report.letters:
        yield f"No refused messages among the dead letters of {' and '.join(sources)}."
    else:
        table = ShownTable("Refused messages")
        table.text("Entry")
        table.text("Stream", drop=3)
        table.text("Recorded (UTC)", drop=4)
        table.prose("Symbol")
        table.text("Reason", drop=2)
        table.prose("Refused")
        table.text("Retry of", drop=1)
        for one in report.letters:
            symbol, refused = printable(one.symbol or ""), printable(str(one.refusal))
            when, retry_of = f"{one.recorded_at:%Y-%m-%d %H:%M:%S}", printable(one.retry_of or "")
            table.row(one.entry_id, one.source, when, symbol, one.reason, refused, retry_of)
        yield table
    for unreadable in report.unreadable:
        yield f"{unreadable.id} cannot be read: {unreadable.why}"


def letter_text(report: DlqShowReport) -> Iterator[str]:
    """Yield a refused message with its fields, one per line."""
    yield f"REFUSED {report.reason}: entry {report.entry_id} of {report.stream}"
    yield f"  {report.refusal}"
    yield f"  recorded {report.recorded_at.isoformat()}, receipt {report.receipt_id}"
    if report.retry_of is not None:
        yield f"  a retry of {report.retry_of}"
    yield from raw_fields(report.fields, report.encoded, report.length)


def retry_text(report: DlqRetryReport) -> str:
    """Return what was sent again, and which store was checked first."""
    asked = (
        "No store was asked whether a retry of it was accepted before."
        if report.checked is None
        else f"{report.checked} has no accepted retry of it."
    )
    return f"{report.retry_of} was sent again as {report.entry_id} of {report.stream}. {asked}"
