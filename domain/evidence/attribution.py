"""Attribution: the difference between two policies on one position, split exactly into its causes.

Each effect is the change made by one step, in this order:

    levels       gross of the candidate's exits with the baseline's shares, minus the baseline's gross
    harvest      gross of the candidate's exits with its own shares, minus gross with the baseline's shares
    liquidation  the change in the candidate's gross when liquidation is walked, minus that of the baseline
    cost         the change in net by both fees and slippage, candidate minus baseline
    funding      the change in net by funding, candidate minus baseline

Levels and harvest come from walks without liquidation. Every effect is an exact decimal difference of
doubles, so their sum is exactly `net of the candidate - net of the baseline`.
"""

from bisect import bisect_left
from decimal import Context, Decimal, Inexact

from msgspec import Struct

from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, ExitLeg, History, LegLevel, PolicyDifference
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled

_EXACT = Context(prec=2500, traps=[Inexact])

Pair = tuple[History, History]
"""A history of the baseline and a history of the candidate, on the same prices."""

Shares = tuple[float, float, float]


class Attribution(Struct, frozen=True):
    """The effects as fractions of the entry notional, or scaled to another unit; `total` is their exact sum."""

    levels: Decimal
    harvest: Decimal
    liquidation: Decimal
    cost: Decimal
    funding: Decimal

    @property
    def total(self) -> Decimal:
        """Return the exact sum of the effects."""
        total = Decimal(0)
        for effect in (self.levels, self.harvest, self.liquidation, self.cost, self.funding):
            total = _EXACT.add(total, effect)
        return total

    def plus(self, other: "Attribution") -> "Attribution":
        """Return the exact sum of both attributions, effect by effect."""
        return Attribution(
            _EXACT.add(self.levels, other.levels),
            _EXACT.add(self.harvest, other.harvest),
            _EXACT.add(self.liquidation, other.liquidation),
            _EXACT.add(self.cost, other.cost),
            _EXACT.add(self.funding, other.funding),
        )

    def times(self, scale: float) -> "Attribution":
        """Return the exact product of every effect and a factor."""
        factor = Decimal(scale)
        return Attribution(
            _EXACT.multiply(self.levels, factor),
            _EXACT.multiply(self.harvest, factor),
            _EXACT.multiply(self.liquidation, factor),
            _EXACT.multiply(self.cost, factor),
            _EXACT.multiply(self.funding, factor),
        )


NOTHING = Attribution(Decimal(0), Decimal(0), Decimal(0), Decimal(0), Decimal(0))


class AttributedDifference(Struct, frozen=True):
    """The attributions of the lowest and the highest difference."""

    lower: Attribution
    upper: Attribution


def attribute(
    baseline: Plan,
    candidate: Plan,
    difference: PolicyDifference,
    without_liquidation: PolicyDifference,
    candles: CandleSeries,
) -> AttributedDifference:
    """Split a difference; `without_liquidation` is the same difference, walked without liquidation."""
    return AttributedDifference(
        _attributed(baseline, candidate, difference.lowest, without_liquidation.lowest, candles),
        _attributed(baseline, candidate, difference.highest, without_liquidation.highest, candles),
    )


def gross_with_shares_of(other: Plan, plan: Plan, history: History, candles: CandleSeries) -> float:
    """Return the gross result of a history with the shares of another plan at its own exits."""
    if _shares_in_force(other) == _shares_in_force(plan):
        return history.gross
    return _Reshared(other, plan, candles).gross(history)


def _attributed(
    baseline: Plan, candidate: Plan, pair: Pair, without_liquidation: Pair, candles: CandleSeries
) -> Attribution:
    before, after = without_liquidation
    reshared = gross_with_shares_of(baseline, candidate, after, candles)
    unliquidated = _minus(after.gross, before.gross)
    return Attribution(
        levels=_minus(reshared, before.gross),
        harvest=_minus(after.gross, reshared),
        liquidation=_EXACT.subtract(_minus(pair[1].gross, pair[0].gross), unliquidated),
        cost=_EXACT.subtract(_cost_effect(pair[1]), _cost_effect(pair[0])),
        funding=_EXACT.subtract(_funding_effect(pair[1]), _funding_effect(pair[0])),
    )


