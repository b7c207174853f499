"""The orders in which one candle can touch the levels of two policies that saw the same prices.

Alone, each policy may have had its best or worst order. Together they share one price path, so a policy
cannot be stopped if another one, equal but with a nearer stop, is not. The price path is searched on the grid
of all levels of both: from the open to the next level above or below, step by step, until both extremes were
seen and the close is reached. The pairs of moves found are exactly the possible ones.
"""

from collections.abc import Sequence

from msgspec import Struct

from exitbrain.domain.simulation.bar_moves import Bar, Move
from exitbrain.domain.simulation.entry import Entry
from exitbrain.domain.simulation.ladder import Ladder
from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.domain.simulation.stops import Stops

Ending = tuple[int, bool]
"""How many targets are filled at the end of a candle, and whether a stop has closed the rest."""


class Standing(Struct, frozen=True):
    """A history of one policy at the start of a candle."""

    ladder: Ladder
    stops: Stops
    filled: int

    @property
    def is_certain(self) -> bool:
        """Return whether all its stops are known exactly and none is a liquidation price."""
        return not self.stops.uncertain and all(
            stop.level is not LegLevel.LIQUIDATION for stop in self.stops.tight
        )


class IntrabarPath(Struct, frozen=True):
    """The start of a price path in a candle and what it must reach; prices times direction."""

    start: float
    low: float
    high: float
    close: float | None
    sees_extremes: bool


def price_paths_from(bar: Bar, direction: int, price: float, entry: Entry) -> list[IntrabarPath]:
    """Return the price paths to the close: from the open through both extremes, or from an entry inside."""
    return [
        IntrabarPath(
            direction * start,
            direction * bar.adverse,
            direction * bar.favourable,
            direction * bar.close,
            sees_extremes=begins_at_open,
        )
        for start, begins_at_open in _starts(bar, price, entry)
    ]


def price_paths_before_close(bar: Bar, direction: int, price: float, entry: Entry) -> list[IntrabarPath]:
    """Return the price paths to a close from outside, which may come before either extreme."""
    return [
        IntrabarPath(
            direction * start, direction * bar.adverse, direction * bar.favourable, None, sees_extremes=False
        )
        for start, _ in _starts(bar, price, entry)
    ]


def _starts(bar: Bar, price: float, entry: Entry) -> list[tuple[float, bool]]:
    """Return the prices at which a position may have started in a candle, and whether each is the open."""
    match entry:
        case Entry.BEFORE:
            return [(bar.open, True)]
        case Entry.INSIDE:
            return [(price, False)]
        case Entry.UNSURE:
            return [(bar.open, True), (price, False)]


def ending(move: Move) -> Ending:
    """Return the ending of a move."""
    return move.filled, move.exit is not None


def consistent(
    price_paths: Sequence[IntrabarPath],
    combinations: list[tuple[Move | None, ...]],
    first: Standing,
    second: Standing,
) -> list[tuple[Move | None, ...]]:
    """Return the pairs of moves that one of the price paths can produce; all if a price is uncertain."""
    if not (first.is_certain and second.is_certain):
        return combinations
    possible = frozenset[tuple[Ending, Ending]]().union(
        *(endings(price_path, first, second) for price_path in price_paths)
    )
    kept = [
        moves
        for moves in combinations
        if tuple(ending(move) for move in moves if move is not None) in possible
    ]
    return kept or combinations


def endings(price_path: IntrabarPath, first: Standing, second: Standing) -> frozenset[tuple[Ending, Ending]]:
    """Return the pairs of endings that a price path can produce; none if it starts outside the candle."""
    if not price_path.low <= price_path.start <= price_path.high:
        return frozenset()
    return _Search(price_path, first, second).run()


class _Node(Struct, frozen=True):
    place: int
    first: Ending
    second: Ending
    saw_low: bool
    saw_high: bool


class _Search:
    def __init__(self, price_path: IntrabarPath, first: Standing, second: Standing) -> None:
        self._price_path = price_path
        self._both = (first, second)
        close = price_path.start if price_path.close is None else price_path.close
        within = {price_path.start, price_path.low, price_path.high, close}
        for standing in self._both:
            d = standing.ladder.direction
            within |= {d * target.price for target in standing.ladder.targets[standing.filled :]}
            within |= {d * stop.price for stop in standing.stops.tight[standing.filled :]}
        self._grid = [price for price in sorted(within) if price_path.low <= price <= price_path.high]

    def run(self) -> frozenset[tuple[Ending, Ending]]:
        first, second = self._both
        start = self._grid.index(self._price_path.start)
        node = self._at(start, (first.filled, False), (second.filled, False), False, False)
        seen, waiting = {node}, [node]
        found: set[tuple[Ending, Ending]] = set()
        while waiting:
            node = waiting.pop()
            if self._may_end(node):
                found.add((node.first, node.second))
            for place in (node.place - 1, node.place + 1):
                if 0 <= place < len(self._grid):
                    following = self._at(place, node.first, node.second, node.saw_low, node.saw_high)
                    if following not in seen:
                        seen.add(following)
                        waiting.append(following)
        return frozenset(found)

    def _at(self, place: int, first: Ending, second: Ending, saw_low: bool, saw_high: bool) -> _Node:
        price = self._grid[place]
        return _Node(
            place,
            self._touched(self._both[0], first, price),
            self._touched(self._both[1], second, price),
            saw_low or price == self._price_path.low,
            saw_high or price == self._price_path.high,
        )

    def _touched(self, standing: Standing, before: Ending, price: float) -> Ending:
        filled, stopped = before
        ladder, d = standing.ladder, standing.ladder.direction
        if stopped or filled == ladder.last:
            return before
        filled = ladder.filled_at(filled, d * price)
        if filled < ladder.last and price <= d * standing.stops.tight[filled].price:
            return filled, True
        return filled, False

    def _may_end(self, node: _Node) -> bool:
        price_path = self._price_path
        if price_path.sees_extremes and not (node.saw_low and node.saw_high):
            return False
        return price_path.close is None or self._grid[node.place] == price_path.close
