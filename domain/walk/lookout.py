"""Knows how near the nearest stop and target are, and so which candles a walk may pass over."""

from exitbrain.domain.walk.candle import CandleSeries, Stretch
from exitbrain.domain.walk.givens import Givens
from exitbrain.domain.walk.touches import Bar
from exitbrain.domain.walk.track import Spot, Track


class Lookout:
    """Looks out from where histories stand: a candle that touches no stop and no target changes nothing."""

    def __init__(self, givens: Givens, candles: CandleSeries) -> None:
        self._d = givens.side.direction
        self._opened_at_ms = givens.opened_at_ms
        self._stretches = candles.stretches
        self._nearest_stop = self._nearest_target = 0.0

    def look(self, spots: list[tuple[Track, Spot]]) -> None:
        """Remember the nearest stop and target of all histories."""
        stops, targets = [], []
        for track, spot in spots:
            lane = track.lanes[spot.lane]
            stops.append(self._d * lane.stops.tight[spot.filled].price)
            targets.append(self._d * lane.ladder.targets[spot.filled].price)
        if stops:
            self._nearest_stop, self._nearest_target = max(stops), min(targets)

    def is_quiet(self, bar: Bar) -> bool:
        """Return whether nothing is touched in a candle."""
        return (
            self._d * bar.mark_adverse > self._nearest_stop
            and self._d * bar.adverse > self._nearest_stop
            and self._d * bar.favourable < self._nearest_target
        )

    def passed_over(self, place: int, expected_ms: int, next_event_ms: float) -> tuple[int, int] | None:
        """Return the candle after the longest quiet stretch that begins here, and when that candle should open.

        `expected_ms` is when the candle here should open; a stretch in which something else is due is none.
        """
        for length, stretches in self._stretches:
            if place % length or place // length >= len(stretches):
                continue
            stretch = stretches[place // length]
            if stretch is not None and self._is_passed_over(stretch, expected_ms, next_event_ms):
                return place + length, stretch.until_ms
        return None

    def _is_passed_over(self, stretch: Stretch, expected_ms: int, next_event_ms: float) -> bool:
        if stretch.from_ms != expected_ms or stretch.from_ms < self._opened_at_ms:
            return False
        if next_event_ms < stretch.until_ms:
            return False
        adverse, favourable = (stretch.low, stretch.high) if self._d > 0 else (stretch.high, stretch.low)
        return self._d * adverse > self._nearest_stop and self._d * favourable < self._nearest_target
