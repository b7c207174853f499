"""The possible histories of one policy, or of two side by side: equal states merged, the bounds kept."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import TypeVar

from exitbrain.domain.simulation.candle import Due
from exitbrain.domain.simulation.costs import Path
from exitbrain.domain.simulation.order import Way, consistent
from exitbrain.domain.simulation.outcome import History, LegLevel
from exitbrain.domain.simulation.plan import Change, Plan
from exitbrain.domain.simulation.touches import Bar, Exit, Move, Phase
from exitbrain.domain.simulation.track import Lane, Spot, Track

Spots = tuple[Spot | None, ...]
"""Where the history of each policy stands; None where it has ended."""

Histories = tuple[Path | History, ...]
Moves = tuple[Move | None, ...]

T = TypeVar("T")


class Bounds:
    """The histories of one state that bound all others, and whether there are others; replaced candle by candle."""

    __slots__ = ("high", "low", "several")

    def __init__(self, low: Histories, high: Histories, *, several: bool) -> None:
        self.low = low
        self.high = high
        self.several = several


class Abreast:
    """Of one policy the lowest and the highest net result is kept for each state; of two, their difference."""

    def __init__(self, plans: tuple[Plan, ...]) -> None:
        self.tracks = tuple([Track(plan) for plan in plans])
        begun: Histories = tuple([Path() for _ in plans])
        start: Spots = tuple([Spot(0, 0) for _ in plans])
        self.open: dict[Spots, Bounds] = {start: Bounds(begun, begun, several=False)}
        self._places: list[tuple[Lane, int]] | None = None
        self.ended: Bounds | None = None
        self.holes = 0
        self.last_end_ms = 0

    def advance(
        self, phase: Phase, bar: Bar, *, at_open: bool, ways: Sequence[Way], dues: Sequence[Due]
    ) -> bool:
        """Take every possible combination of moves from every state; return whether one policy had a choice."""
        choice = False
        for spots, bounds in self._take_all():
            options: list[Sequence[Move | None]] = [
                (None,) if spot is None else track.moves(spot, phase, bar)
                for track, spot in zip(self.tracks, spots, strict=True)
            ]
            combinations = list(product(*options))
            choice = choice or len(combinations) > 1
            for moves in self._possible(spots, combinations, ways):
                paid_before = self._paid_before(spots, moves, len(dues))
                choice = choice or len(paid_before) > 1
                for paid in paid_before:
                    self._move(spots, bounds, moves, bar, at_open=at_open, dues=dues, paid=paid)
        return choice

    def close_all(self, level: LegLevel, price: float, at_ms: int) -> None:
        """Close all that is open at a price."""
        bar = Bar(at_ms, price, price, price, price, price, price, price)
        for spots, bounds in self._take_all():
            moves: Moves = tuple(
                [None if spot is None else Move(spot.filled, Exit(price, level)) for spot in spots]
            )
            self._move(spots, bounds, moves, bar, at_open=False)

    def change(self, number: int, change: Change, bar: Bar) -> None:
        """Let a change come to one policy, in every state in which it is open."""
        track, before, known = self.tracks[number], self._take_all(), {}
        for spots, bounds in before:
            spot = spots[number]
            if spot is None:
                self._put(spots, bounds.low, bounds.high, bounds.several)
                continue
            if spot not in known:
                known[spot] = track.changed(change, spot, bar)
            following, after = known[spot]
            low = _replaced(bounds.low, number, after(path_of(bounds.low[number])))
            high = _replaced(bounds.high, number, after(path_of(bounds.high[number])))
            self._put(_replaced(spots, number, following), low, high, bounds.several)

    def pay_funding(self, dues: Sequence[Due]) -> None:
        """Let every open history pay, or be paid, for what it has open."""
        if not dues:
            return
        for spots, bounds in self.open.items():
            same = bounds.high is bounds.low
            bounds.low = self._paid(spots, bounds.low, dues)
            bounds.high = bounds.low if same else self._paid(spots, bounds.high, dues)

    def places(self) -> list[tuple[Lane, int]]:
        """Return where histories stand: the levels of a policy, and how many of their targets are filled.

        The list is kept until a history moves; a place may be in it twice.
        """
        if self._places is None:
            self._places = [
                (track.lanes[spot.lane], spot.filled)
                for spots in self.open
                for track, spot in zip(self.tracks, spots, strict=True)
                if spot is not None
            ]
        return self._places

    def _possible(self, spots: Spots, combinations: list[Moves], ways: Sequence[Way]) -> list[Moves]:
        """Return the combinations of moves that one way of the price can make."""
        if not ways or len(combinations) == 1 or None in spots:
            return combinations
        first, second = [
            track.standing(spot) for track, spot in zip(self.tracks, spots, strict=True) if spot is not None
        ]
        return consistent(ways, combinations, first, second)

    def _paid_before(self, spots: Spots, moves: Moves, dues: int) -> list[tuple[int, ...]]:
        """Return how much of the funding each policy may have paid before its move: the same where both close the same."""
        if not dues:
            return [(0,) * len(spots)]
        closing = [
            () if spot is None or move is None else track.closed_by(spot, move)
            for track, spot, move in zip(self.tracks, spots, moves, strict=True)
        ]
        if closing[0] and closing == closing[:1] * len(closing):
            return [(paid,) * len(closing) for paid in range(dues + 1)]
        return list(product(*(range(0 if closes else dues, dues + 1) for closes in closing)))

    def _take_all(self) -> list[tuple[Spots, Bounds]]:
        """Return the open states, by lane and filled targets, the ended last, and start with none."""
        taken, self.open, self._places = self.open, {}, None
        if len(taken) == 1:
            return list(taken.items())
        return sorted(
            taken.items(), key=lambda state: [(spot is None, spot or Spot(0, 0)) for spot in state[0]]
        )

    def _move(
        self,
        spots: Spots,
        bounds: Bounds,
        moves: Moves,
        bar: Bar,
        *,
        at_open: bool,
        dues: Sequence[Due] = (),
        paid: Sequence[int] = (0, 0),
    ) -> None:
        """Add the histories of a state after a move of each policy; `paid` of the funding due came before its move."""
        following, low = self._moved(spots, moves, bounds.low, bar, at_open, dues, paid)
        same = bounds.high is bounds.low
        high = low if same else self._moved(spots, moves, bounds.high, bar, at_open, dues, paid)[1]
        self._put(following, low, high, bounds.several)

    def _put(self, spots: Spots, low: Histories, high: Histories, several: bool) -> None:
        ended = all(spot is None for spot in spots)
        known = self.ended if ended else self.open.get(spots)
        if known is None:
            bounds = Bounds(low, high, several=several)
            if ended:
                self.ended = bounds
            else:
                self.open[spots] = bounds
            return
        known.several = True
        if self._value(low) < self._value(known.low):
            known.low = low
        if self._value(high) > self._value(known.high):
            known.high = high

    def _value(self, histories: Histories) -> float:
        """Return what is bounded: the net result, or the difference of two."""
        nets = [
            history.net if isinstance(history, History) else track.account.net(history)
            for track, history in zip(self.tracks, histories, strict=True)
        ]
        return nets[0] if len(nets) == 1 else nets[1] - nets[0]

    def _moved(
        self,
        spots: Spots,
        moves: Moves,
        histories: Histories,
        bar: Bar,
        at_open: bool,
        dues: Sequence[Due],
        paid: Sequence[int],
    ) -> tuple[Spots, Histories]:
        following: list[Spot | None] = []
        moved: list[Path | History] = []
        for number, (track, spot, move) in enumerate(zip(self.tracks, spots, moves, strict=True)):
            place, history = spot, histories[number]
            if spot is not None and move is not None:
                path = path_of(history)
                if dues:
                    path = track.with_funding(spot, path, dues[: paid[number]])
                place, history = track.moved(spot, path, move, bar, at_open, self.holes)
                if isinstance(history, History):
                    self.last_end_ms = max(self.last_end_ms, history.legs[-1].at_ms)
                elif place is not None and dues:
                    history = track.with_funding(place, history, dues[paid[number] :])
            following.append(place)
            moved.append(history)
        return tuple(following), tuple(moved)

    def _paid(self, spots: Spots, histories: Histories, dues: Sequence[Due]) -> Histories:
        paid: Iterable[Path | History] = [
            history if spot is None else track.with_funding(spot, path_of(history), dues)
            for track, spot, history in zip(self.tracks, spots, histories, strict=True)
        ]
        return tuple(paid)


def path_of(history: Path | History) -> Path:
    """Return a history that is known to be open."""
    assert isinstance(history, Path)
    return history


def _replaced(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
