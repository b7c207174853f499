"""The events of a position: it opened, grew, shrank, changed its leverage, closed, and was reported closed."""

from decimal import Decimal

from msgspec import Struct

from exitbrain.domain.events import About, Event, Stamp
from exitbrain.domain.values import Assumption, EntryId, Side, Whose


class PositionOpened(Event, frozen=True):
    """A round trip began. `newest_entries` are the newest entry ids applied by the cycles before, per source.

    `in_units` says that the quantity was given as one, `server` and `clock` what its message compares with (Sighting).
    """

    TOPIC = "exitbrain.PositionOpened"
    LABEL = "position opened"
    ABOUT = About.POSITION

    account: str
    symbol: str
    position_side: str
    cycle: int
    side: Side
    leverage: float
    entry_price: Decimal | None
    quantity: Decimal | None
    newest_entries: dict[str, EntryId]
    in_units: bool
    server: str | None
    clock: str | None
    stamp: Stamp


class PositionIncreased(Event, frozen=True):
    """The position grew; price and quantity are those after the increase (the price is the average).

    `in_units` says that every quantity so far was given as one.
    """

    TOPIC = "exitbrain.PositionIncreased"
    LABEL = "position increased"
    ABOUT = About.POSITION

    added_price: Decimal | None
    added_quantity: Decimal | None
    entry_price: Decimal | None
    quantity: Decimal | None
    in_units: bool
    stamp: Stamp


class LeverageChanged(Event, frozen=True):
    """The leverage of the open position is another."""

    TOPIC = "exitbrain.LeverageChanged"
    LABEL = "leverage changed"
    ABOUT = About.POSITION

    before: float
    after: float
    stamp: Stamp


class PositionReduced(Event, frozen=True):
    """Part of the position was closed: by `by` (None: an unknown amount) down to `quantity` (None: unknown).

    `rule` says why it is this position that the message means.
    """

    TOPIC = "exitbrain.PositionReduced"
    LABEL = "position reduced"
    ABOUT = About.POSITION

    by: Decimal | None
    quantity: Decimal | None
    exit_price: Decimal | None
    order_id: str
    rule: Whose
    assumptions: tuple[Assumption, ...]
    stamp: Stamp


class Result(Struct, frozen=True):
    """What a round trip brought: the price return in percent, reported by the message or computed from prices.

    `counted` is what of it enters the PnL window: less where it lies outside of the range of its side.
    """

    pnl_percent: Decimal
    computed: bool
    counted: Decimal


class PositionClosed(Event, frozen=True):
    """The round trip ended; `result` is None where neither message nor prices say what it brought.

    `rule` says why it is this position that the message means, None where an entry or an operator ended it. `reported`
    says that the message was the report of a close in the market, `server` and `clock` what it compares with.
    """

    TOPIC = "exitbrain.PositionClosed"
    LABEL = "position closed"
    ABOUT = About.POSITION
    PUBLISHED_AS = ("position_closed",)

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
    rule: Whose | None
    reported: bool
    server: str | None
    clock: str | None
    assumptions: tuple[Assumption, ...]
    stamp: Stamp


class CloseReported(Event, frozen=True):
    """The report of a round trip came after its end. `result` is what it adds: None where a result was known before."""

    TOPIC = "exitbrain.CloseReported"
    LABEL = "close reported"
    ABOUT = About.POSITION

    account: str
    symbol: str
    exit_price: Decimal | None
    pnl_percent: Decimal | None
    pnl_usd: Decimal | None
    order_id: str
    result: Result | None
    rule: Whose
    assumptions: tuple[Assumption, ...]
    stamp: Stamp
