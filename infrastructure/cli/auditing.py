"""The command `audit lsf`: every change of the LSF and what it came from, as table, CSV or JSON."""

import csv
import io
from collections.abc import Iterable
from decimal import Context, Decimal
from pathlib import Path

from rich.table import Table

from exitbrain.application.lsf_audit import LsfChange
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.values import plain
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.store import reading

FORMATS = ("table", "csv")
COLUMNS = reports.Change.__struct_fields__


def audit_lsf(
    *,
    since: str | None,
    until: str | None,
    symbol: str | None,
    store: str | None,
    form: str,
    csv_file: str | None,
    as_json: bool,
) -> None:
    """Report the selected changes of the adjusted LSF."""
    if form not in FORMATS:
        raise InvalidValue("--format", form, " or ".join(FORMATS))
    if as_json and (csv_file is not None or form == "csv"):
        raise WrongUsage("--json and CSV are two forms of the same report; ask for one")
    selection = selection_of(since, until, symbol)
    with reading(store, "reading LSF changes") as store_read:
        found = store_read.container.lsf_audit().changes(selection, progress=store_read.work.reached)
        try:
            changes = [_change(one) for one in found]
        except UnknownPolicy as unknown:  # the record names it, not the user
            raise StoreUnavailable(f"a change of the LSF can not be attributed: {unknown}") from unknown
    if as_json:
        output.emit(reports.LsfAuditReport(changes))
    elif csv_file is not None and csv_file != "-":
        Path(csv_file).write_text(_csv(changes), encoding="utf-8", newline="")
        output.say(f"{len(changes)} changes written to {csv_file}")
    elif csv_file == "-" or form == "csv":
        output.write(_csv(changes))
    elif changes:
        output.show(_table(changes))
    else:
        output.show("The LSF changed in none of the selected decisions.")


def _change(one: LsfChange) -> reports.Change:
    return reports.Change(
        at=one.at,
        symbol=one.symbol,
        position_id=str(one.position_id),
        decision_id=str(one.decision_id),
        before=one.before,
        after=one.after,
        delta=_exact(one.delta),
        leverage_effect=_exact(one.leverage_effect),
        pnl_effect=_exact(one.pnl_effect),
        confidence_effect=_exact(one.confidence_effect),
        policy_effect=_exact(one.policy_effect),
        cause=one.cause.value,
    )


def _exact(amount: Decimal) -> str:
    """Write all digits of a difference of doubles; trailing zeros say nothing."""
    text = plain(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _csv(changes: Iterable[reports.Change]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for change in changes:
        cells = {name: getattr(change, name) for name in COLUMNS}
        rows.writerow({**cells, "at": change.at.isoformat().replace("+00:00", "Z")}.values())
    return text.getvalue()


def _table(changes: list[reports.Change]) -> Table:
    table = Table(
        title="Changes of the adjusted LSF (rounded; --json and --csv are exact)", title_justify="left"
    )
    for heading in ("At (UTC)", "Symbol", "Before", "After"):
        table.add_column(heading)
    for heading in ("Delta", "Leverage", "PnL", "Confidence", "Policy"):
        table.add_column(heading, justify="right")
    table.add_column("Cause")
    table.add_column("Decision")
    for one in changes:
        effects = (
            one.delta,
            one.leverage_effect,
            one.pnl_effect,
            one.confidence_effect,
            one.policy_effect,
        )
        table.add_row(
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.symbol,
            f"{one.before:.6f}",
            f"{one.after:.6f}",
            *map(_signed, effects),
            one.cause,
            one.decision_id[:8],
        )
    return table


def _signed(effect: str) -> str:
    return f"{Context(prec=4).plus(Decimal(effect)):+f}" if Decimal(effect) else "0"
