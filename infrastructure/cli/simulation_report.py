"""What `simulate` prints with `--json`."""

from datetime import datetime

from msgspec import Struct

from exitbrain.application.ports.market import Omitted
from exitbrain.domain.values import Unit


class SimulationAssumed(Struct):
    """A default that stood in for something not given."""

    field: str
    value: str
    why: str


class FourLevels(Struct):
    """A number for each level."""

    tp1: float
    tp2: float
    tp3: float
    sl: float


class WalkedLeg(Struct):
    """A part that closed: `fraction` of the original quantity; `at` in epoch milliseconds.

    `traded` is the first finer price at or beyond the level, `overshoot` what the level was better than it, a
    fraction of the entry notional; both null where not measured.
    """

    level: str
    fraction: float
    price: float
    at: int
    refined: bool
    traded: float | None
    overshoot: float | None


class WalkedHistory(Struct):
    """One of the two histories that bound all that are possible; numbers are fractions of the entry notional.

    `net = gross - entry_fee - exit_fees - slippage - funding`; `return_on_margin` is net times leverage, null where
    the leverage was not given.
    """

    legs: list[WalkedLeg]
    gross: float
    net: float
    entry_fee: float
    exit_fees: float
    slippage: float
    funding: float
    return_on_margin: float | None
    holes: int


class SimulatedPosition(Struct):
    """A position through its levels: `levels` raw in the unit of the policy, `triggers` the prices walked with.

    Where the policy refused levels, `refusal` says why and what depends on levels is null. `not_walked` is `refused`, or
    `not_placeable` where no slice of the quantity can be placed; null for a position that is walked. `failed_guards` are
    the guards on its levels that failed. `first_candle` is in epoch milliseconds; `entry_off_market` is null where the candle of the entry is missing. `ambiguous`: more than
    one final history exists; `refined`: candles walked through finer data, `unrefined` those whose finer data
    did not add up to them. `uncertainty` is optimistic less pessimistic net.
    """

    symbol: str
    side: str
    entry_price: float
    opened_at: datetime
    first_candle: int | None
    entry_off_market: bool | None
    refusal: str | None
    not_walked: str | None
    failed_guards: list[str]
    levels: FourLevels | None
    triggers: FourLevels | None
    shares: list[float] | None
    pessimistic: WalkedHistory | None
    optimistic: WalkedHistory | None
    ambiguous: bool
    ambiguous_candles: int
    refined: int
    unrefined: int
    holes: int
    uncertainty: float | None
    wrong_kind: list[str]
    assumptions: list[SimulationAssumed]


class Sums(Struct):
    """Sums over positions, each a fraction of its own entry notional."""

    positions: int
    pessimistic: float
    optimistic: float


class SimulationTotals(Struct):
    """What positions come to together: `pessimistic` and `optimistic` are net results of what was exited.

    `open` are the rests still open at the end of the data, at the last close with exit cost, in no other number
    but `with_open`, which is everything; `without_holes` leaves out positions that crossed missing candles,
    `without_failed_guards` those of which a guard on the levels failed. `with_off_market` and `without_off_market` are
    the exits with and without the positions entered off market; `pessimistic` and `optimistic` are without, or with
    `--include-off-market` with them.

    `off_market` counts the entries off market, `off_market_unknown` those without a candle, `failed_guards` the counted
    positions of which a guard on the levels failed; `refused` and `not_placeable` were not walked.
    """

    positions: int
    pessimistic: float
    optimistic: float
    without_holes: Sums
    without_failed_guards: Sums
    with_off_market: Sums
    without_off_market: Sums
    open: Sums
    with_open: Sums
    ambiguous: int
    ambiguous_candles: int
    refined_candles: int
    unrefined_candles: int
    off_market: int
    off_market_unknown: int
    failed_guards: int
    refused: int
    not_placeable: int


class SimulateReport(Struct):
    """Positions of a file under one policy, with the bounds of what market data allow.

    `left_out` names positions that are in no number, and finer data that a symbol is walked without; `remarks` says
    what was assumed of files, or passed over in them.
    """

    policy: str
    unit: Unit
    positions: list[SimulatedPosition]
    totals: SimulationTotals
    left_out: list[Omitted] = []
    remarks: list[str] = []