def _cost_effect(history: History) -> Decimal:
    return _minus(_before_funding(history), history.gross)


def _funding_effect(history: History) -> Decimal:
    return _minus(history.net, _before_funding(history))


def _before_funding(history: History) -> float:
    """Return the net result without funding, computed in the same order."""
    return history.gross - history.entry_fee - history.exit_fees - history.slippage


def _minus(after: float, before: float) -> Decimal:
    return _EXACT.subtract(Decimal(after), Decimal(before))


def _shares_in_force(plan: Plan) -> list[tuple[int, Shares]]:
    changes = [(each.at_ms, each.shares) for each in plan.changes if isinstance(each, Relevelled)]
    return [(plan.setup.opened_at_ms, plan.setup.shares), *changes]


class _Reshared:
    """Computes the gross result of a history with other shares, leg by leg."""

    def __init__(self, other: Plan, plan: Plan, candles: CandleSeries) -> None:
        self._setup = plan.setup
        self._opens_ms = candles.opens_ms
        sizes = [each for each in plan.changes if not isinstance(each, Relevelled)]
        levels = [each for each in other.changes if isinstance(each, Relevelled)]
        # At equal times the size changes first, as in a plan.
        self._changes: list[Change] = sorted([*sizes, *levels], key=lambda change: change.at_ms)
        self._shares = other.setup.shares
        self._rung, self._open = 0, 1.0
        self._gross = 0.0
        self._share_out()

    def gross(self, history: History) -> float:
        """Return the gross result of the history with the other shares."""
        for leg in history.legs[:-1]:
            self._change_until(leg)
            if leg.level in TARGET_LEVELS:
                self._reach(leg)
            else:
                self._book(self._open * (1.0 - self._next_reduction().kept), leg.price)
                self._share_out()
        last = history.legs[-1]
        self._change_until(last)
        self._book(self._open, last.price)
        return self._gross

    def _reach(self, leg: ExitLeg) -> None:
        self._rung = TARGET_LEVELS.index(LegLevel(leg.level)) + 1
        if self._scale > 0.0 or self._rung == len(
            TARGET_LEVELS
        ):  # the last target closes all if no target ahead has a share
            self._book(self._open - self._scale * self._table()[self._rung], leg.price)

    def _book(self, fraction: float, price: float) -> None:
        d, entry = self._setup.side.direction, self._setup.entry
        self._gross = self._gross + fraction * d * (price - entry) / entry
        self._open = self._open - fraction

    def _change_until(self, leg: ExitLeg) -> None:
        """Apply the changes in force before a leg; stop at a reduction, which is a leg of its own."""
        while self._changes and self._in_force(self._changes[0], leg):
            match self._changes[0]:
                case Reduced():
                    return
                case Relevelled(shares=shares):
                    self._shares = shares
                case Increased(added=added, price=price):
                    entry = self._setup.entry
                    self._gross = self._gross + added * self._setup.side.direction * (entry - price) / entry
                    self._open = self._open + added
            self._changes.pop(0)
            self._share_out()

    def _next_reduction(self) -> Reduced:
        reduction = self._changes.pop(0)
        assert isinstance(reduction, Reduced)
        return reduction

    def _in_force(self, change: Change, leg: ExitLeg) -> bool:
        place = bisect_left(self._opens_ms, change.at_ms)
        return place < len(self._opens_ms) and self._opens_ms[place] <= leg.at_ms

    def _table(self) -> tuple[float, float, float, float]:
        _, h2, h3 = self._shares
        return (1.0, h2 + h3, h3, 0.0)

    def _share_out(self) -> None:
        left = self._table()[self._rung]
        self._scale = self._open / left if left > 0.0 else 0.0
