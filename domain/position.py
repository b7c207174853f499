"""Position: one round trip of one account in one instrument, from opening to close."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from exitbrain.domain.aggregate import Aggregate, Stamp
from exitbrain.domain.errors import WrongState
from exitbrain.domain.identity import position_id
from exitbrain.domain.values import DECIMAL, Assumption, EntryId, Side, TimeOrigin

BOTH = "BOTH"
"""The position_side of one-way mode; the direction is state."""


@dataclass(slots=True)  # not frozen: one is made for every message
class PositionOpened:
    """A round trip began. `newest_entries` are the newest entry ids applied by the cycles before, per source."""

    TOPIC: ClassVar[str] = "exitbrain.PositionOpened"

    account: str
    symbol: str
    position_side: str
    cycle: int
    side: Side
    leverage: float
    entry_price: Decimal | None
    quantity: Decimal | None
    newest_entries: dict[str, EntryId]
    stamp: Stamp


@dataclass(slots=True)  # not frozen: one is made for every message
class PositionIncreased:
    """The position grew; price and quantity are those after the increase (the price is the average)."""

    TOPIC: ClassVar[str] = "exitbrain.PositionIncreased"

    added_price: Decimal | None
    added_quantity: Decimal | None
    entry_price: Decimal | None
    quantity: Decimal | None
    stamp: Stamp


@dataclass(slots=True)  # not frozen: one is made for every message
class LeverageChanged:
    """The leverage of the open position is another."""

    TOPIC: ClassVar[str] = "exitbrain.LeverageChanged"

    before: float
    after: float
    stamp: Stamp


@dataclass(slots=True)  # not frozen: one is made for every message
class PositionReduced:
    """Part of the position was closed: by `by` (None: an unknown amount) down to `quantity` (None: unknown)."""

    TOPIC: ClassVar[str] = "exitbrain.PositionReduced"

    by: Decimal | None
    quantity: Decimal | None
    assumptions: tuple[Assumption, ...]
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Result:
    """What a round trip brought: the price return in percent, reported by the message or computed from prices."""

    pnl_percent: Decimal
    computed: bool


@dataclass(slots=True)  # not frozen: one is made for every message
class PositionClosed:
    """The round trip ended; `result` is None where neither message nor prices say what it brought."""

    TOPIC: ClassVar[str] = "exitbrain.PositionClosed"

    account: str
    symbol: str
    side: Side
    leverage: float
    reason: str
    entry_price: Decimal | None
    exit_price: Decimal | None
    result: Result | None
    pnl_usd: Decimal | None
    order_id: str
    assumptions: tuple[Assumption, ...]
    stamp: Stamp


PositionEvent = PositionOpened | PositionIncreased | LeverageChanged | PositionReduced | PositionClosed


class Position(Aggregate):
    """One round trip. Closed is terminal; the next cycle is another position."""

    __slots__ = (
        "account",
        "cycle",
        "entry_price",
        "is_open",
        "leverage",
        "newest_entries",
        "opened_at",
        "opened_at_origin",
        "position_side",
        "quantity",
        "side",
        "symbol",
    )

    account: str
    symbol: str
    position_side: str
    cycle: int
    side: Side
    leverage: float
    entry_price: Decimal | None
    quantity: Decimal | None
    is_open: bool
    opened_at: datetime
    opened_at_origin: TimeOrigin
    newest_entries: dict[str, EntryId]

    @classmethod
    def open(
        cls,
        *,
        account: str,
        symbol: str,
        previous: "Position | None",
        side: Side,
        leverage: float,
        entry_price: Decimal | None,
        quantity: Decimal | None,
        stamp: Stamp,
    ) -> "Position":
        """Open the cycle after `previous`, which must be closed; the first cycle is 1."""
        if previous is not None and previous.is_open:
            raise WrongState(f"{symbol} cycle {previous.cycle} of {account} is still open")
        cycle = 1 if previous is None else previous.cycle + 1
        position = cls(position_id(account, symbol, BOTH, cycle))
        inherited = {} if previous is None else previous.newest_entries
        position._emit(
            PositionOpened(
                account, symbol, BOTH, cycle, side, leverage, entry_price, quantity, dict(inherited), stamp
            )
        )
        return position

    def increase(self, price: Decimal | None, quantity: Decimal | None, stamp: Stamp) -> None:
        """Add to the position; with an unknown price or quantity the price stays and the quantity is unknown."""
        self._check_open()
        entry, total = self.entry_price, None
        if (
            price is not None
            and quantity is not None
            and self.entry_price is not None
            and self.quantity is not None
        ):
            total = DECIMAL.add(self.quantity, quantity)
            held = DECIMAL.multiply(self.quantity, self.entry_price)
            entry = DECIMAL.divide(DECIMAL.add(held, DECIMAL.multiply(quantity, price)), total)
        self._emit(PositionIncreased(price, quantity, entry, total, stamp))

    def change_leverage(self, leverage: float, stamp: Stamp) -> None:
        """Set another leverage."""
        self._check_open()
        self._emit(LeverageChanged(self.leverage, leverage, stamp))

    def reduce(self, by: Decimal | None, assumptions: tuple[Assumption, ...], stamp: Stamp) -> None:
        """Close less than all that is open; what remains is unknown where either amount is."""
        self._check_open()
        rest = None if by is None or self.quantity is None else DECIMAL.subtract(self.quantity, by)
        if rest is not None and rest <= 0:
            raise WrongState(
                f"{self.symbol}: {by} is at least all of {self.quantity}; close the position instead"
            )
        self._emit(PositionReduced(by, rest, assumptions, stamp))

    def close(
        self,
        *,
        reason: str,
        exit_price: Decimal | None,
        reported_pnl_percent: Decimal | None,
        pnl_usd: Decimal | None,
        order_id: str,
        assumptions: tuple[Assumption, ...],
        stamp: Stamp,
    ) -> None:
        """End the round trip; a result not reported is computed where entry and exit price are known."""
        self._check_open()
        result: Result | None = None
        if reported_pnl_percent is not None:
            result = Result(reported_pnl_percent, computed=False)
        elif exit_price is not None and self.entry_price is not None:
            result = Result(self._price_return_percent(self.entry_price, exit_price), computed=True)
        self._emit(
            PositionClosed(
                self.account,
                self.symbol,
                self.side,
                self.leverage,
                reason,
                self.entry_price,
                exit_price,
                result,
                pnl_usd,
                order_id,
                assumptions,
                stamp,
            )
        )

    def apply(self, event: PositionEvent) -> None:
        match event:
            case PositionOpened():
                self.account = event.account
                self.symbol = event.symbol
                self.position_side = event.position_side
                self.cycle = event.cycle
                self.side = event.side
                self.leverage = event.leverage
                self.entry_price = event.entry_price
                self.quantity = event.quantity
                self.opened_at = event.stamp.occurred_at
                self.opened_at_origin = event.stamp.time_origin
                self.newest_entries = event.newest_entries
                self.is_open = True
            case PositionIncreased():
                self.entry_price = event.entry_price
                self.quantity = event.quantity
            case LeverageChanged():
                self.leverage = event.after
            case PositionReduced():
                self.quantity = event.quantity
            case PositionClosed():
                self.is_open = False
        if event.stamp.entry_id is not None:
            self.newest_entries = {**self.newest_entries, event.stamp.source: event.stamp.entry_id}

    def copy(self) -> "Position":
        """Return an independent one in the same state, so that a decision can be tried on it."""
        twin = object.__new__(Position)
        twin.id = self.id
        twin.version = self.version
        twin.pending = self.pending.copy()
        twin.account = self.account
        twin.cycle = self.cycle
        twin.entry_price = self.entry_price
        twin.is_open = self.is_open
        twin.leverage = self.leverage
        twin.newest_entries = self.newest_entries  # replaced where it changes, so it may be shared
        twin.opened_at = self.opened_at
        twin.opened_at_origin = self.opened_at_origin
        twin.position_side = self.position_side
        twin.quantity = self.quantity
        twin.side = self.side
        twin.symbol = self.symbol
        return twin

    def _price_return_percent(self, entry: Decimal, exit_price: Decimal) -> Decimal:
        gain = DECIMAL.multiply(Decimal(self.side.direction), DECIMAL.subtract(exit_price, entry))
        return DECIMAL.multiply(DECIMAL.divide(gain, entry), Decimal(100))

    def _check_open(self) -> None:
        if not self.is_open:
            raise WrongState(f"{self.symbol} cycle {self.cycle} of {self.account} is closed")
