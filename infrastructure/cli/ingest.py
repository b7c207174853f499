"""The command `ingest`: record messages from a file as the live intake would."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Annotated

from typer import Argument, Option

from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import Interrupted
from exitbrain.infrastructure.cli.options import Account, Json, PolicyOfNewStore, Store, flag, verbs
from exitbrain.infrastructure.cli.progress import ProgressBar
from exitbrain.infrastructure.cli.store import collecting_seldom, opened_with
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.presentation.ingest import counts_of, ingest_report
from exitbrain.infrastructure.presentation.new_store import stop_inside_costs
from exitbrain.infrastructure.secrets import masked
from exitbrain.infrastructure.settings import ENV_FILE, load_settings
from exitbrain.infrastructure.wire.jsonl import open_messages, read_messages

BATCH_MAX = 10_000
REFUSALS_SHOWN = 20


verb = verbs()


@verb.command(epilog="Example: exitbrain ingest intents.jsonl --store sqlite:///t.db")
def ingest(
    file: Annotated[
        str,
        Argument(metavar="FILE", help="JSON lines {stream, stream_id, fields}, also gzipped; - is stdin."),
    ],
    store: Store = None,
    policy: PolicyOfNewStore = None,
    instruments: Annotated[
        str | None,
        flag("FILE", "Ticks, steps and leverage brackets; default EXITBRAIN_INSTRUMENTS, else none."),
    ] = None,
    account: Account = None,
    batch: Annotated[int, Option(metavar="N", help="Messages per transaction, 1 to 10000.")] = 256,
    as_json: Json = False,
) -> None:
    """Record every message of a file, each batch in one transaction."""
    if not 1 <= batch <= BATCH_MAX:
        raise InvalidValue("--batch", batch, f"1 to {BATCH_MAX}")
    settings = load_settings(
        env_file=ENV_FILE, store=store, policy=policy, instruments=instruments, account=account
    )
    lines = _Lines(file, settings.file_limits)
    messages = read_messages(lines, max_bytes=settings.max_message_bytes, prefix=settings.stream_prefix)
    with opened_with(settings, "create") as container, collecting_seldom():
        if not as_json and (warning := stop_inside_costs(container.ledger(), settings.decisions)):
            output.say(warning)
        summary = _recorded(container.recorder(), messages, lines, batch)
    _report(summary, settings.store, is_named=store is not None, as_json=as_json)


def _recorded(
    recorder: Recorder, messages: Iterator[IncomingMessage], lines: "_Lines", batch: int
) -> IngestSummary:
    summary = IngestSummary()
    with ProgressBar("ingesting", lines.size) as work:
        try:
            while chunk := list(islice(messages, batch)):
                summary.count(recorder.handle_batch(chunk))
                work.reached(lines.bytes_read, count=summary.read, unit="messages")
        except KeyboardInterrupt as ctrl_c:
            raise Interrupted(
                f"interrupted after {summary.read} messages; complete batches stay recorded; run the same command again to continue"
            ) from ctrl_c
    return summary


class _Lines:
    """The lines of a file, counted in bytes. It is opened at once, so that a missing or wrong file creates no store."""

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
    if as_json:
        output.emit(ingest_report(summary))
        return
    output.show(counts_of(summary))
    if summary.refusals:
        output.show(*(f"  refused {entry}: {reason}" for entry, reason in summary.refusals[:REFUSALS_SHOWN]))
        output.show(_how_to_see(summary, store, is_named=is_named))


def _how_to_see(summary: IngestSummary, store: str, *, is_named: bool) -> str:
    """Return the last line of a report with refusals: how many, and where to look at them."""
    how_many, first = len(summary.refusals), summary.refusals[0][0]
    before = "" if how_many == summary.refused else ", now or before"
    shown = "" if how_many <= REFUSALS_SHOWN else f", {REFUSALS_SHOWN} of them shown"
    flag = f" --store {quote(masked(store))}" if is_named else ""
    receipt = (
        "" if store == "memory://" else f"exitbrain receipt {first}{flag} shows the first with its fields, "
    )
    return f"{how_many} refused{before}{shown}: {receipt}--json lists all"
