"""The command `ingest`: recorded messages from a file, taken in as the live intake would."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from exitbrain.application.ingest_summary import IngestSummary
from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import Interrupted
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.store import collecting_seldom, opened_with
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import open_lines, read_messages

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
    settings = load_settings(store=store, policy=policy, instruments=instruments, account=account)
    lines = _Lines(file)
    messages = read_messages(lines, max_bytes=settings.max_message_bytes, prefix=settings.stream_prefix)
    with (
        opened_with(settings, create=True) as container,
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
    _report(summary, as_json=as_json)


class _Lines:
    """The lines of a file, counted in bytes; opened at once, so that a missing file begins no store."""

    def __init__(self, file: str) -> None:
        lines = open_lines(file)
        first = next(lines, None)
        self._lines = lines if first is None else chain([first], lines)
        self.bytes_read = 0
        self.size = (
            None if file == "-" or (first or b"")[:2] == b"\x1f\x8b" or file.endswith(".gz") else _size(file)
        )

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.bytes_read += len(line)
            yield line


def _size(file: str) -> int | None:
    path = Path(file)
    return path.stat().st_size if path.is_file() else None


def _report(summary: IngestSummary, *, as_json: bool) -> None:
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
                refusals=refusals,
            )
        )
        return
    output.show(
        f"{summary.read} read: {summary.accepted} accepted, {summary.ignored} ignored, "
        f"{summary.refused} refused, {summary.duplicate} duplicate; {summary.decisions} decisions."
    )
    output.show(*(f"  refused {one.entry}: {one.reason}" for one in refusals[:REFUSALS_SHOWN]))
    if len(refusals) > REFUSALS_SHOWN:
        output.show(f"  and {len(refusals) - REFUSALS_SHOWN} more; --json lists all of them")
