"""Positions to be simulated, from a file: JSON lines, or CSV with a header; plain or gzipped."""

import csv
import io
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exitbrain.application.simulation import GivenPosition
from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.text_files import NotUtf8, text_of
from exitbrain.infrastructure.wire.json_text import NotJson, decode_numbers
from exitbrain.infrastructure.wire.jsonl import InputUnreadable, open_lines
from exitbrain.infrastructure.wire.message_time import time_of
from exitbrain.infrastructure.wire.scalars import (
    Confidence,
    Direction,
    Leverage,
    Positive,
    Ratio,
    Symbol,
    Volatility,
    is_absent,
    shown,
)

_NEEDED = ("symbol", "side", "entry_price", "opened_at")
_ALLOWED = {
    "symbol": "the symbol of an instrument, like BTCUSDT",
    "side": "BUY, LONG, SELL or SHORT",
    "entry_price": "a number above 0",
    "opened_at": "a time in ISO 8601, or seconds or milliseconds since 1970",
}
_JSON_ALLOWED = "a JSON object on each line"
_OTHER_NAMES = {"avg_entry": "entry_price", "qty": "quantity"}
"""Names that recorders of positions use."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    symbol: Symbol
    side: Direction
    entry_price: Positive
    leverage: Leverage = None
    volatility: Volatility = Field(default=None, validation_alias="volatility_factor")
    funding: Ratio = Field(default=None, validation_alias="funding_rate")
    divergence: Ratio = Field(default=None, validation_alias="exchange_divergence")
    confidence: Confidence = None
    quantity: Positive = None


def read_positions(path: str) -> list[GivenPosition]:
    """Read every position of a file; raises InputUnreadable, or InvalidValue that names the line."""
    try:
        text = text_of(b"".join(open_lines(path)))
    except NotUtf8 as error:
        raise InputUnreadable(f"{path} can not be read: {error}.") from error
    beginning = text.lstrip()
    if not beginning:
        raise InvalidValue(path, "empty", "at least one position")
    rows = _json_rows(path, text) if beginning.startswith(("{", "[")) else _csv_rows(path, text)
    positions = [_position(where, fields) for where, fields in rows]
    if not positions:
        raise InvalidValue(path, "a header alone", "at least one position")
    return positions


def _json_rows(path: str, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            content = decode_numbers(line)
        except NotJson as error:
            raise InvalidValue(where, shown(line.strip()), _JSON_ALLOWED) from error
        if not isinstance(content, dict):
            raise InvalidValue(where, shown(content), _JSON_ALLOWED)
        nested = content.get("position")
        yield where, content | nested if isinstance(nested, dict) else content


def _csv_rows(path: str, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    rows = csv.reader(io.StringIO(text))
    header = [name.strip() for name in next(rows, [])]
    missing = [name for name in _NEEDED if name not in {_OTHER_NAMES.get(one, one) for one in header}]
    if missing:
        raise InvalidValue(f"{path} line 1", ", ".join(header), f"a header with {', '.join(_NEEDED)}")
    for row in rows:
        if any(cell.strip() for cell in row):
            yield f"{path} line {rows.line_num}", dict(zip(header, row, strict=False))


def _position(where: str, row: Mapping[str, object]) -> GivenPosition:
    fields = {_OTHER_NAMES.get(name, name): value for name, value in row.items() if not is_absent(value)}
    for name in _NEEDED:
        if name not in fields:
            raise InvalidValue(f"{where}: {name}", "absent", _ALLOWED[name])
    try:
        line = _Line.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise InvalidValue(
            f"{where}: {name}", shown(first["input"]), first["msg"].removeprefix("allowed: ")
        ) from error
    opened, _ = time_of(fields["opened_at"], None, where)
    if opened.at is None:
        raise InvalidValue(f"{where}: opened_at", shown(fields["opened_at"]), _ALLOWED["opened_at"])
    assert line.entry_price is not None
    return GivenPosition(
        symbol=line.symbol,
        side=line.side,
        entry_price=line.entry_price,
        opened_at=opened.at,
        leverage=line.leverage,
        volatility=line.volatility,
        funding=line.funding,
        divergence=line.divergence,
        confidence=line.confidence,
        quantity=line.quantity,
        where=where,
    )
