"""Exits under perturbed futures: candles after t are altered, and no leg or stop up to t may move.

A position is walked over the candles up to t, and over the same candles with a later part that is as
recorded, scaled up or down, mirrored at the last close, or in reverse; mark candles likewise. The legs up to
t must be the same in both bounds. The stop in force at t is found by a probe: one candle that opens at the
last close and falls through every price, after which the candles differ again.

If a candle up to t allows two orders of exits, later candles decide by definition which of them bounds the
result; such a t is skipped and counted.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from exitbrain.application.lookahead.findings import Finding, PolicyVerdict, cuts_of
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds, LegLevel
from exitbrain.domain.values import changed

PART = "exits"

AMBIGUOUS = "a candle by then left a choice of order"
CANDLES_AFTER = 50
"""How many candles after the last exit are included: later ones could only affect a broken walk."""

ABSENT = "the recorded later candles against none"
FUTURES = ("higher", "lower", "mirrored", "in reverse")
PROBED = "a fall through the stop, then other candles"

Walking = Callable[[ExitSetup, Market], ExitBounds]


class ExitCase(Struct, frozen=True):
    """A position to walk: its name in findings, its levels and rules, and the market."""

    subject: str
    setup: ExitSetup
    market: Market


class ExitCheck:
    """Walk positions into different futures."""

    def __init__(self, entries: Sequence[ExitCase], *, cuts: int, walking: Walking = simulate_exits) -> None:
        """Check every entry at up to `cuts` moments of its life; lower-timeframe data is ignored."""
        self._entries = entries
        self._cuts = cuts
        self._walking = walking

    def run(self, verdict: PolicyVerdict, *, progress: Callable[[int], None] | None = None) -> None:
        """Add the findings to the verdict; `progress` gets the number of entries done."""
        for number, entry in enumerate(self._entries, start=1):
            self._check(entry, verdict)
            if progress is not None:
                progress(number)

    def _check(self, entry: ExitCase, verdict: PolicyVerdict) -> None:
        setup, series = entry.setup, entry.market.candles
        start = series.index_at(setup.opened_at_ms)
        ended = self._walking(setup, entry.market)
        last_ms = max(leg.at_ms for bound in (ended.pessimistic, ended.optimistic) for leg in bound.legs)
        lived = sum(1 for opened in series.opens_ms[start:] if opened <= last_ms)
        market = _between(entry.market, start, start + lived + CANDLES_AFTER)
        for t in cuts_of(len(market.candles.candles), self._cuts):
            self._at(entry, market, t, verdict)

    def _at(self, entry: ExitCase, market: Market, t: int, verdict: PolicyVerdict) -> None:
        """Compare at the close of the candle before candle `t`."""
        series = market.candles
        known = self._walking(entry.setup, _cut(market, t))
        if known.ambiguous_candles:
            verdict.leave_out(AMBIGUOUS)
            return
        close_ms = series.opens_ms[t - 1] + series.interval_ms
        subject = f"{entry.subject}, by {close_ms}"
        past = _legs(known, close_ms)[0]
        for how, future in _futures(market, t):
            for legs in _legs(self._walking(entry.setup, future), close_ms):
                verdict.compare(PART, Finding.LOOKS_AHEAD, subject, how, past, legs)
        probed = [
            self._walking(entry.setup, future) for future in _probes(market, t, entry.setup.side.direction)
        ]
        probe_close_ms = close_ms + series.interval_ms
        first = _legs(probed[0], probe_close_ms)[0]
        for other in probed[1:]:
            for legs in _legs(other, probe_close_ms):
                verdict.compare(PART, Finding.LOOKS_AHEAD, subject, PROBED, first, legs)


def _legs(walked: ExitBounds, before_ms: int) -> list[dict[str, dict[str, object]]]:
    """Return the exits of each bound before a moment, in order."""
    return [
        {
            f"leg {number}": {
                "level": leg.level.value, "fraction": leg.fraction, "price": leg.price, "at_ms": leg.at_ms
            }
            for number, leg in enumerate(bound.legs, start=1)
            if leg.level is not LegLevel.OPEN and leg.at_ms < before_ms
        }
        for bound in (walked.pessimistic, walked.optimistic)
    ]  # fmt: skip


def _futures(market: Market, t: int) -> Iterator[tuple[str, Market]]:
    yield ABSENT, market
    for future in FUTURES:
        yield f"later candles {future}", _with_future(market, t, future)


def _probes(market: Market, t: int, direction: int) -> Iterator[Market]:
    """Yield markets whose candle `t` falls through every stop and that differ afterwards."""
    last = market.candles.candles[t - 1].close
    worst = last * 1e-6 if direction > 0 else last * 1e6
    at_ms = market.candles.opens_ms[t - 1] + market.candles.interval_ms
    probe = Candle(at_ms, last, max(last, worst), min(last, worst), worst)
    for future in (None, *FUTURES):
        later = _cut(market, t) if future is None else _with_future(market, t, future)
        series = later.candles
        rest = [candle for candle in series.candles[t:] if candle.open_time_ms > at_ms]
        candles = changed(series, candles=[*series.candles[:t], probe, *rest])
        yield changed(later, candles=candles, mark=None)


def _cut(market: Market, t: int) -> Market:
    return _between(market, 0, t)


def _between(market: Market, first: int, end: int) -> Market:
    """Return the candles from `first` to before `end`, with mark and funding up to the last close."""
    candles = changed(market.candles, candles=market.candles.candles[first:end])
    mark = None if market.mark is None else market.mark.between(0, candles.end_ms)
    return Market(
        candles,
        None if not mark or market.mark is None else changed(market.mark, candles=mark),
        funding=[rate for rate in market.funding if rate.minute_ms <= candles.end_ms],
    )


def _with_future(market: Market, t: int, future: str) -> Market:
    """Return a market with other candles, and other funding, from candle `t` on."""
    from_ms = market.candles.opens_ms[t] if t < len(market.candles.opens_ms) else market.candles.end_ms
    funding = [
        changed(rate, rate=0.01 - rate.rate) if rate.minute_ms > from_ms else rate for rate in market.funding
    ]
    mark = None if market.mark is None else _altered(market.mark, from_ms, future)
    return Market(_altered(market.candles, from_ms, future), mark, funding=funding)


def _altered(series: CandleSeries, from_ms: int, future: str) -> CandleSeries:
    known = [candle for candle in series.candles if candle.open_time_ms < from_ms]
    later = series.candles[len(known) :]
    if not later:
        return series
    pivot = known[-1].close if known else later[0].open
    match future:
        case "higher":
            altered = [_scaled(candle, 1.5) for candle in later]
        case "lower":
            altered = [_scaled(candle, 0.5) for candle in later]
        case "mirrored":
            altered = [_mirrored(candle, pivot) for candle in later]
        case _:
            times = [candle.open_time_ms for candle in later]
            altered = [
                changed(candle, open_time_ms=at) for at, candle in zip(times, reversed(later), strict=True)
            ]
    return changed(series, candles=[*known, *altered])


def _scaled(candle: Candle, factor: float) -> Candle:
    return Candle(
        candle.open_time_ms,
        candle.open * factor,
        candle.high * factor,
        candle.low * factor,
        candle.close * factor,
    )


def _mirrored(candle: Candle, pivot: float) -> Candle:
    square = pivot * pivot
    return Candle(
        candle.open_time_ms,
        square / candle.open,
        square / candle.low,
        square / candle.high,
        square / candle.close,
    )
