"""The command `audit lsf`: every change of the LSF with its causes, as table, CSV or JSON.

JSON and CSV are written only once the report is complete, so a damaged store leaves no half report. A report too long
for memory waits in a temporary file.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Annotated

import msgspec
from typer import Option

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.queries.lsf_history import LsfChange, LsfCounts, LsfSelection
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import Cause
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.options import Json, OfSymbol, Since, Store, Until, Wide, flag, verbs
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.files.written import finished_text, naming
from exitbrain.infrastructure.presentation.lsf import (
    COLUMNS,
    changes_text,
    csv_row,
    reported_change,
    summary_of,
)

FORMATS = ("table", "csv")
ROWS_MAX = 200
"""Default number of rows in a table: a terminal shows some thousand a second, more than anyone reads."""
MEMORY_MAX = 64 * 1024 * 1024
"""Bytes of a report kept in memory."""

verb = verbs()


@verb.command("lsf", epilog="Example: exitbrain audit lsf --since 2026-01-01 --csv lsf.csv")
def audit_lsf(
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    position: Annotated[str | None, flag("ID", "Only this position: its id, or the beginning of it.")] = None,
    decision: Annotated[
        str | None, flag("ID", "Only the change at this decision: its id, or the beginning of it.")
    ] = None,
    policy: Annotated[str | None, flag("P", "Only decisions under this policy, like v3.6.")] = None,
    cause: Annotated[str | None, flag("C", "Only decisions with this cause, like INTENT.")] = None,
    limit: Annotated[
        int | None, flag("N", "Show the newest N, 0 for all; default 200 in a table, all in JSON and CSV.")
    ] = None,
    closes: Annotated[
        bool, Option("--closes", help="Show the closes behind each average PnL, in a table or in JSON.")
    ] = False,
    store: Store = None,
    form: Annotated[str, Option("--format", metavar="F", help="On stdout: table or csv.")] = "table",
    csv_file: Annotated[str | None, flag("FILE", "Write CSV to a file; - is stdout.", "--csv")] = None,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Explain every change of the adjusted LSF: what leverage, average PnL, confidence and policy did to it.

    A change is that from the decision before, of the same account and symbol; the flags select by the later of the two.
    """
    as_csv = csv_file is not None or form == "csv"
    _check_form(form, as_json=as_json, as_csv=as_csv, closes=closes)
    rows_max = _rows_max(limit, 0 if as_json or as_csv else ROWS_MAX)
    times = selection_of(since, until, symbol)
    selection = LsfSelection(
        times.since,
        times.until,
        times.symbol,
        position=position,
        decision=decision,
        policy=policy,
        cause=_cause(cause),
    )
    counts = LsfCounts()
    listed: list[LsfChange] = []
    with SpooledTemporaryFile(MEMORY_MAX, "w+", encoding="utf-8", newline="") as kept:
        with reading(store, "reading LSF changes") as store_read, _of_the_record():
            _check_policy(policy, store_read.ledger.register())
            audit = store_read.container.lsf_audit()
            found = audit.changes(selection, closes=closes, counts=counts, progress=store_read.work.reached)
            changes = deque(found, rows_max) if rows_max else found
            with naming(f"a temporary file in {gettempdir()}"):
                if as_json:
                    _write_json(changes, counts, kept)
                elif as_csv:
                    _write_csv(changes, kept)
                else:
                    listed = list(changes)
        kept.seek(0)
        if csv_file is not None and csv_file != "-":
            with finished_text(Path(csv_file)) as file:
                copyfileobj(kept, file)
            output.say(f"{min(counts.changes, rows_max or counts.changes)} changes written to {csv_file}")
        elif as_json or as_csv:
            output.copy(kept)
        else:
            output.show(*changes_text(listed, counts), wide=wide)


@contextmanager
def _of_the_record() -> Iterator[None]:
    """Explain that an unknown policy is named by the record, not by the user."""
    try:
        yield
    except UnknownPolicy as unknown:
        raise StoreUnavailable(f"a change of the LSF cannot be attributed: {unknown}") from unknown


def _check_form(form: str, *, as_json: bool, as_csv: bool, closes: bool) -> None:
    if form not in FORMATS:
        raise InvalidValue("--format", form, " or ".join(FORMATS))
    if as_json and as_csv:
        raise WrongUsage("--json and CSV are two forms of the same report; choose one")
    if closes and as_csv:
        raise WrongUsage("--closes does not fit into CSV rows; use --json or a table")


def _rows_max(limit: int | None, default: int) -> int:
    if limit is not None and limit < 0:
        raise InvalidValue("--limit", limit, "a number of rows, or 0 for all")
    return default if limit is None else limit


def _cause(text: str | None) -> Cause | None:
    if text is None:
        return None
    try:
        return Cause(text.strip().upper())
    except ValueError:
        raise InvalidValue("--cause", text, " or ".join(Cause)) from None


def _check_policy(name: str | None, register: PolicyRegister) -> None:
    if name is not None and name not in register.policies:
        raise InvalidValue("--policy", name, f"a policy of the store: {', '.join(register.policies)}")


def _write_json(changes: Iterable[LsfChange], counts: LsfCounts, kept: IO[str]) -> None:
    """Write an `LsfAuditReport` change by change; the summary is known only after the last."""
    kept.write('{"changes":[')
    for number, change in enumerate(changes):
        kept.write("," if number else "")
        kept.write(msgspec.json.encode(reported_change(change)).decode())
    kept.write(f'],"summary":{msgspec.json.encode(summary_of(counts)).decode()}}}\n')


def _write_csv(changes: Iterable[LsfChange], kept: IO[str]) -> None:
    rows = csv.writer(kept, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(map(csv_row, changes))
