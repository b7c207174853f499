"""The commands `dlq list`, `dlq show` and `dlq retry`: refused messages, looked at and sent again."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from rich.console import RenderableType
from rich.table import Table

from exitbrain.application import dead_letters
from exitbrain.application.ports.dead_letters import DeadLetter, DeadLettersUnavailable
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.infrastructure.cli import output, reports, tables
from exitbrain.infrastructure.cli.assignments import assignment, check_once
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.store import has_none, name_of, opened_with
from exitbrain.infrastructure.redis.address import BadRedisUrl
from exitbrain.infrastructure.redis.dead_letters import RedisDeadLetters
from exitbrain.infrastructure.redis.first_look import check_tls
from exitbrain.infrastructure.settings import ENV_FILE, Settings, load_settings
from exitbrain.infrastructure.wire.dead_letter import corrected, symbol_in
from exitbrain.infrastructure.wire.translator import WireTranslator


def list_letters(*, redis: str | None, stream: str | None, as_json: bool) -> None:
    """Report what was refused, oldest first."""
    settings = load_settings(env_file=ENV_FILE, redis=redis)
    sources = _sources(stream, settings)
    with _dead_letters(settings) as letters:
        found, unreadable = dead_letters.all_letters(letters, sources)
    report = reports.DlqListReport(
        [_row(letter) for letter in found],
        [reports.UnreadableEntry(one.id, one.why) for one in unreadable],
    )
    if as_json:
        output.emit(report)
    else:
        output.show(*_list_text(report, sources))


def show_letter(wanted: str, *, redis: str | None, stream: str | None, as_json: bool) -> None:
    """Report one refused message with its fields."""
    settings = load_settings(env_file=ENV_FILE, redis=redis)
    with _dead_letters(settings) as letters:
        letter = dead_letters.find(letters, wanted, _sources(stream, settings))
    report = _report(letter)
    if as_json:
        output.emit(report)
    else:
        output.show(*_letter_text(report))


def retry_letter(
    wanted: str,
    corrections: Sequence[str],
    *,
    redis: str | None,
    stream: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Send one refused message again and report its new entry id."""
    given = _corrections(corrections)
    settings = load_settings(env_file=ENV_FILE, redis=redis, store=store)
    with _dead_letters(settings) as letters, _store(settings) as (ledger, name):
        letter = dead_letters.find(letters, wanted, _sources(stream, settings))
        retried = dead_letters.retry(
            letters, letter, corrected(letter.fields, given), translator=WireTranslator(), ledger=ledger
        )
    report = reports.DlqRetryReport(retried.entry_id, retried.stream, retried.retry_of, name)
    if as_json:
        output.emit(report)
        return
    checked = "" if name is None else f" {name} has no accepted retry of it."
    unchecked = "" if name is not None else " No store was asked whether a retry of it was accepted before."
    output.show(
        f"{retried.retry_of} was sent again as {retried.entry_id} of {retried.stream}.{checked}{unchecked}"
    )


def _row(letter: DeadLetter) -> reports.DeadLetterRow:
    return reports.DeadLetterRow(
        entry_id=letter.entry_id,
        source=letter.source,
        recorded_at=letter.recorded_at,
        symbol=symbol_in(letter.fields),
        reason=letter.refusal.reason.value,
        refusal=reports.Refusal(letter.refusal.field, letter.refusal.value, letter.refusal.allowed),
        retry_of=letter.retry_of,
    )


def _report(letter: DeadLetter) -> reports.DlqShowReport:
    row = _row(letter)
    return reports.DlqShowReport(
        **{name: getattr(row, name) for name in row.__struct_fields__},
        stream=letter.stream,
        receipt_id=str(letter.receipt_id),
        fields=letter.fields.values,
        encoded=letter.fields.encoded,
        length=letter.fields.length,
    )


def _list_text(report: reports.DlqListReport, sources: Sequence[str]) -> Iterator[RenderableType]:
    if not report.letters:
        yield f"No refused messages among the dead letters of {' and '.join(sources)}."
    else:
        table = Table(title="Refused messages", title_justify="left")
        for heading in ("Entry", "Stream", "Recorded (UTC)", "Symbol", "Reason", "Refused", "Retry of"):
            table.add_column(heading)
        for one in report.letters:
            symbol, refused = output.printable(one.symbol or ""), output.printable(_sentence(one.refusal))
            when, retry_of = f"{one.recorded_at:%Y-%m-%d %H:%M:%S}", output.printable(one.retry_of or "")
            table.add_row(one.entry_id, one.source, when, symbol, one.reason, refused, retry_of)
        yield table
    for unreadable in report.unreadable:
        yield f"{unreadable.id} can not be read: {unreadable.why}"


def _letter_text(report: reports.DlqShowReport) -> Iterator[str]:
    yield f"REFUSED {report.reason}: entry {report.entry_id} of {report.stream}"
    yield f"  {_sentence(report.refusal)}"
    yield f"  recorded {report.recorded_at.isoformat()}, receipt {report.receipt_id}"
    if report.retry_of is not None:
        yield f"  a retry of {report.retry_of}"
    yield from tables.raw_fields(report.fields, report.encoded, report.length)


def _sentence(refusal: reports.Refusal) -> str:
    return f"{refusal.field} is {refusal.value}; allowed: {refusal.allowed}"


def _sources(stream: str | None, settings: Settings) -> tuple[str, ...]:
    if stream is None:
        return dead_letters.SOURCES
    source = settings.names.source_of(stream)
    if source not in dead_letters.SOURCES:
        raise WrongUsage(f"--stream is {stream!r}; allowed: {' or '.join(dead_letters.SOURCES)}")
    return (source,)


def _corrections(given: Sequence[str]) -> dict[str, str]:
    corrections = [assignment(text, f"--set is {text!r}; allowed: FIELD=VALUE") for text in given]
    check_once([name for name, _ in corrections], "--set")
    return dict(corrections)


@contextmanager
def _dead_letters(settings: Settings) -> Iterator[RedisDeadLetters]:
    try:
        letters = RedisDeadLetters(settings.redis, settings.names)
    except BadRedisUrl as error:
        raise WrongUsage(f"{error} (--redis, or setting REDIS)") from error
    with closing(letters):
        try:
            yield letters
        except DeadLettersUnavailable as error:
            asyncio.run(check_tls(settings.redis, error))
            raise


@contextmanager
def _store(settings: Settings) -> Iterator[tuple[ExitLedger | None, str | None]]:
    """Open the store that was named or lies at the default place, with its name; there may be none."""
    if has_none(settings):
        yield None, None
        return
    with opened_with(settings) as container:
        yield container.ledger(), name_of(container)
