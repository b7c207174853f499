"""InstrumentsFile: ticks, steps, fees and brackets of symbols from a JSON file."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from exitbrain.domain.errors import ExitBrainError, InvalidValue
from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.names import allowed_instead, trimmed
from exitbrain.infrastructure.files.opened import UNREADABLE, reason_of
from exitbrain.infrastructure.files.texts import NotUtf8, read_text
from exitbrain.infrastructure.wire.json_text import NotJson, decode
from exitbrain.infrastructure.wire.scalars import DIGITS_MAX, shown

_UNIFIED_NAME = re.compile(r"(?P<base>[^/:]+)/(?P<quote>[^/:]+):(?P=quote)(?:-(?P<expiry>[0-9]{6}))?")


class InstrumentsUnreadable(ExitBrainError):
    """A file of instruments cannot be read; the text is one sentence that names symbol and field."""


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a boolean is no number")  # noqa: TRY004 - pydantic reports a ValueError
    if isinstance(value, str) and len(value) > DIGITS_MAX:
        raise ValueError(f"allowed: a number in at most {DIGITS_MAX} characters")
    return value


_Double = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
_Exact = Annotated[Decimal, BeforeValidator(_number), Field(allow_inf_nan=False)]


class _Tier(BaseModel):
    """One bracket: [floor, cap, maintenance rate, maximum leverage], or an object of a tiers file."""

    floor: _Double = Field(validation_alias=AliasChoices("minNotional", "floor"))
    cap: _Double = Field(validation_alias=AliasChoices("maxNotional", "cap"))
    maintenance_rate: _Double = Field(validation_alias=AliasChoices("maintenanceMarginRate", "rate"))
    max_leverage: _Double = Field(validation_alias=AliasChoices("maxLeverage", "max_leverage"))

    @model_validator(mode="before")
    @classmethod
    def _from_row(cls, row: Any) -> Any:
        if isinstance(row, list):
            if len(row) != 4:
                raise ValueError("a bracket is [floor, cap, maintenance rate, maximum leverage]")
            return dict(zip(("floor", "cap", "rate", "max_leverage"), row, strict=True))
        return row


class _Rules(BaseModel):
    """Our own form of a symbol. A misspelt key would silently leave a check out, so it is an error."""

    model_config = ConfigDict(extra="forbid")

    tick_size: _Exact | None = None
    step_size: _Exact | None = None
    min_notional: _Exact | None = None
    taker_fee_bps: _Double | None = None
    brackets: list[_Tier] = []


class InstrumentsFile:
    """Know what a JSON or JSON.gz file says.

    It maps "BTC/USDT:USDT" to leverage tiers, or "BTCUSDT" to an object of `tick_size`, `step_size`,
    `min_notional`, `taker_fee_bps` and `brackets`, each of them optional. Both may tell of one symbol, as
    long as not both give brackets. The whole file is checked when it is opened, not at the first decision.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; raises InstrumentsUnreadable."""
        self._path = path
        rules: dict[str, _Rules] = {}
        for name, entry in self._entries().items():
            symbol = _symbol(name)
            if symbol is None:
                raise self._unreadable(f"{shown(name)} is not a symbol like BTCUSDT or BTC/USDT:USDT")
            if allowed := allowed_instead(symbol):
                raise self._unreadable(f"{shown(name)!r} is not a symbol; allowed: {allowed}")
            rules[symbol] = self._merged(symbol, rules.get(symbol, _Rules()), self._rules(symbol, entry))
        self._instruments = {symbol: self._instrument(symbol, rule) for symbol, rule in rules.items()}

    def __len__(self) -> int:
        return len(self._instruments)

    def instrument(self, symbol: str) -> Instrument | None:
        """Return what the file says of a symbol, None when nothing."""
        return self._instruments.get(symbol)

    def _entries(self) -> Mapping[str, object]:
        try:
            entries = decode(read_text(self._path))
        except (*UNREADABLE, NotUtf8) as error:
            raise self._unreadable(reason_of(error)) from error
        except NotJson as error:
            raise self._unreadable(f"not JSON ({error})") from error
        if not isinstance(entries, dict):
            raise self._unreadable("it holds no JSON object of symbols")
        return entries

    def _rules(self, symbol: str, entry: object) -> _Rules:
        try:
            return _Rules.model_validate({"brackets": entry} if isinstance(entry, list) else entry)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "entry"
            what = f"{shown(symbol)} {shown(field)} is {shown(first['input'])}: {first['msg']}"
            raise self._unreadable(what) from error

    def _merged(self, symbol: str, before: _Rules, now: _Rules) -> _Rules:
        if given_twice := before.model_fields_set & now.model_fields_set:
            raise self._unreadable(f"{shown(symbol)} {min(given_twice)} is given twice, once is allowed")
        return now.model_copy(update={name: getattr(before, name) for name in before.model_fields_set})

    def _instrument(self, symbol: str, rules: _Rules) -> Instrument:
        rows = [(tier.floor, tier.cap, tier.maintenance_rate, tier.max_leverage) for tier in rules.brackets]
        try:
            return Instrument(
                symbol=symbol,
                tick_size=rules.tick_size,
                step_size=rules.step_size,
                min_notional=rules.min_notional,
                taker_fee_bps=rules.taker_fee_bps,
                brackets=brackets_with_amounts(rows),
            )
        except InvalidValue as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, why: str) -> InstrumentsUnreadable:
        return InstrumentsUnreadable(f"Instruments file {self._path} cannot be read: {why.rstrip('.')}.")


def _symbol(name: str) -> str | None:
    """Return the venue's name of a symbol, also from the unified name of a linear contract."""
    if not ("/" in name or ":" in name):
        return trimmed(name) or None
    unified = _UNIFIED_NAME.fullmatch(name)
    if unified is None:
        return None
    expiry = f"_{unified['expiry']}" if unified["expiry"] else ""
    return f"{unified['base']}{unified['quote']}{expiry}"
