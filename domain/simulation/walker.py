"""The walker: it walks positions through candles, follows every possible history, and reports the extremes.

It walks one policy, or two side by side on the same prices. Each candle is walked in this order, which is
also the order of all sums of doubles:

1. Count a hole before it.
2. Apply the changes of the plan due at its open. Pay the funding due up to its open, in time order, on what
   is open before the candle, at the mark price of that time or else at the open of the candle.
3. Apply the gap rule at its open, for the states k = 0, 1, .. ascending.
4. Apply its touches, for the states ascending, and in each the moves in the order of `bar_moves`. A move may
   come before or after each funding inside the candle; each case is a history of its own, starting with the
   one in which the move comes first. (All legs of a move close at once: if closing later is best or worst for
   one, it is for all.) A history without a move pays every funding.
5. At the close of a rule interval, trail the stop and close what it then catches; then apply the time stop.

After 2, 3, 4 and 5 equal states are merged. For one policy, each state keeps the histories with the lowest
and highest net result so far; for two, each pair of states keeps the pairs of histories with the lowest and
highest difference. On a tie, the first one found is kept. What can still happen depends only on the state, so
merging loses nothing. If all levels are certain, pairs of moves that no single price path can produce are
left out (`intrabar_path`).

A plan may end before its levels end it (`ending`): what it still has open closes at a given price. The moves of
the candle before that time are possible first; the other plan goes on through the whole candle, and for that
candle no pair of moves is left out. What ends by the open of a candle ends before 2.

If the entry is inside a candle, step 3 is skipped; if it may be at the open or inside, step 3 may apply or
not. What is open after the last candle becomes a leg OPEN at its close. Candles in which nothing can happen
are skipped (`quiet_bars`).

Rule closes are the closes at multiples of the rule interval since the epoch, shifted by the offset of the
candles from their own grid; with candles as long as the rule interval, every close is one.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf

from exitbrain.domain.simulation.bar_moves import Bar, BarMoves, Move, Phase, bar_of, phases_of
from exitbrain.domain.simulation.candle import Candle, Due, Market, due_before
from exitbrain.domain.simulation.ending import ending_of
from exitbrain.domain.simulation.entry import Entry, entry_in
from exitbrain.domain.simulation.fit import check_intervals, entry_off_market, wrong_kind
from exitbrain.domain.simulation.histories import Bounds, Histories, HistoryOfEach
from exitbrain.domain.simulation.intrabar_path import IntrabarPath, price_paths_before_close, price_paths_from
from exitbrain.domain.simulation.lower_timeframe import LowerTimeframeBars, lower_timeframe_bars
from exitbrain.domain.simulation.outcome import ExitBounds, History, LegLevel, PolicyDifference
from exitbrain.domain.simulation.plan import Plan, Relevelled
from exitbrain.domain.simulation.quiet_bars import QuietBars


def walk_plan(plan: Plan, market: Market) -> ExitBounds:
    """Walk a recorded position and its changes to its end or the end of the data; raises InvalidValue."""
    return _Walker((plan,), market).run_alone()


def walk_both(baseline: Plan, candidate: Plan, market: Market) -> PolicyDifference:
    """Walk a position under two policies on the same prices; raises InvalidValue."""
    if baseline == candidate:  # equal policies differ by 0, even with an uncertain trailed price
        return _Walker((baseline,), market).run_with_itself()
    return _Walker((baseline, candidate), market).run_pair()


class _Walker:
    """One walk: the timing of events. `Histories` decides which moves are possible, and applies them."""

    def __init__(self, plans: tuple[Plan, ...], market: Market) -> None:
        for plan in plans:
            check_intervals(plan.setup, market)
        self._market = market
        self._setup = plans[0].setup
        self._d = self._setup.side.direction
        self._compares = len(plans) > 1
        self._changes = [list(plan.changes) for plan in plans]
        self._histories = Histories(plans)
        endings = [ending_of(plan, market.candles) for plan in plans]
        self._endings = {number: each for number, each in enumerate(endings) if each is not None}
        self._marked = any(map(_may_be_liquidated, plans))
        self._reads_marks = self._marked and market.mark is not None
        self._mark_assumed = self._marked and market.mark is None
        due_from = bisect_right(market.funding, self._setup.opened_at_ms, key=lambda rate: rate.minute_ms)
        self._funding = list(market.funding[due_from:])
        rules, series = self._setup.rules, market.candles
        self._trails = rules.trailing is not None
        self._time_stop_ms = (
            None if rules.time_stop_ms is None else self._setup.opened_at_ms + rules.time_stop_ms
        )
        self._off_grid_ms = series.opens_ms[0] % series.interval_ms
        self._quiet_bars = QuietBars(self._d, series, trailing=self._trails)
        self._ambiguous_candles = self._refined_candles = self._unrefined_candles = 0
        self._look()

    def run_alone(self) -> ExitBounds:
        first, ended = self._run()
        series, setup = self._market.candles, self._setup
        return ExitBounds(
            pessimistic=_history(ended.low[0]),
            optimistic=_history(ended.high[0]),
            ambiguous=ended.several,
            ambiguous_candles=self._ambiguous_candles,
            refined_candles=self._refined_candles,
            unrefined_candles=self._unrefined_candles,
            first_candle_ms=first.open_time_ms,
            last_end_ms=self._histories.last_end_ms,
            entry_off_market=entry_off_market(setup, series),
            mark_assumed=self._mark_assumed,
            wrong_kind=wrong_kind(setup, series),
        )

    def run_pair(self) -> PolicyDifference:
        _, ended = self._run()
        return PolicyDifference(
            _pair(ended.low), _pair(ended.high), ended.several, self._histories.last_end_ms
        )

    def run_with_itself(self) -> PolicyDifference:
        _, ended = self._run()
        low, high = _history(ended.low[0]), _history(ended.high[0])
        return PolicyDifference((low, low), (high, high), ended.several, self._histories.last_end_ms)

    def _run(self) -> tuple[Candle, Bounds]:
        """Walk to the end; return the first candle and the bounds of all histories."""
        series, opened = self._market.candles, self._setup.opened_at_ms
        start = series.index_at(opened)
        first = series.candles[start]
        expected = first.open_time_ms if first.open_time_ms <= opened else opened
        place, entry = start, entry_in(self._setup, series, start)
        while self._histories.open:
            if entry is Entry.BEFORE and not self._reads_marks:
                place, expected = self._quiet_bars.next_place(place, expected, self._next_event_ms(expected))
            if place == len(series.candles):
                last = series.candles[-1]
                self._histories.close_all(LegLevel.OPEN, last.close, last.open_time_ms)
                break
            candle = series.candles[place]
            bar = self._bar(candle)
            self._end_by(expected, candle)
            if candle.open_time_ms > expected and self._histories.open:
                self._histories.holes += 1
            self._end_by(candle.open_time_ms, candle)
            if not self._histories.open:
                break
            place, expected = place + 1, candle.open_time_ms + series.interval_ms
            self._through(candle, bar, entry)
            entry = Entry.BEFORE
        assert self._histories.ended is not None
        return first, self._histories.ended

    def _next_event_ms(self, from_ms: int) -> float:
        """Return until when only touches can happen: no change, funding, ending or rule."""
        due: list[float] = [changes[0].at_ms for changes in self._changes if changes]
        due += [rate.minute_ms for rate in self._funding[:1]]
        due += [ending.at_ms for ending in self._endings.values()]
        if self._time_stop_ms is not None:
            due.append(self._time_stop_ms - 1)
        if self._trails and any(level_set.stops.may_trail for level_set, _ in self._histories.places()):
            interval_ms = self._setup.rules.interval_ms
            due.append(from_ms + interval_ms - (from_ms - self._off_grid_ms) % interval_ms - 1)
        return min(due, default=inf)

    def _through(self, candle: Candle, bar: Bar, entry: Entry) -> None:
        """Walk one candle in the order described in the module docstring."""
        close_ms = candle.open_time_ms + self._market.candles.interval_ms
        self._change(bar)
        self._histories.pay_funding(self._funding_before(candle.open_time_ms + 1, candle))
        if any(ending.at_ms < close_ms for ending in self._endings.values()):
            self._end_inside(candle, bar, entry)
            return
        dues = self._funding_before(close_ms, candle)
        if entry is not Entry.BEFORE or not self._quiet_bars.is_quiet(bar):
            self._ambiguous_candles += any(
                level_set.bar_moves.leave_a_choice(filled, bar, entry, funded=bool(dues))
                for level_set, filled in self._histories.places()
            )
            self._touch(candle, bar, entry, dues)
        else:
            self._stay(bar, dues)
        self._close_rule_interval(bar, close_ms)

    def _change(self, bar: Bar) -> None:
        """Apply the changes due at the open of a candle."""
        for number, changes in enumerate(self._changes):
            while changes and changes[0].at_ms <= bar.at_ms:
                self._histories.change(number, changes.pop(0), bar)
                self._look()

    def _touch(self, candle: Candle, bar: Bar, entry: Entry, dues: Sequence[Due]) -> None:
        """Walk a candle that may touch something, through its lower-timeframe data if they add up to it."""
        self._at_open(bar, entry)
        lower_timeframe = self._lower_timeframe(candle, bar, entry)
        if lower_timeframe is None:
            self._inside(bar, entry, dues)
            return
        self._refined_candles += 1
        entry = lower_timeframe.entry
        for part, earlier, inside in lower_timeframe.with_funding(dues):
            self._histories.pay_funding(earlier)
            if entry is Entry.BEFORE and self._quiet_bars.is_quiet(part):
                self._stay(part, inside)
            else:
                self._at_open(part, entry)
                self._inside(part, entry, inside)
            entry, dues = Entry.BEFORE, dues[len(earlier) + len(inside) :]
        self._histories.pay_funding(dues)

    def _stay(self, bar: Bar, dues: Sequence[Due]) -> None:
        """Walk a bar that touches nothing."""
        self._histories.pay_funding(dues)
        self._see(bar.favourable, bar.favourable)

    def _at_open(self, bar: Bar, entry: Entry) -> bool:
        at_open, _ = phases_of(entry)
        if at_open is None or self._quiet_bars.is_quiet_open(bar):
            return False
        return self._advance(at_open, bar, at_open=True)

    def _inside(self, bar: Bar, entry: Entry, dues: Sequence[Due]) -> None:
        _, inside = phases_of(entry)
        price_paths = price_paths_from(bar, self._d, self._setup.entry, entry) if self._compares else ()
        self._advance(inside, bar, price_paths=price_paths, dues=dues)
        self._see(bar.favourable, bar.favourable if entry is Entry.BEFORE else bar.close)

    def _lower_timeframe(self, candle: Candle, bar: Bar, entry: Entry) -> LowerTimeframeBars | None:
        """Return the lower-timeframe bars; None if the mark price may liquidate, as they do not show when."""
        places = self._histories.places()
        if self._market.lower_timeframe is None or not places:
            return None
        marked = self._market.mark is not None and any(
            level_set.bar_moves.liquidates(filled, bar) for level_set, filled in places
        )
        lower_timeframe = (
            None if marked else lower_timeframe_bars(self._market, self._setup, candle, bar, entry)
        )
        self._unrefined_candles += lower_timeframe is None
        return lower_timeframe

    def _close_rule_interval(self, bar: Bar, close_ms: int) -> None:
        """Trail the stop and apply the time stop if the candle ends a rule interval."""
        rules = self._setup.rules
        if not rules.watch_closes or (close_ms - self._off_grid_ms) % rules.interval_ms:
            return
        if self._trails:
            for level_set, _ in self._histories.places():
                level_set.stops.trail()
            self._look()
            if self._quiet_bars.is_stopped_at(bar.close):
                self._ambiguous_candles += self._advance(_at_rule_close, bar)
        if self._time_stop_ms is not None and close_ms >= self._time_stop_ms:
            self._histories.close_all(LegLevel.TIME, bar.close, bar.at_ms)

    def _end_by(self, at_ms: int, candle: Candle) -> None:
        """End the plans that end by a time; the candle is the next one."""
        for number, ending in list(self._endings.items()):
            if ending.at_ms <= at_ms:
                self._histories.pay_funding(self._funding_before(ending.at_ms, candle))
                self._end(number)

    def _end_inside(self, candle: Candle, bar: Bar, entry: Entry) -> None:
        """Walk a candle in which plans end; the others go on through all of it."""
        close_ms = candle.open_time_ms + self._market.candles.interval_ms
        ended = [number for number, ending in self._endings.items() if ending.at_ms < close_ms]
        before = self._funding_before(self._endings[ended[0]].at_ms, candle)
        dues = [*before, *self._funding_before(close_ms, candle)]
        policies, (_, inside) = range(len(self._changes)), phases_of(entry)
        alike = len(ended) == len(policies)
        choice = self._at_open(bar, entry)
        choice |= self._histories.advance(
            [BarMoves.inside_before_close if number in ended else inside for number in policies],
            bar,
            at_open=False,
            price_paths=(
                price_paths_before_close(bar, self._d, self._setup.entry, entry)
                if alike and self._compares
                else ()
            ),
            dues=[before if number in ended else dues for number in policies],
        )
        self._ambiguous_candles += choice
        for number in ended:
            self._end(number)
        self._see(bar.favourable, bar.favourable if entry is Entry.BEFORE else bar.close)
        self._close_rule_interval(bar, close_ms)

    def _end(self, number: int) -> None:
        ending = self._endings.pop(number)
        self._histories.close((number,), ending.level, ending.price, ending.leg_ms)
        self._look()

    def _advance(
        self,
        phase: Phase,
        bar: Bar,
        *,
        at_open: bool = False,
        price_paths: Sequence[IntrabarPath] = (),
        dues: Sequence[Due] = (),
    ) -> bool:
        policies = len(self._changes)
        choice = self._histories.advance(
            [phase] * policies, bar, at_open=at_open, price_paths=price_paths, dues=[dues] * policies
        )
        self._look()
        return choice

    def _funding_before(self, at_ms: int, candle: Candle) -> list[Due]:
        """Return the funding due before a time, each only once."""
        return due_before(self._funding, at_ms, candle, self._market)

    def _bar(self, candle: Candle) -> Bar:
        """Return a bar of a candle and its mark candle; without one, the candle itself is used."""
        mark = candle
        if self._marked:
            of_mark = None if self._market.mark is None else self._market.mark.at(candle.open_time_ms)
            self._mark_assumed = self._mark_assumed or of_mark is None
            mark = of_mark or candle
        return bar_of(candle, mark, self._d)

    def _see(self, favourable: float, known: float) -> None:
        """Give trailing stops the best price since the entry that a bar may have had and certainly had."""
        if self._trails:
            for level_set, _ in self._histories.places():
                level_set.stops.see(favourable, known)
            self._look()

    def _look(self) -> None:
        self._quiet_bars.look(self._histories.places())


def _may_be_liquidated(plan: Plan) -> bool:
    changed = any(change.liquidation is not None for change in plan.changes if isinstance(change, Relevelled))
    return changed or plan.setup.liquidation is not None


def _at_rule_close(bar_moves: BarMoves, filled: int, bar: Bar) -> list[Move]:
    return bar_moves.at_rule_close(filled, bar.close)


def _pair(histories: HistoryOfEach) -> tuple[History, History]:
    first, second = histories
    return _history(first), _history(second)


def _history(ended: object) -> History:
    assert isinstance(ended, History)
    return ended
