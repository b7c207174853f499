"""The input of a walk besides the market: the position, its levels, shares, rules and costs."""

from enum import StrEnum
from itertools import pairwise
from math import isfinite

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import MINUTE_MS, PriceKind
from exitbrain.domain.simulation.tick import Tick
from exitbrain.domain.values import Side

SHARES_SUM_TO_ONE_WITHIN = 1e-9
_BPS = 10000.0


class TpExecution(StrEnum):
    """How targets are filled: as takers at the market, or by resting limit orders."""

    MARKET = "market"
    LIMIT = "limit"


class Costs(Struct, frozen=True):
    """Fees per side and slippage per market exit in basis points; `maker_fee_bps` only for limit targets."""

    fee_bps: float = 5.0
    slippage_bps: float = 0.0
    maker_fee_bps: float = 5.0

    def __post_init__(self) -> None:
        for name in ("fee_bps", "slippage_bps"):
            value = getattr(self, name)
            if not 0.0 <= value < _BPS:
                raise InvalidValue(name, value, "0 up to 10000")
        if not -_BPS < self.maker_fee_bps < _BPS:  # a venue may pay makers
            raise InvalidValue("maker_fee_bps", self.maker_fee_bps, "above -10000 and below 10000")

    @property
    def fee_rate(self) -> float:
        """Return the taker fee as a fraction of notional."""
        return self.fee_bps / _BPS

    @property
    def maker_fee_rate(self) -> float:
        """Return the maker fee as a fraction of notional."""
        return self.maker_fee_bps / _BPS

    @property
    def slippage_rate(self) -> float:
        """Return the slippage of a market exit as a fraction of its price."""
        return self.slippage_bps / _BPS


class Trailing(Struct, frozen=True):
    """Once the best price is `activation` from the entry, the stop follows it at `distance` (fractions)."""

    activation: float
    distance: float

    def __post_init__(self) -> None:
        if not (self.activation >= 0.0 and isfinite(self.activation)):
            raise InvalidValue("trailing activation", self.activation, "a fraction of 0 or more")
        if not 0.0 < self.distance < 1.0:
            raise InvalidValue("trailing distance", self.distance, "a fraction above 0 and below 1")


class Rules(Struct, frozen=True):
    """The rules that move the stop or end a position; None turns a rule off.

    `break_even` is the offset from the entry (a fraction) to which the first filled target moves the stop.
    Trailing and time stop act only at the closes of `interval_ms`.
    """

    break_even: float | None = None
    trailing: Trailing | None = None
    time_stop_ms: int | None = None
    interval_ms: int = MINUTE_MS

    def __post_init__(self) -> None:
        if self.break_even is not None and not -1.0 < self.break_even < 1.0:
            raise InvalidValue("break-even offset", self.break_even, "a fraction above -1 and below 1")
        if self.time_stop_ms is not None and self.time_stop_ms <= 0:
            raise InvalidValue("time stop in ms", self.time_stop_ms, "above 0")
        if self.interval_ms <= 0:
            raise InvalidValue("rule interval in ms", self.interval_ms, "above 0")

    @property
    def watch_closes(self) -> bool:
        """Return whether a rule acts at closes."""
        return self.trailing is not None or self.time_stop_ms is not None


class LiquidationPrices(Struct, frozen=True):
    """The liquidation prices of an isolated one-way position after 0, 1 and 2 targets, and its leverage."""

    leverage: float
    prices: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not (self.leverage >= 1.0 and isfinite(self.leverage)):
            raise InvalidValue("leverage", self.leverage, "1 or more")
        if not all(map(isfinite, self.prices)):
            raise InvalidValue("liquidation prices", self.prices, "finite numbers")


class ExternalClose(Struct, frozen=True):
    """A recorded close from outside, which ends the walk at its price regardless of the levels."""

    at_ms: int
    price: float

    def __post_init__(self) -> None:
        if not (self.price > 0.0 and isfinite(self.price)):
            raise InvalidValue("price of the external close", self.price, "a finite price above 0")


class ExitSetup(Struct, frozen=True):
    """One position as the input of a walk: prices are doubles, `shares` fractions of the original quantity.

    `targets` and `stop` are trigger prices. A target without a share is not placed, so its price is not
    checked. `stop_on` and `targets_on` say which price triggers the orders at the venue. A moved stop is
    rounded to `tick`, None if unknown.
    """

    side: Side
    entry: float
    opened_at_ms: int
    targets: tuple[float, float, float]
    stop: float
    shares: tuple[float, float, float]
    costs: Costs = Costs()
    rules: Rules = Rules()
    tp_execution: TpExecution = TpExecution.MARKET
    liquidation: LiquidationPrices | None = None
    external: ExternalClose | None = None
    stop_on: PriceKind = PriceKind.CONTRACT
    targets_on: PriceKind = PriceKind.CONTRACT
    tick: Tick | None = None

    def __post_init__(self) -> None:
        targets = enumerate(zip(self.targets, self.shares, strict=True), start=1)
        placed = {f"TP{number} price": price for number, (price, share) in targets if share > 0.0}
        for name, price in {"entry price": self.entry, "stop price": self.stop, **placed}.items():
            if not (price > 0.0 and isfinite(price)):
                raise InvalidValue(name, price, "a finite price above 0")
        if self.external is not None and self.external.at_ms < self.opened_at_ms:
            raise InvalidValue(
                "time of the external close", self.external.at_ms, f"{self.opened_at_ms} or later"
            )
        h1, h2, h3 = self.shares
        if not (min(self.shares) >= 0.0 and abs(h1 + h2 + h3 - 1.0) <= SHARES_SUM_TO_ONE_WITHIN):
            raise InvalidValue("shares", self.shares, "three fractions of 0 or more that sum to 1")
        if any(self.side.direction * (farther - nearer) < 0 for nearer, farther in pairwise(placed.values())):
            raise InvalidValue("targets", self.targets, "none nearer to the entry than the one before it")

    def moved_stop(self, price: float) -> float:
        """Return the price of a moved stop: rounded to the tick toward the entry, if the tick is known."""
        return price if self.tick is None else self.tick.toward(self.entry, price, self.side.direction)

    @property
    def margin_gone_at(self) -> float | None:
        """Return the price `E*(1 - d/L)` at which the margin is gone; None if liquidation is not walked."""
        if self.liquidation is None:
            return None
        return self.entry * (1 - self.side.direction / self.liquidation.leverage)
