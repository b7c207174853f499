"""The command `ingest`: recorded messages from a file, taken in as the live intake would."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from shlex import quote

from exitbrain.application.ingest_summary import IngestSummary
from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import Interrupted
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.store import collecting_seldom, opened_with
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.secrets import masked
from exitbrain.infrastructure.settings import ENV_FILE, load_settings
from exitbrain.infrastructure.wire.jsonl import open_messages, read_messages

BATCH_MAX = 10_000
REFUSALS_SHOWN = 20


def ingest(
    file: str,
    *,
    store: str | None,
    policy: str | None,
    instruments: str | None,
    account: str | None,
    batch: int,
    as_json: bool,
) -> None:
    """Record every message of a file, each batch in one transaction."""
    if not 1 <= batch <= BATCH_MAX:
        raise InvalidValue("--batch", batch, f"1 to {BATCH_MAX}")
    settings = load_settings(
        env_file=ENV_FILE, store=store, policy=policy, instruments=instruments, account=account
    )
    lines = _Lines(file, settings.file_limits)
    messages = read_messages(lines, max_bytes=settings.max_message_bytes, prefix=settings.stream_prefix)
    with (
        opened_with(settings, "create") as container,
        collecting_seldom(),
        Watched("ingesting", lines.size) as work,
    ):
        recorder, summary = container.recorder(), IngestSummary()
        try:
            while chunk := list(islice(messages, batch)):
                summary.count(recorder.handle_batch(chunk))
                work.reached(lines.bytes_read, count=summary.read, unit="messages")
        except KeyboardInterrupt as ctrl_c:
            raise Interrupted(
                f"interrupted after {summary.read} messages; whole batches stay recorded, the same command goes on from there"
            ) from ctrl_c
    _report(summary, settings.store, is_named=store is not None, as_json=as_json)


class _Lines:
    """The lines of a file, counted in bytes; begun at once, so that a missing or wrong file begins no store."""

    def __init__(self, file: str, limits: FileLimits) -> None:
        self._lines = open_messages(file, limits)
        self.bytes_read = 0
        self.size = None if file == "-" or file.endswith(".gz") else _size(file)

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.bytes_read += len(line)
            yield line


def _size(file: str) -> int | None:
    path = Path(file)
    return path.stat().st_size if path.is_file() else None


def _report(summary: IngestSummary, store: str, *, is_named: bool, as_json: bool) -> None:
    refusals = [reports.RefusedEntry(entry, reason) for entry, reason in summary.refusals]
    if as_json:
        output.emit(
            reports.IngestReport(
                read=summary.read,
                accepted=summary.accepted,
                ignored=summary.ignored,
                refused=summary.refused,
                duplicate=summary.duplicate,
                decisions=summary.decisions,
                exits_ignored=summary.exits_ignored,
                exit_repeats=summary.exit_repeats,
                exits_refused=summary.exits_refused,
                refusals=refusals,
            )
        )
        return
    output.show(counts_of(summary))
    if refusals:
        output.show(*(f"  refused {one.entry}: {one.reason}" for one in refusals[:REFUSALS_SHOWN]))
        output.show(_how_to_see(summary, store, is_named=is_named))


def _how_to_see(summary: IngestSummary, store: str, *, is_named: bool) -> str:
    """Return the last line of a report that holds refusals: how many, and where they can be looked at."""
    how_many, first = len(summary.refusals), summary.refusals[0][0]
    before = "" if how_many == summary.refused else ", now or before"
    shown = "" if how_many <= REFUSALS_SHOWN else f", {REFUSALS_SHOWN} of them shown"
    flag = f" --store {quote(masked(store))}" if is_named else ""
    receipt = (
        "" if store == "memory://" else f"exitbrain receipt {first}{flag} shows the first with its fields, "
    )
    return f"{how_many} refused{before}{shown}: {receipt}--json lists all"


def counts_of(summary: IngestSummary) -> str:
    """Return the counts in a sentence, exits that ended nothing apart from what else was ignored or refused."""
    ignored = (
        (summary.exits_ignored, "exit that ended nothing", "exits that ended nothing"),
        (summary.exit_repeats, "expected repeat", "expected repeats"),
    )
    refused = ((summary.exits_refused, "exit", "exits"),)
    return (
        f"{summary.read} read: {summary.accepted} accepted, {summary.ignored} ignored{_of_these(*ignored)}, "
        f"{summary.refused} refused{_of_these(*refused)}, {summary.duplicate} duplicate; "
        f"{summary.decisions} decisions."
    )


def _of_these(*counts: tuple[int, str, str]) -> str:
    parts = [f"{number} {one if number == 1 else many}" for number, one, many in counts if number]
    return f" ({', '.join(parts)})" if parts else ""
