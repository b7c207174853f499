"""The candles that a walk may skip because they touch neither the nearest stop nor the nearest target."""

from collections.abc import Sequence
from math import inf

from exitbrain.domain.simulation.bar_moves import Bar
from exitbrain.domain.simulation.candle import STRETCHES, CandleSeries
from exitbrain.domain.simulation.policy_histories import LevelSet


class QuietBars:
    """The nearest levels of all open histories.

    A candle changes nothing if it touches no stop and no target and, with trailed stops, brings no better
    price.
    """

    def __init__(self, direction: int, candles: CandleSeries, *, trailing: bool) -> None:
        self._d = direction
        self._candles = candles
        self._trailing = trailing
        self._nearest_stop = self._nearest_target = 0.0
        self._floor = self._ceiling = 0.0

    def look(self, places: Sequence[tuple[LevelSet, int]]) -> None:
        """Remember the nearest stop and target of all histories, and the price range without any effect."""
        if not places:
            return
        d, stop, target, best = self._d, -inf, inf, inf
        for level_set, filled in places:
            at_stop = d * level_set.stops.tight[filled].price
            at_target = d * level_set.ladder.targets[filled].price
            seen = d * level_set.stops.best_known
            stop = at_stop if at_stop > stop else stop
            target = at_target if at_target < target else target
            best = seen if seen < best else best
        self._nearest_stop, self._nearest_target = stop, target
        end = min(target, best) if self._trailing else target
        self._floor, self._ceiling = (stop, end) if d > 0 else (-end, -stop)

    def is_quiet(self, bar: Bar) -> bool:
        """Return whether a candle touches nothing."""
        return (
            self._d * bar.mark_adverse > self._nearest_stop
            and self._d * bar.adverse > self._nearest_stop
            and self._d * bar.favourable < self._nearest_target
        )

    def is_quiet_open(self, bar: Bar) -> bool:
        """Return whether the open of a candle touches nothing."""
        return (
            self._d * bar.mark_open > self._nearest_stop
            and self._nearest_stop < self._d * bar.open < self._nearest_target
        )

    def is_stopped_at(self, close: float) -> bool:
        """Return whether a close reaches the nearest stop."""
        return self._d * close <= self._nearest_stop

    def next_place(self, place: int, expected_ms: int, next_event_ms: float) -> tuple[int, int]:
        """Return the first place from `place` on where something may happen, and when its candle should open.

        `expected_ms` is when the candle at `place` should open; something else is due after `next_event_ms`.
        """
        candles, interval_ms = self._candles.candles, self._candles.interval_ms
        floor, ceiling = self._floor, self._ceiling
        while place < len(candles):
            passed = (
                self._passed_over(place, expected_ms, next_event_ms) if place % STRETCHES[0] == 0 else None
            )
            if passed is not None:
                place, expected_ms = passed
                continue
            candle, close_ms = candles[place], expected_ms + interval_ms
            if candle.open_time_ms != expected_ms or next_event_ms < close_ms:
                break
            if not (floor < candle.low and candle.high < ceiling):
                break
            place, expected_ms = place + 1, close_ms
        return place, expected_ms

    def _passed_over(self, place: int, expected_ms: int, next_event_ms: float) -> tuple[int, int] | None:
        """Return the place after the longest quiet stretch from here, and when its candle should open."""
        passed = None
        for length in STRETCHES:
            stretch = self._candles.stretch(place, length) if place % length == 0 else None
            if (
                stretch is None
                or stretch.from_ms != expected_ms
                or next_event_ms < stretch.until_ms
                or not (self._floor < stretch.low and stretch.high < self._ceiling)
            ):
                break
            passed = place + length, stretch.until_ms
        return passed
