"""Read positions to be simulated from a file: JSON lines, or CSV with a header; plain or gzipped."""

import csv
from collections.abc import Iterator, Mapping
from itertools import chain

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exitbrain.application.simulation.positions import GivenPosition, UnusablePosition
from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.files.lines import LongLine
from exitbrain.infrastructure.files.texts import other_encoding
from exitbrain.infrastructure.presentation import spreadsheet
from exitbrain.infrastructure.wire.json_text import NotJson, decode_numbers
from exitbrain.infrastructure.wire.jsonl import LINE_MAX, InputUnreadable, open_lines
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
_CSV_ALLOWED = "cells of usual length, separated by commas"
UNUSABLE_MAX = 100_000
"""The most unusable rows that are listed; a file with more does not hold positions."""

_OTHER_NAMES = {"avg_entry": "entry_price", "qty": "quantity"}
"""Other names that are in use for these fields."""


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


def read_positions(path: str, limits: FileLimits = DEFAULT_LIMITS) -> list[GivenPosition]:
    """Read every position of a file; raises InputUnreadable, or InvalidValue that names the line."""
    unusable: list[UnusablePosition] = []
    positions = usable_positions(path, unusable, limits)
    if unusable:
        raise unusable[0].error
    return positions


def usable_positions(
    path: str, unusable: list[UnusablePosition], limits: FileLimits = DEFAULT_LIMITS
) -> list[GivenPosition]:
    """Return the usable positions of a file, add the others to `unusable`; raises like `read_each`."""
    usable = []
    for each in read_each(path, limits):
        if not isinstance(each, UnusablePosition):
            usable.append(each)
            continue
        unusable.append(each)
        if len(unusable) > UNUSABLE_MAX:
            raise InputUnreadable(
                f"{path} cannot be read: more than {UNUSABLE_MAX:,} rows hold no position, {each.error}."
            )
    return usable


def read_each(path: str, limits: FileLimits = DEFAULT_LIMITS) -> Iterator[GivenPosition | UnusablePosition]:
    """Yield each position, or what is wrong with it; raises InputUnreadable, or InvalidValue for the file."""
    lines = _texts(path, limits)
    before: list[str] = []
    for line in lines:
        before.append(line if line.strip() else "\n")
        if line.strip():
            break
    else:
        raise InvalidValue(path, "empty", "at least one position")
    whole = chain(before, lines)
    rows = _json_rows(path, whole) if before[-1].lstrip().startswith(("{", "[")) else _csv_rows(path, whole)
    read = 0
    for where, fields in rows:
        read += 1
        try:
            if isinstance(fields, InvalidValue):
                raise fields
            yield _position(where, fields)
        except InvalidValue as error:
            yield UnusablePosition(where, error)
    if not read:
        raise InvalidValue(path, "a header alone", "at least one position")


def _texts(path: str, limits: FileLimits) -> Iterator[str]:
    """Yield each line as text; raises InputUnreadable for lines that are too long or not UTF-8."""
    for number, line in enumerate(open_lines(path, limits), start=1):
        if isinstance(line, LongLine):
            raise InputUnreadable(
                f"{path} line {number} cannot be read: it has {line.length:,} bytes; allowed: up to {LINE_MAX:,}."
            )
        if number == 1 and (encoding := other_encoding(line)) is not None:
            raise InputUnreadable(f"{path} cannot be read: it is {encoding}; save it as UTF-8.")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise InputUnreadable(
                f"{path} cannot be read: it is not UTF-8 ({error.reason} in line {number})."
            ) from error


_Row = tuple[str, Mapping[str, object] | InvalidValue]
"""The place of a row, and its fields, or what is wrong with it."""


def _json_rows(path: str, lines: Iterator[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            content = decode_numbers(line)
        except NotJson:
            yield where, InvalidValue(where, shown(line.strip()), _JSON_ALLOWED)
            continue
        if not isinstance(content, dict):
            yield where, InvalidValue(where, shown(content), _JSON_ALLOWED)
            continue
        nested = content.get("position")
        yield where, content | nested if isinstance(nested, dict) else content


def _csv_rows(path: str, lines: Iterator[str]) -> Iterator[_Row]:
    rows = csv.reader(lines)
    header = [name.strip() for name in _header(path, rows)]
    missing = [name for name in _NEEDED if name not in {_OTHER_NAMES.get(one, one) for one in header}]
    if missing:
        where = f"{path} line {rows.line_num}"
        raise InvalidValue(where, shown(", ".join(header)), f"a header with {', '.join(_NEEDED)}")
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            where = f"{path} line {rows.line_num}"
            yield where, InvalidValue(where, str(error), _CSV_ALLOWED)
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield f"{path} line {rows.line_num}", dict(zip(header, map(spreadsheet.read, row), strict=False))


def _header(path: str, rows: Iterator[list[str]]) -> list[str]:
    """Return the first nonblank row."""
    try:
        return next((row for row in rows if any(cell.strip() for cell in row)), [])
    except csv.Error as error:
        raise InvalidValue(f"{path} line 1", str(error), _CSV_ALLOWED) from error


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
        written=_written(fields["symbol"], line.symbol),
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


def _written(given: object, symbol: str) -> str:
    """Return the symbol as given, or empty if it is the one used here."""
    text = str(given).strip()
    text = text.upper() if text.isascii() else text
    return "" if text == symbol else text
