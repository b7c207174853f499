"""The columns of the table of outcomes, with type, unit and meaning.

The Arrow schemas, the files and the documentation are all made from this list. A change of a name, a type or a meaning
is a new FORMAT.
"""

from collections.abc import Sequence
from difflib import get_close_matches

import pyarrow as pa
from msgspec import Struct

from exitbrain import __version__
from exitbrain.application.whatif.rows import BOUNDS, TableLabel
from exitbrain.domain.errors import InvalidValue

FORMAT = "1"
"""The version of the format; files have it in the schema metadata as `exitbrain.format`."""

_TEXT, _TIME, _DAY = pa.string(), pa.timestamp("ms", "UTC"), pa.date32()
_DOUBLE, _MS, _COUNT, _SMALL, _FLAG = pa.float64(), pa.int64(), pa.int32(), pa.int8(), pa.bool_()


class OutcomeColumn(Struct, frozen=True):
    """A column: its name, Arrow type, unit (empty if it has none) and meaning."""

    name: str
    kind: pa.DataType
    unit: str
    meaning: str


POSITION = (
    OutcomeColumn("position_id", _TEXT, "", "The position; of a file, its place there"),
    OutcomeColumn("symbol", _TEXT, "", "The instrument"),
    OutcomeColumn("account", _TEXT, "", "The account; null for positions of a file"),
    OutcomeColumn("side", _TEXT, "", "LONG or SHORT"),
    OutcomeColumn("opened_at", _TIME, "UTC", "When it was opened"),
    OutcomeColumn("day", _DAY, "UTC", "The day on which it was opened"),
    OutcomeColumn("leverage", _DOUBLE, "times", "The leverage; null if it was assumed"),
    OutcomeColumn("quantity", _DOUBLE, "base currency", "The first quantity, as the nearest double"),
    OutcomeColumn("quote_currency", _TEXT, "", "The currency of all amounts"),
    OutcomeColumn("entry_price", _DOUBLE, "price", "The first entry price"),
    OutcomeColumn("closed_at", _TIME, "UTC", "When the recorded close happened"),
    OutcomeColumn("close_reason", _TEXT, "", "The reason that the recorded close gives, as text"),
    OutcomeColumn("ended_by", _TEXT, "", "Who made the recorded close: exits, trader, venue or unknown"),
    OutcomeColumn("close_price", _DOUBLE, "price", "The price of the recorded close"),
    OutcomeColumn("first_notional", _DOUBLE, "quote currency", "First quantity times first entry price"),
    OutcomeColumn("committed", _DOUBLE, "quote currency", "K, the highest cost basis while it was open"),
    OutcomeColumn("at_risk", _DOUBLE, "quote currency", "R, the loss at the baseline's stops, over all adds"),
)

POLICY = (
    OutcomeColumn(
        "policy", _COUNT, "", "Number of the policy: 0 the baseline, from 1 candidates, -1 as traded"
    ),
    OutcomeColumn("counted", _FLAG, "", "Whether the totals include it"),
    OutcomeColumn("left_out", _TEXT, "", "Why the totals do not include it; null if they do"),
    OutcomeColumn("left_out_detail", _TEXT, "", "The policy, candles or prices that this concerns"),
)

WALK = (
    OutcomeColumn("ambiguous", _FLAG, "", "Whether the candles leave more than one history possible"),
    OutcomeColumn("holes", _COUNT, "runs", "Runs of missing candles while it was open"),
    OutcomeColumn("failed_guards", _TEXT, "", "The guards on its levels that failed, separated by spaces"),
    OutcomeColumn(
        "entry_off_market", _FLAG, "", "Whether the entry lies outside its candle; null without that candle"
    ),
    OutcomeColumn("went_on", _FLAG, "", "Whether it went on after the recorded close"),
    OutcomeColumn(
        "added_after_exit", _FLAG, "", "Whether a recorded add came after its exit and was not walked"
    ),
)

UNITS = {
    "first": "of the first entry notional",
    "committed": "of the capital committed (K)",
    "quote": "quote currency",
    "r": "multiples of the money at risk (R)",
}
"""The units of results, in the order of the columns."""

AMOUNTS = {
    "gross": "Result of all legs before costs",
    "fees": "Fees of entry and exit; above 0 if paid",
    "slippage": "Slippage of all market exits; above 0 if paid",
    "funding": "Funding; above 0 if paid, below if received",
    "net": "Gross minus fees, slippage and funding",
}
"""The amounts of a result, in the order of the columns."""

_MEASURES = {
    "mfe": ("of the entry price", "How far the price went in favour of the position until its end"),
    "mae": ("of the entry price", "How far the price went against the position until its end"),
    "give_back": (
        "of the MFE",
        "The part of the largest gain that was not kept; null without a certain gain",
    ),
}


