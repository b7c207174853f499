"""Totals of simulated positions by bound, with doubtful positions listed separately."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from exitbrain.application.simulation.positions import Simulated
from exitbrain.domain.simulation.costs import Account
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import ExitBounds, History


@dataclass(slots=True)
class BoundSums:
    """Sums over positions, as fractions of each position's entry notional."""

    positions: int
    pessimistic: float
    optimistic: float

    def add(self, pessimistic: float, optimistic: float) -> None:
        """Add one position."""
        self.positions += 1
        self.pessimistic += pessimistic
        self.optimistic += optimistic


def _nothing() -> BoundSums:
    return BoundSums(0, 0.0, 0.0)


@dataclass(slots=True)
class Totals:
    """Net results: `exits` without OPEN legs, `open_rests` only those legs, `everything` both.

    An OPEN leg pays the entry fee of its fraction; funding goes to the exits, if there are any.
    `without_holes` sums the exits of positions without missing candles, `without_failed_guards` of plans
    without a failed guard on the levels. `with_off_market` and `without_off_market` sum the exits with and
    without positions entered off market; `exits` equals one of the two. `off_market_unknown` counts entries
    without a candle. The lists name positions: `failed_guards` are counted, `refused` and `not_placeable` are
    not walked.
    """

    exits: BoundSums = field(default_factory=_nothing)
    without_holes: BoundSums = field(default_factory=_nothing)
    without_failed_guards: BoundSums = field(default_factory=_nothing)
    with_off_market: BoundSums = field(default_factory=_nothing)
    without_off_market: BoundSums = field(default_factory=_nothing)
    open_rests: BoundSums = field(default_factory=_nothing)
    everything: BoundSums = field(default_factory=_nothing)
    ambiguous: int = 0
    ambiguous_candles: int = 0
    refined_candles: int = 0
    unrefined_candles: int = 0
    off_market_unknown: int = 0
    off_market: list[Simulated] = field(default_factory=list)
    failed_guards: list[Simulated] = field(default_factory=list)
    refused: list[Simulated] = field(default_factory=list)
    not_placeable: list[Simulated] = field(default_factory=list)


def totals_of(simulated: Iterable[Simulated], *, include_off_market: bool = False) -> Totals:
    """Add up positions in order."""
    totals = Totals()
    for one in simulated:
        if one.bounds is None or one.setup is None:
            (totals.not_placeable if one.levels.raw.refusal is None else totals.refused).append(one)
            continue
        if one.bounds.entry_off_market:
            totals.off_market.append(one)
        totals.off_market_unknown += one.bounds.entry_off_market is None
        counted = include_off_market or not one.bounds.entry_off_market
        if counted and one.failed_guards:
            totals.failed_guards.append(one)
        _add(totals, one, one.bounds, one.setup, counted=counted)
    return totals


def _add(totals: Totals, one: Simulated, bounds: ExitBounds, setup: ExitSetup, *, counted: bool) -> None:
    account = Account(setup)
    low, high = bounds.pessimistic, bounds.optimistic
    low_rest, high_rest = _open_rest(account, setup, low), _open_rest(account, setup, high)
    if _has_exit(low) or _has_exit(high):
        for sums, takes in (
            (totals.with_off_market, True),
            (totals.without_off_market, not bounds.entry_off_market),
            (totals.exits, counted),
            (totals.without_holes, counted and not bounds.holes),
            (totals.without_failed_guards, counted and not one.failed_guards),
        ):
            if takes:
                sums.add(low.net - low_rest, high.net - high_rest)
    if not counted:
        return
    totals.everything.add(low.net, high.net)
    if low.is_open or high.is_open:
        totals.open_rests.add(low_rest, high_rest)
    totals.ambiguous += bounds.ambiguous
    totals.ambiguous_candles += bounds.ambiguous_candles
    totals.refined_candles += bounds.refined_candles
    totals.unrefined_candles += bounds.unrefined_candles


def _has_exit(history: History) -> bool:
    return not history.is_open or len(history.legs) > 1


def _open_rest(account: Account, setup: ExitSetup, history: History) -> float:
    if not history.is_open:
        return 0.0
    if not _has_exit(history):
        return history.net
    last = history.legs[-1]
    return account.result_of(last, setup.margin_gone_at) - account.entry_fee * last.fraction
