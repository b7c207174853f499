"""The command `audit lsf`: every change of the LSF and what it came from, as table, CSV or JSON.

JSON and CSV are kept until all of it is known, so that a store that turns out to be damaged leaves no half report;
what is too long for memory waits in a temporary file.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO

import msgspec

from exitbrain.application.lsf_audit import (
    CountedClose,
    LsfChange,
    LsfCounts,
    LsfInputs,
    LsfSelection,
)
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.values import Cause, plain
from exitbrain.infrastructure import spreadsheet
from exitbrain.infrastructure.cli import lsf_text, output, reports
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.wording import exactly
from exitbrain.infrastructure.written_files import finished_text, naming

FORMATS = ("table", "csv")
ROWS_MAX = 200
"""Rows of a table unless more are asked for: a terminal shows some thousand a second, and nobody reads them."""
MEMORY_MAX = 64 * 1024 * 1024
"""Bytes of a report that are kept in memory."""

_INPUTS = reports.LsfInputs.__struct_fields__
_PLAIN = tuple(name for name in reports.Change.__struct_fields__ if name not in ("inputs", "closes"))
COLUMNS = (*_PLAIN, *(f"{name}_{when}" for name in _INPUTS for when in ("before", "after")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which changes a user asked for, as typed."""

    since: str | None
    until: str | None
    symbol: str | None
    position: str | None
    decision: str | None
    policy: str | None
    cause: str | None


def audit_lsf(
    asked: Asked,
    *,
    limit: int | None,
    closes: bool,
    store: str | None,
    form: str,
    csv_file: str | None,
    as_json: bool,
) -> None:
    """Report the selected changes of the adjusted LSF, or the newest of them."""
    as_csv = csv_file is not None or form == "csv"
    _check_form(form, as_json=as_json, as_csv=as_csv, closes=closes)
    rows_max = _rows_max(limit, 0 if as_json or as_csv else ROWS_MAX)
    selection = _selection(asked)
    counts = LsfCounts()
    listed: list[LsfChange] = []
    with SpooledTemporaryFile(MEMORY_MAX, "w+", encoding="utf-8", newline="") as kept:
        with reading(store, "reading LSF changes") as store_read, _of_the_record():
            _check_policy(asked.policy, store_read.ledger.register())
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
            output.show(*lsf_text.report(listed, counts))


@contextmanager
def _of_the_record() -> Iterator[None]:
    """Say of a policy that is not known that the record names it, not the user."""
    try:
        yield
    except UnknownPolicy as unknown:
        raise StoreUnavailable(f"a change of the LSF can not be attributed: {unknown}") from unknown


def _check_form(form: str, *, as_json: bool, as_csv: bool, closes: bool) -> None:
    if form not in FORMATS:
        raise InvalidValue("--format", form, " or ".join(FORMATS))
    if as_json and as_csv:
        raise WrongUsage("--json and CSV are two forms of the same report; ask for one")
    if closes and as_csv:
        raise WrongUsage("--closes does not fit into the rows of CSV; ask for --json, or a table")


def _rows_max(limit: int | None, default: int) -> int:
    if limit is not None and limit < 0:
        raise InvalidValue("--limit", limit, "a number of rows, or 0 for all")
    return default if limit is None else limit


def _selection(asked: Asked) -> LsfSelection:
    times = selection_of(asked.since, asked.until, asked.symbol)
    return LsfSelection(
        times.since,
        times.until,
        times.symbol,
        position=asked.position,
        decision=asked.decision,
        policy=asked.policy,
        cause=_cause(asked.cause),
    )


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
    """Write what `LsfAuditReport` says, change by change; the summary is known after the last."""
    kept.write('{"changes":[')
    for number, change in enumerate(changes):
        kept.write("," if number else "")
        kept.write(msgspec.json.encode(_change(change)).decode())
    kept.write(f'],"summary":{msgspec.json.encode(_summary(counts)).decode()}}}\n')


def _write_csv(changes: Iterable[LsfChange], kept: IO[str]) -> None:
    rows = csv.writer(kept, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in changes:
        change = _change(one)
        cells = {name: getattr(change, name) for name in _PLAIN}
        before, after = change.inputs.before, change.inputs.after
        inputs = (getattr(side, name) for name in _INPUTS for side in (before, after))
        at = change.at.isoformat().replace("+00:00", "Z")
        rows.writerow(spreadsheet.row((*{**cells, "at": at}.values(), *inputs)))


def _change(one: LsfChange) -> reports.Change:
    return reports.Change(
        at=one.at,
        symbol=one.symbol,
        position_id=str(one.position_id),
        decision_id=str(one.decision_id),
        before=one.before,
        after=one.after,
        delta=exactly(one.delta),
        leverage_effect=exactly(one.leverage_effect),
        pnl_effect=exactly(one.pnl_effect),
        confidence_effect=exactly(one.confidence_effect),
        policy_effect=exactly(one.policy_effect),
        cause=one.cause.value,
        inputs=reports.LsfInputsChanged(_inputs(one.inputs_before), _inputs(one.inputs_after)),
        closes=_closes(one.closes_before, one.closes_after),
    )


def _inputs(inputs: LsfInputs) -> reports.LsfInputs:
    return reports.LsfInputs(inputs.leverage, inputs.average_pnl, inputs.confidence, inputs.policy)


def _closes(
    before: tuple[CountedClose, ...] | None, after: tuple[CountedClose, ...] | None
) -> reports.ClosesChanged | None:
    if before is None or after is None:
        return None
    return reports.ClosesChanged([_close(one) for one in before], [_close(one) for one in after])


def _close(one: CountedClose) -> reports.CountedClose:
    return reports.CountedClose(
        str(one.position_id), one.symbol, one.at, plain(one.pnl_percent), one.log_position
    )


def _summary(counts: LsfCounts) -> reports.LsfSummary:
    return reports.LsfSummary(
        decisions=counts.decisions,
        changes=counts.changes,
        first=counts.first,
        last=counts.last,
        effects=reports.LsfEffects(counts.leverage, counts.pnl, counts.confidence, counts.policy),
        causes={cause.value: changes for cause, changes in counts.causes.items()},
    )
