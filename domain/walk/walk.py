"""The walk itself: a position through candles, every possible history kept, the lowest and the highest reported.

A candle is walked in this order, which is also the order of all sums of doubles:

1. a hole before it is counted; the funding due up to its open is paid, in the order of time, by what is open before the
   candle, at the mark price of that time, else at the open of the candle;
2. the gap rule at its open, for the states k = 0, 1, .. ascending;
3. its touches, for the states ascending, in each the moves in the order of `touches`. What closes in a candle may do so
   before or after each funding inside it: for each move so many histories, that in which it came first to begin with.
   (All legs of a move close at once: what a leg pays then is the lowest or the highest for all of them.) What nothing
   happens to pays for all;
4. at the close of a rule interval: the stop is trailed and what it then catches closes, then the time stop.

After 2, 3 and 4 histories of equal k are merged: the lowest and the highest net result so far stay, the one found
first where two are equal. The candle of an entry inside it has no 2; where the entry
may lie at its open or inside, 2 is possible, and so is that it did nothing. What is left after the last candle is leg OPEN
at its close.

Rule closes are the closes at multiples of the rule interval since the epoch, plus what all candles are off their own
grid; with candles as long as the rule interval each close is one.
"""

from collections.abc import Sequence
from functools import partial

from exitbrain.domain.walk.candle import Candle, Due, FundingRate, Market
from exitbrain.domain.walk.entry import Entry, entry_in
from exitbrain.domain.walk.finer import FinerBars, finer_bars
from exitbrain.domain.walk.fit import check_fit, entry_off_market, wrong_kind
from exitbrain.domain.walk.givens import Givens
from exitbrain.domain.walk.ladder import ladder_of
from exitbrain.domain.walk.outcome import LegLevel, Walk
from exitbrain.domain.walk.progress import Progress
from exitbrain.domain.walk.stops import Stops
from exitbrain.domain.walk.touches import Bar, Phase, Touches, phases_of


def walk(givens: Givens, market: Market) -> Walk:
    """Walk a position to its end or to that of the data; raises InvalidValue.

    It must have been opened where there are candles, and no candle may be longer than the rule interval when a
    rule looks at closes.
    """
    return _Walker(givens, market).run()