def _of_bound(bound: str) -> tuple[OutcomeColumn, ...]:
    return (
        *(
            OutcomeColumn(f"{amount}_{unit}_{bound}", _DOUBLE, words, meaning)
            for unit, words in UNITS.items()
            for amount, meaning in AMOUNTS.items()
        ),
        OutcomeColumn(
            f"net_r_own_{bound}", _DOUBLE, "multiples of its own risk", "Net, over the risk at its own stops"
        ),
        OutcomeColumn(f"end_at_{bound}", _TIME, "UTC", "Time of the last leg"),
        OutcomeColumn(f"end_level_{bound}", _TEXT, "", "Level of the last leg; OPEN at the end of the data"),
        OutcomeColumn(f"time_in_trade_ms_{bound}", _MS, "ms", "Time from entry to last leg"),
        OutcomeColumn(
            f"targets_hit_{bound}", _SMALL, "targets", "How many of the three targets were reached"
        ),
        *(
            OutcomeColumn(f"{name}_{bound}_{end}", _DOUBLE, unit, f"{meaning}: {end} end")
            for name, (unit, meaning) in _MEASURES.items()
            for end in ("lower", "upper")
        ),
    )


BOUND_COLUMNS = {bound: _of_bound(bound) for bound in BOUNDS}
DIFFERENCE = tuple(
    OutcomeColumn(
        f"difference_{unit}_{end}", _DOUBLE, words, f"Net of the policy minus the baseline: {end} end"
    )
    for unit, words in UNITS.items()
    for end in ("lower", "upper")
)

OUTCOMES = (
    *POSITION,
    *POLICY,
    *WALK,
    *BOUND_COLUMNS["pessimistic"],
    *BOUND_COLUMNS["optimistic"],
    *DIFFERENCE,
)
"""The table of outcomes: one row for each position and policy."""

POLICIES = (
    OutcomeColumn("policy", _COUNT, "", "Its number in the other tables"),
    OutcomeColumn("role", _TEXT, "", "baseline, candidate or as_traded"),
    OutcomeColumn("name", _TEXT, "", "Its name"),
    OutcomeColumn("formula", _TEXT, "", "Its formula; null for levels as recorded and fills as traded"),
    OutcomeColumn("unit", _TEXT, "", "The unit of its raw numbers: percent or fraction"),
    OutcomeColumn("parameters", _TEXT, "JSON", "Every parameter"),
    OutcomeColumn(
        "rules", _TEXT, "JSON", "The rules and costs of the walk, and inputs that the policy ignores"
    ),
    OutcomeColumn("parameters_hash", _TEXT, "SHA-256", "Hash of formula, unit and parameters"),
    OutcomeColumn("fingerprint", _TEXT, "SHA-256", "Fingerprint of the formula's outputs"),
)
"""The table of policies: one row for each."""

LEGS = (
    OutcomeColumn("position_id", _TEXT, "", "The position"),
    OutcomeColumn("policy", _COUNT, "", "The policy"),
    OutcomeColumn("bound", _TEXT, "", "pessimistic or optimistic"),
    OutcomeColumn("leg", _COUNT, "", "Number of the leg, from 1 in order of time"),
    OutcomeColumn(
        "level", _TEXT, "", "What closed it: TP1, SL, TRAIL, ...; OPEN for what is left at the end"
    ),
    OutcomeColumn("fraction", _DOUBLE, "of the original quantity", "How much it closed"),
    OutcomeColumn("price", _DOUBLE, "price", "Its price"),
    OutcomeColumn("at", _TIME, "UTC", "Open time of its candle, or of the finer candle or trade"),
    OutcomeColumn("refined", _FLAG, "", "Whether finer data decided it"),
    OutcomeColumn("traded", _DOUBLE, "price", "First finer price at or beyond the level"),
)
"""The table of legs: one row for each leg of each bound."""

TABLES = {"outcomes": OUTCOMES, "policies": POLICIES, "legs": LEGS}
"""The columns of each table of a run."""


def schema_of(table: str, label: TableLabel, names: Sequence[str] | None = None) -> pa.Schema:
    """Return the Arrow schema of a table, or of the named columns, with units, meanings and the label."""
    columns = {column.name: column for column in TABLES[table]}
    fields = [
        pa.field(each.name, each.kind, metadata={"unit": each.unit, "meaning": each.meaning})
        for each in (columns[name] for name in names or columns)
    ]
    about = {
        "format": FORMAT,
        "table": table,
        "version": __version__,
        "judged_unit": label.judged_unit,
        "baseline": label.baseline,
        "reasons": label.reasons or "",
    }
    return pa.schema(fields, {f"exitbrain.{key}": value for key, value in about.items()})


def outcome_columns(names: str) -> tuple[str, ...]:
    """Return the columns of the outcomes named in a text, separated by commas; raises InvalidValue."""
    known = [column.name for column in OUTCOMES]
    named = tuple(name.strip() for name in names.split(","))
    for place, name in enumerate(named):
        if name not in known:
            near = (
                ", ".join(get_close_matches(name, known))
                or "position_id, policy, net_committed_pessimistic, ..."
            )
            raise InvalidValue("columns", name, f"columns of the table of outcomes, such as {near}")
        if name in named[:place]:
            raise InvalidValue("columns", name, "each column once")
    return named
