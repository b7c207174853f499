"""The events of a position: opened, increased, leverage changed, reduced, closed, close reported."""

from decimal import Decimal

from msgspec import Struct

from exitbrain.domain.events import About, Event, Stamp
from exitbrain.domain.values import Assumption, EntryId, Side, Whose


class PositionOpened(Event, frozen=True):
    """A round trip began. `newest_entries` holds the newest entry id that earlier cycles applied, per source.

    `in_units` says that the quantity was given in units. `server` and `clock` say what its message can be
    compared with (see Sighting).
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
    """The position grew. `entry_price` (the average) and `quantity` are those after the increase.

    `in_units` says that every quantity so far was given in units.
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
    """The leverage of the open position changed."""

    TOPIC = "exitbrain.LeverageChanged"
    LABEL = "leverage changed"
    ABOUT = About.POSITION

    before: float
    after: float
    stamp: Stamp


class PositionReduced(Event, frozen=True):
    """Part of the position was closed: `by`, which leaves `quantity`; each is None if unknown.

    `rule` says how the message was assigned to this position.
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
    """The result of a round trip: the price return in percent, reported or computed from prices.

    `counted` is the return that enters the PnL window, limited to the range of the side.
    """

    pnl_percent: Decimal
    computed: bool
    counted: Decimal


class PositionClosed(Event, frozen=True):
    """The round trip ended; `result` is None if neither the message nor the prices give one.

    `rule` says how the message was assigned to this position, None if an entry or an operator ended it.
    `reported` says that the message reported a close in the market; `server` and `clock` say what it can be
    compared with.
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
    """The report of a round trip came after its end. `result` is None if a result was already known."""

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
