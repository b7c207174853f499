"""Read instruments from the venue's answers; an unreadable symbol does not affect others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.names import allowed_instead
from exitbrain.infrastructure.binance.errors import VenueUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """The price that decides about liquidation, as the venue gave it for that moment."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class SymbolValues(Generic[T]):
    """What an answer says of each symbol, and of which it could not be read and why."""

    of: dict[str, T]
    unreadable: dict[str, str]


def _sane(size: Decimal) -> Decimal:
    if size and not Decimal("1e-15") <= size <= Decimal("1e15"):
        raise ValueError("neither 0 nor from 1e-15 to 1e15")
    return size


# No price or quantity is rounded to a grid that no market has; 0 is how the venue says that there is none.
_Size = Annotated[Decimal, AfterValidator(_sane)]


def _named(symbol: str) -> str:
    allowed = allowed_instead(symbol)
    if allowed:
        raise ValueError(f"allowed: {allowed}")
    return symbol


_Name = Annotated[str, AfterValidator(_named)]


class _Payload(BaseModel):
    model_config = {"allow_inf_nan": False}


class _Filter(_Payload):
    filterType: str = ""  # noqa: N815 - the venue's names
    tickSize: _Size = Decimal(0)  # noqa: N815
    stepSize: _Size = Decimal(0)  # noqa: N815
    notional: _Size = Decimal(0)


class _Rules(_Payload):
    symbol: _Name
    filters: list[_Filter] = []


class _Tier(_Payload):
    notionalFloor: float  # noqa: N815
    notionalCap: float  # noqa: N815
    maintMarginRatio: float  # noqa: N815
    initialLeverage: float  # noqa: N815
    cum: float


class _Brackets(_Payload):
    symbol: _Name
    brackets: list[_Tier]


class _Commission(_Payload):
    symbol: _Name
    takerCommissionRate: Decimal = Field(ge=0)  # noqa: N815


class _Mark(_Payload):
    symbol: _Name
    markPrice: Decimal = Field(gt=0, le=10**15)  # noqa: N815
    time: int = Field(gt=0, lt=253_402_300_800_000)  # milliseconds, before the year 10000


class _Time(_Payload):
    serverTime: int  # noqa: N815


def rules_of(payload: Any) -> SymbolValues[Instrument]:
    """Return tick, step and minimum notional of each symbol of an exchangeInfo answer."""
    return _each("exchangeInfo", payload.get("symbols") if isinstance(payload, dict) else None, _rules)


def brackets_of(payload: Any) -> SymbolValues[Instrument]:
    """Return the brackets of each symbol of a leverageBracket answer."""
    return _each("leverageBracket", payload, _brackets)


def commission_of(payload: Any) -> SymbolValues[Instrument]:
    """Return the taker fee of the one symbol of a commissionRate answer."""
    return _each("commissionRate", [payload], _commission)


def mark_prices_of(payload: Any) -> SymbolValues[MarkPrice]:
    """Return the mark price of each symbol of a premiumIndex answer."""
    return _each("premiumIndex", payload, _mark)


def server_time_of(payload: Any) -> int:
    """Return the milliseconds of a time answer."""
    try:
        return _Time.model_validate(payload).serverTime
    except ValidationError as error:
        raise VenueUnavailable("Binance sent no time when asked for it") from error


def _each(what: str, rows: Any, build: Callable[[Any], tuple[str, T]]) -> SymbolValues[T]:
    """Build something of each row; raises VenueUnavailable when there are no rows at all."""
    if not isinstance(rows, list):
        raise VenueUnavailable(f"Binance sent no list of symbols when asked for {what}")
    answer: SymbolValues[T] = SymbolValues({}, {})
    for row in rows:
        try:
            symbol, built = build(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            answer.unreadable[_name(row)] = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except InvalidValue as error:
            answer.unreadable[_name(row)] = str(error)
        else:
            answer.of[symbol] = built
    return answer


def _rules(row: Any) -> tuple[str, Instrument]:
    rules = _Rules.model_validate(row)
    filters = {each.filterType: each for each in rules.filters}
    none = _Filter()
    # Exits are market orders, whose grid may be the coarser.
    steps = (filters.get(name, none).stepSize for name in ("LOT_SIZE", "MARKET_LOT_SIZE"))
    return rules.symbol, Instrument(
        rules.symbol,
        filters.get("PRICE_FILTER", none).tickSize or None,
        max(steps) or None,
        filters.get("MIN_NOTIONAL", none).notional or None,
    )


def _brackets(row: Any) -> tuple[str, Instrument]:
    found = _Brackets.model_validate(row)
    brackets = [
        Bracket(tier.notionalFloor, tier.notionalCap, tier.maintMarginRatio, tier.initialLeverage, tier.cum)
        for tier in sorted(found.brackets, key=lambda tier: tier.notionalFloor)
    ]
    return found.symbol, Instrument(found.symbol, brackets=tuple(brackets))


def _commission(row: Any) -> tuple[str, Instrument]:
    found = _Commission.model_validate(row)
    return found.symbol, Instrument(
        found.symbol, taker_fee_bps=float(found.takerCommissionRate * Decimal(10_000))
    )


def _mark(row: Any) -> tuple[str, MarkPrice]:
    found = _Mark.model_validate(row)
    return found.symbol, MarkPrice(found.markPrice, datetime.fromtimestamp(found.time / 1000, UTC))


def _name(row: Any) -> str:
    return str(row.get("symbol", "?") if isinstance(row, dict) else "?")[:40]