class _Walker:
    def __init__(self, givens: Givens, market: Market) -> None:
        check_fit(givens, market)
        self._givens = givens
        self._market = market
        self._d = givens.side.direction
        self._ladder = ladder_of(givens)
        self._stops = Stops(givens, self._ladder)
        self._touches = Touches(self._ladder, self._stops)
        self._progress = Progress(givens, self._ladder)
        self._funding = [rate for rate in market.funding if rate.minute_ms > givens.opened_at_ms]
        self._external_ms = None if givens.external is None else givens.external.at_ms
        self._ambiguous_candles = self._refined_candles = self._unrefined_candles = 0
        self._mark_assumed = False
        self._look_out()

    def run(self) -> Walk:
        series, opened = self._market.candles, self._givens.opened_at_ms
        start = series.index_at(opened)
        first = series.candles[start]
        expected = first.open_time_ms if first.open_time_ms <= opened else opened
        entry = entry_in(self._givens, series, start)
        for candle in series.candles[start:]:
            self._cross_hole(expected, candle)
            expected = candle.open_time_ms + series.interval_ms
            self._through(candle, entry)
            entry = Entry.BEFORE
            if not self._progress.filled:
                break
        else:
            self._progress.close_all(LegLevel.OPEN, candle.close, candle.open_time_ms)
        return self._result(first)

    def _cross_hole(self, expected: int, candle: Candle) -> None:
        if candle.open_time_ms > expected and not self._closed_outside_by(expected):
            self._progress.holes += 1

    def _through(self, candle: Candle, entry: Entry) -> None:
        close_ms = candle.open_time_ms + self._market.candles.interval_ms
        self._pay(self._funding_before(candle.open_time_ms + 1, candle))
        dues = self._funding_before(close_ms, candle)
        bar = self._bar(candle)
        if self._closed_outside_by(close_ms - 1):
            self._until_closed_outside(bar, entry, dues)
            return
        if entry is not Entry.BEFORE or not self._is_quiet(bar):
            leave_a_choice = partial(self._touches.leave_a_choice, bar=bar, entry=entry, funded=bool(dues))
            self._count(any(map(leave_a_choice, self._progress.filled)))
            self._touch(candle, bar, entry, dues)
            self._look_out()
        else:
            self._pay(dues)
            self._stops.see(bar.favourable, bar.favourable)
        self._close_rule_interval(bar, close_ms)

    def _touch(self, candle: Candle, bar: Bar, entry: Entry, dues: Sequence[Due]) -> None:
        self._at_open(bar, entry)
        finer = self._finer(candle, bar, entry)
        if finer is None:
            self._inside(bar, entry, dues)
            return
        self._refined_candles += 1
        entry = finer.entry
        for part, earlier, inside in finer.with_funding(dues):
            self._pay(earlier)
            self._at_open(part, entry)
            self._inside(part, entry, inside)
            entry, dues = Entry.BEFORE, dues[len(earlier) + len(inside) :]
        self._pay(dues)

    def _at_open(self, bar: Bar, entry: Entry) -> bool:
        at_open, _ = phases_of(entry)
        return at_open is not None and self._advance(at_open, bar, at_open=True)

    def _inside(self, bar: Bar, entry: Entry, dues: Sequence[Due]) -> None:
        _, inside = phases_of(entry)
        self._advance(inside, bar, dues=dues)
        self._stops.see(bar.favourable, bar.favourable if entry is Entry.BEFORE else bar.close)

    def _advance(self, phase: Phase, bar: Bar, *, at_open: bool = False, dues: Sequence[Due] = ()) -> bool:
        return self._progress.advance(partial(phase, self._touches), bar, at_open=at_open, dues=dues)

    def _finer(self, candle: Candle, bar: Bar, entry: Entry) -> FinerBars | None:
        states = self._progress.filled
        if self._market.finer is None or not states:
            return None
        marked = self._market.mark is not None and any(self._touches.liquidates(k, bar) for k in states)
        finer = None if marked else finer_bars(self._market, self._givens, candle, bar, entry)
        self._unrefined_candles += finer is None
        return finer

    def _close_rule_interval(self, bar: Bar, close_ms: int) -> None:
        rules, series = self._givens.rules, self._market.candles
        if not rules.watch_closes or (close_ms - series.opens_ms[0] % series.interval_ms) % rules.interval_ms:
            return
        if rules.trailing is not None and self._stops.trail():
            at_close = self._touches.at_rule_close
            self._count(
                self._progress.advance(lambda filled, bar: at_close(filled, bar.close), bar, at_open=False)
            )
            self._look_out()
        if rules.time_stop_ms is not None and close_ms >= self._givens.opened_at_ms + rules.time_stop_ms:
            self._progress.close_all(LegLevel.TIME, bar.close, bar.at_ms)

    def _closed_outside_by(self, at_ms: int) -> bool:
        return self._external_ms is not None and self._external_ms <= at_ms

    def _until_closed_outside(self, bar: Bar, entry: Entry, dues: Sequence[Due]) -> None:
        external = self._givens.external
        assert external is not None
        if external.at_ms > bar.at_ms:
            choice = self._at_open(bar, entry)
            self._count(self._advance(Touches.inside_before_close, bar, dues=dues) or choice)
        self._progress.close_all(LegLevel.EXTERNAL, external.price, external.at_ms)

    def _funding_before(self, at_ms: int, candle: Candle) -> list[Due]:
        """Return, once, the funding that is due before a time and before a close from outside."""
        until = at_ms if self._external_ms is None else min(at_ms, self._external_ms)
        return due_before(self._funding, until, candle, self._market)

    def _pay(self, dues: Sequence[Due]) -> None:
        for due in dues:
            self._progress.pay_funding(due)

    def _bar(self, candle: Candle) -> Bar:
        mark = candle
        if self._givens.liquidation is not None:
            of_mark = None if self._market.mark is None else self._market.mark.at(candle.open_time_ms)
            self._mark_assumed = self._mark_assumed or of_mark is None
            mark = of_mark or candle
        return bar_of(candle, mark, self._d)

    def _count(self, choice: bool) -> None:
        self._ambiguous_candles += choice

    def _look_out(self) -> None:
        """Remember the nearest stop and target of all states: a candle that touches neither changes nothing."""
        d, states = self._d, self._progress.filled
        if states:
            self._nearest_stop = d * max(d * self._stops.tight[filled].price for filled in states)
            self._nearest_target = self._ladder.targets[states[0]].price

    def _is_quiet(self, bar: Bar) -> bool:
        d, stop = self._d, self._nearest_stop
        return (
            d * (bar.adverse - stop) > 0
            and d * (bar.mark_adverse - stop) > 0
            and d * (bar.favourable - self._nearest_target) < 0
        )

    def _result(self, first: Candle) -> Walk:
        ended, series, givens = self._progress.ended, self._market.candles, self._givens
        return Walk(
            pessimistic=ended.low,
            optimistic=ended.high,
            ambiguous=ended.several,
            ambiguous_candles=self._ambiguous_candles,
            refined_candles=self._refined_candles,
            unrefined_candles=self._unrefined_candles,
            first_candle_ms=first.open_time_ms,
            entry_off_market=entry_off_market(givens, series),
            mark_assumed=self._mark_assumed,
            wrong_kind=wrong_kind(givens, series),
        )


def due_before(funding: list[FundingRate], until_ms: int, candle: Candle, market: Market) -> list[Due]:
    """Take the funding due before a time off a list in the order of time; return it with the price it is paid on."""
    dues = []
    while funding and funding[0].minute_ms < until_ms:
        rate = funding.pop(0)
        mark = None if market.mark is None else market.mark.at(rate.minute_ms)
        dues.append(Due(rate.minute_ms, rate.rate, candle.open if mark is None else mark.open))
    return dues


def bar_of(candle: Candle, mark: Candle, direction: int) -> Bar:
    """Return a candle as a position of that direction sees it, beside the candle of the mark price."""
    long = direction > 0
    return Bar(
        candle.open_time_ms,
        candle.open,
        candle.low if long else candle.high,
        candle.high if long else candle.low,
        candle.close,
        mark.open,
        mark.low if long else mark.high,
        mark.close,
    )
