"""A position: one round trip of an account in an instrument, from opening to close."""

from decimal import Decimal

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import Aggregate, Stamp
from exitbrain.domain.identity import position_id
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Result,
)
from exitbrain.domain.positions.performance import counted_percent
from exitbrain.domain.positions.sighting import Sighting
from exitbrain.domain.values import DECIMAL, Assumption, EntryId, Side, TimeOrigin, Whose

BOTH = "BOTH"
"""The position_side in one-way mode. The direction is part of the state."""


PositionEvent = (
    PositionOpened | PositionIncreased | LeverageChanged | PositionReduced | PositionClosed | CloseReported
)


class Position(Aggregate):
    """One round trip. After its close only a report may follow; the next cycle is another position."""

    __slots__ = (
        "account",
        "cycle",
        "end_reason",
        "ended",
        "entry_price",
        "has_result",
        "in_units",
        "is_open",
        "leverage",
        "newest_entries",
        "opened",
        "opened_at_origin",
        "position_side",
        "quantity",
        "reported",
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
    in_units: bool
    is_open: bool
    opened: Sighting
    opened_at_origin: TimeOrigin
    newest_entries: dict[str, EntryId]
    ended: Sighting | None
    end_reason: str | None
    reported: bool
    has_result: bool

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
        in_units: bool,
        server: str | None,
        clock: str | None,
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
                account=account,
                symbol=symbol,
                position_side=BOTH,
                cycle=cycle,
                side=side,
                leverage=leverage,
                entry_price=entry_price,
                quantity=quantity,
                newest_entries=dict(inherited),
                in_units=in_units,
                server=server,
                clock=clock,
                stamp=stamp,
            )
        )
        return position

    def increase(
        self, price: Decimal | None, quantity: Decimal | None, *, in_units: bool, stamp: Stamp
    ) -> None:
        """Add to the position. If price or quantity is unknown, keep the price; the quantity is unknown."""
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
        self._emit(
            PositionIncreased(
                added_price=price,
                added_quantity=quantity,
                entry_price=entry,
                quantity=total,
                in_units=self.in_units and in_units,
                stamp=stamp,
            )
        )

    def change_leverage(self, leverage: float, stamp: Stamp) -> None:
        """Change the leverage."""
        self._check_open()
        self._emit(LeverageChanged(self.leverage, leverage, stamp))

    def reduce(
        self,
        by: Decimal | None,
        rest: Decimal | None,
        *,
        exit_price: Decimal | None,
        order_id: str,
        rule: Whose,
        assumptions: tuple[Assumption, ...],
        stamp: Stamp,
    ) -> None:
        """Close part of the position: `by`, which leaves `rest`. None means an unknown amount."""
        self._check_open()
        if rest is not None and rest <= 0:
            raise WrongState(
                f"{self.symbol}: a reduction must leave something, not {rest} of {self.quantity}"
            )
        self._emit(
            PositionReduced(
                by=by,
                quantity=rest,
                exit_price=exit_price,
                order_id=order_id,
                rule=rule,
                assumptions=assumptions,
                stamp=stamp,
            )
        )

    def close(
        self,
        *,
        reason: str,
        exit_price: Decimal | None,
        reported_pnl_percent: Decimal | None,
        pnl_usd: Decimal | None,
        order_id: str,
        rule: Whose | None,
        reported: bool,
        server: str | None,
        clock: str | None,
        assumptions: tuple[Assumption, ...],
        stamp: Stamp,
    ) -> None:
        """End the round trip. Compute a result that was not reported if entry and exit price are known."""
        self._check_open()
        self._emit(
            PositionClosed(
                self.account,
                self.symbol,
                side=self.side,
                leverage=self.leverage,
                reason=reason,
                entry_price=self.entry_price,
                exit_price=exit_price,
                result=self._result(reported_pnl_percent, exit_price),
                pnl_usd=pnl_usd,
                order_id=order_id,
                rule=rule,
                reported=reported,
                server=server,
                clock=clock,
                assumptions=assumptions,
                stamp=stamp,
            )
        )

    def report(
        self,
        *,
        exit_price: Decimal | None,
        pnl_percent: Decimal | None,
        pnl_usd: Decimal | None,
        order_id: str,
        rule: Whose,
        assumptions: tuple[Assumption, ...],
        stamp: Stamp,
    ) -> None:
        """Record the report of a round trip that has already ended; its result counts if none was known."""
        if self.is_open or self.reported:
            state = "open" if self.is_open else "reported already"
            raise WrongState(f"{self.symbol} cycle {self.cycle} of {self.account} is {state}")
        result = None if self.has_result else self._result(pnl_percent, exit_price)
        self._emit(
            CloseReported(
                account=self.account,
                symbol=self.symbol,
                exit_price=exit_price,
                pnl_percent=pnl_percent,
                pnl_usd=pnl_usd,
                order_id=order_id,
                result=result,
                rule=rule,
                assumptions=assumptions,
                stamp=stamp,
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
                stamp = event.stamp
                self.opened = Sighting(stamp.occurred_at, stamp.entry_id, event.server, event.clock)
                self.opened_at_origin = stamp.time_origin
                self.newest_entries = event.newest_entries
                self.in_units = event.in_units
                self.is_open = True
                self.ended = self.end_reason = None
                self.reported = self.has_result = False
            case PositionIncreased():
                self.entry_price = event.entry_price
                self.quantity = event.quantity
                self.in_units = event.in_units
            case LeverageChanged():
                self.leverage = event.after
            case PositionReduced():
                self.quantity = event.quantity
            case PositionClosed():
                stamp = event.stamp
                self.ended = Sighting(stamp.occurred_at, stamp.entry_id, event.server, event.clock)
                self.end_reason = event.reason
                self.reported = event.reported
                self.has_result = event.result is not None
                self.is_open = False
            case CloseReported():
                self.reported = True
                self.has_result = self.has_result or event.result is not None
        if event.stamp.entry_id is not None and not isinstance(event, CloseReported):
            self.newest_entries = {**self.newest_entries, event.stamp.source: event.stamp.entry_id}

    def copy(self) -> "Position":
        """Return an independent copy, so that a decision can be tried on it."""
        twin = Position(self.id)
        twin.version = self.version
        twin.pending = self.pending.copy()
        twin.account = self.account
        twin.cycle = self.cycle
        twin.end_reason = self.end_reason
        twin.ended = self.ended  # never changed in place, so it may be shared
        twin.entry_price = self.entry_price
        twin.has_result = self.has_result
        twin.in_units = self.in_units
        twin.is_open = self.is_open
        twin.leverage = self.leverage
        twin.newest_entries = self.newest_entries  # never changed in place, so it may be shared
        twin.opened = self.opened
        twin.opened_at_origin = self.opened_at_origin
        twin.position_side = self.position_side
        twin.quantity = self.quantity
        twin.reported = self.reported
        twin.side = self.side
        twin.symbol = self.symbol
        return twin

    def _result(self, reported_percent: Decimal | None, exit_price: Decimal | None) -> Result | None:
        if reported_percent is not None:
            return self._counted(reported_percent, computed=False)
        if exit_price is None or self.entry_price is None:
            return None
        return self._counted(self._price_return_percent(self.entry_price, exit_price), computed=True)

    def _counted(self, percent: Decimal, *, computed: bool) -> Result:
        return Result(percent, computed, counted_percent(self.side, percent))

    def _price_return_percent(self, entry: Decimal, exit_price: Decimal) -> Decimal:
        gain = DECIMAL.multiply(Decimal(self.side.direction), DECIMAL.subtract(exit_price, entry))
        return DECIMAL.multiply(DECIMAL.divide(gain, entry), Decimal(100))

    def _check_open(self) -> None:
        if not self.is_open:
            raise WrongState(f"{self.symbol} cycle {self.cycle} of {self.account} is closed")
