"""The known trading rules of a symbol: tick, step, minimum notional, leverage brackets, fee."""

import json
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.events import About, Event
from exitbrain.domain.identity import snapshot_id
from exitbrain.domain.values import fields_of

SMALLEST, LARGEST = Decimal("1e-15"), Decimal("1e15")
"""The allowed range of grids: wide enough for any market, narrow enough to round prices to them."""


class Bracket(Struct, frozen=True):
    """A notional bracket, `floor` < notional <= `cap` (quote currency), with its rate and maximum leverage.

    `cum` is the maintenance amount in quote currency, chosen so that the maintenance margin
    `rate * notional - cum` is continuous over the brackets.
    """

    floor: float
    cap: float
    maintenance_rate: float
    max_leverage: float
    cum: float


def brackets_with_amounts(rows: list[tuple[float, float, float, float]]) -> tuple[Bracket, ...]:
    """Build brackets from (floor, cap, maintenance rate, maximum leverage), deriving each `cum`.

    cum_n = floor_n * (rate_n - rate_(n-1)) + cum_(n-1), as in the venue's notional and leverage brackets.
    """
    brackets: list[Bracket] = []
    rate_before, cum = 0.0, 0.0
    for floor, cap, rate, max_leverage in sorted(rows):
        cum = floor * (rate - rate_before) + cum
        brackets.append(Bracket(floor, cap, rate, max_leverage, cum))
        rate_before = rate
    return tuple(brackets)


class Instrument(Struct, frozen=True, dict=True):
    """The trading rules of one symbol; None or () if unknown.

    `tick_size` and `step_size` are the grids of price and quantity, `min_notional` is in quote currency,
    `taker_fee_bps` replaces the configured fee if given.
    """

    symbol: str
    tick_size: Decimal | None = None
    step_size: Decimal | None = None
    min_notional: Decimal | None = None
    taker_fee_bps: float | None = None
    brackets: tuple[Bracket, ...] = ()

    def __post_init__(self) -> None:
        for field in ("tick_size", "step_size", "min_notional"):
            value = getattr(self, field)
            if value is not None and not (value.is_finite() and SMALLEST <= value <= LARGEST):
                raise InvalidValue(f"{self.symbol} {field}", value, "a number from 1e-15 to 1e15")
        if self.taker_fee_bps is not None and not 0 <= self.taker_fee_bps < 10000:
            raise InvalidValue(f"{self.symbol} taker_fee_bps", self.taker_fee_bps, "0 up to 10000")
        self._check_brackets()

    def _check_brackets(self) -> None:
        for before, after in zip(self.brackets, self.brackets[1:], strict=False):
            if before.cap != after.floor:
                raise InvalidValue(
                    f"{self.symbol} bracket floor", after.floor, f"{before.cap}, the cap before it"
                )
        for bracket in self.brackets:
            if not bracket.floor < bracket.cap < float("inf"):
                raise InvalidValue(
                    f"{self.symbol} bracket cap", bracket.cap, f"above its floor {bracket.floor}"
                )
            if not 0 < bracket.maintenance_rate < 1:
                raise InvalidValue(
                    f"{self.symbol} maintenance rate", bracket.maintenance_rate, "above 0 and below 1"
                )
            if not 1 <= bracket.max_leverage < float("inf"):
                raise InvalidValue(f"{self.symbol} maximum leverage", bracket.max_leverage, "1 or more")

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 of the content, so that equal content is stored only once."""
        content = {**fields_of(self), "brackets": [fields_of(bracket) for bracket in self.brackets]}
        text = json.dumps(content, default=str, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


class InstrumentSnapshotTaken(Event, frozen=True):
    """A snapshot of an instrument, stored once per content."""

    TOPIC = "exitbrain.InstrumentSnapshotTaken"
    LABEL = "instrument snapshot taken"
    ABOUT = About.INSTRUMENT

    instrument: Instrument


def id_of_snapshot(instrument: Instrument) -> UUID:
    """Return the id of the one-event stream that holds this snapshot."""
    return snapshot_id(instrument.content_hash)
