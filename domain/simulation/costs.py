"""The running result of a history: sums of doubles, every operation in the written order.

With d = ±1, entry price E, rates as fractions, and legs in time order:

    gross     += fraction * d * (price - E) / E        from left to right: ((fraction*d)*(price - E))/E
    exit_fees += fee rate * fraction * price / E       ((rate*fraction)*price)/E
    slippage  += slippage rate * fraction * price / E  ((rate*fraction)*price)/E
    funding   += d * rate * open * mark / E            (((d*rate)*open)*mark)/E
    net        = gross - entry fee - exit_fees - slippage - funding, from left to right

No leg loses more than its margin. If liquidation is walked and the margin is gone at price M, the margin left
at the price of a leg,

    left = max(fraction * d * (price - M) / E, 0)      ((fraction*d)*(price - M))/E

limits its costs: its fee is at most `left`, its slippage at most `left - fee`.

Each sum starts at 0.0; the entry fee is the taker rate. A market leg pays the taker fee and slippage, a limit
target the maker fee and no slippage, LIQUIDATION neither (the rest of the margin is lost), EXTERNAL the taker
fee at the recorded price.
"""

from collections.abc import Sequence

from msgspec import Struct

from exitbrain.domain.simulation.candle import Due
from exitbrain.domain.simulation.exit_setup import ExitSetup, TpExecution
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, ExitLeg, History, LegLevel

_LEVELS = tuple(LegLevel)


class Path(Struct, frozen=True):
    """A history that may continue."""

    gross: float = 0.0
    exit_fees: float = 0.0
    slippage: float = 0.0
    funding: float = 0.0
    legs: tuple[ExitLeg, ...] = ()


class Account:
    """Books the legs and funding of one position."""

    def __init__(self, setup: ExitSetup) -> None:
        self._d = setup.side.direction
        self.entry = setup.entry
        costs = setup.costs
        self.entry_fee = costs.fee_rate
        market = (costs.fee_rate, costs.slippage_rate)
        self._rates = dict.fromkeys(_LEVELS, market)
        self._rates[LegLevel.LIQUIDATION] = (0.0, 0.0)
        self._rates[LegLevel.EXTERNAL] = (costs.fee_rate, 0.0)
        if setup.tp_execution is TpExecution.LIMIT:
            self._rates |= dict.fromkeys(TARGET_LEVELS, (costs.maker_fee_rate, 0.0))

    def with_leg(self, path: Path, leg: ExitLeg, margin_gone_at: float | None) -> Path:
        """Return the path with one more leg."""
        fee_rate, slippage_rate = self._rates[leg.level]
        fee = fee_rate * leg.fraction * leg.price / self.entry
        slippage = slippage_rate * leg.fraction * leg.price / self.entry
        if margin_gone_at is not None:
            left = leg.fraction * self._d * (leg.price - margin_gone_at) / self.entry
            left = left if left > 0.0 else 0.0
            fee = left if left < fee else fee
            slippage = left - fee if left - fee < slippage else slippage
        return Path(
            path.gross + leg.fraction * self._d * (leg.price - self.entry) / self.entry,
            path.exit_fees + fee,
            path.slippage + slippage,
            path.funding,
            (*path.legs, leg),
        )

    def result_of(self, leg: ExitLeg, margin_gone_at: float | None) -> float:
        """Return the net result of one leg, without entry fee and funding."""
        alone = self.with_leg(Path(), leg, margin_gone_at)
        return alone.gross - alone.exit_fees - alone.slippage

    def with_funding(self, path: Path, dues: Sequence[Due], still_open: float) -> Path:
        """Return the path after paying the funding due; a long pays a positive rate."""
        for due in dues:
            paid = self._d * due.rate * still_open * due.mark / self.entry
            path = Path(path.gross, path.exit_fees, path.slippage, path.funding + paid, path.legs)
        return path

    def with_more(self, path: Path, fraction: float, price: float) -> Path:
        """Return the path after the position grew by a fraction of its original quantity.

        The difference between its price and the entry is booked at once, `gross += fraction*d*(E - price)/E`,
        so that every leg is counted from the entry. Its entry fee is added to the exit fees.
        """
        return Path(
            path.gross + fraction * self._d * (self.entry - price) / self.entry,
            path.exit_fees + self.entry_fee * fraction * price / self.entry,
            path.slippage,
            path.funding,
            path.legs,
        )

    def net(self, path: Path) -> float:
        """Return the net result so far."""
        return path.gross - self.entry_fee - path.exit_fees - path.slippage - path.funding

    def history(self, path: Path, holes: int) -> History:
        """Return an ended path as a history."""
        return History(
            path.legs,
            path.gross,
            self.entry_fee,
            path.exit_fees,
            path.slippage,
            path.funding,
            self.net(path),
            holes,
        )
