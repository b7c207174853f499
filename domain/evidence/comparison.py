"""Comparisons of one position under the baseline and each policy of a family, and their sums by UTC day."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

DAY_MS = 86_400_000


class Comparison(Struct, frozen=True):
    """The results of each policy of a family on one position, compared with the baseline.

    Times are epoch milliseconds; `ended_at` is when the last policy, baseline included, closed the position
    under either bound. `lower[i]` and `upper[i]` bound the net result of policy i minus the baseline's, in
    the unit judged.
    """

    opened_at: int
    ended_at: int
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def day(self) -> int:
        """Return the UTC day of entry, counted from 1970-01-01."""
        return self.opened_at // DAY_MS

    @property
    def life_ms(self) -> int:
        """Return the longest hold under any policy, in milliseconds."""
        return self.ended_at - self.opened_at

    def of(self, policy: int) -> "Comparison":
        """Return the comparison with one policy alone, given by its index."""
        return Comparison(self.opened_at, self.ended_at, (self.lower[policy],), (self.upper[policy],))


class Days(Struct, frozen=True):
    """Paired differences summed by UTC day of entry over all symbols: rows are days, columns are policies.

    Only days with at least one pair are listed, ascending.
    """

    days: tuple[int, ...]
    lower: tuple[tuple[float, ...], ...]
    upper: tuple[tuple[float, ...], ...]


def daily_sums(comparisons: Iterable[Comparison]) -> Days:
    """Sum the differences of each day in order of entry; at equal times, in the given order."""
    lower: dict[int, tuple[float, ...]] = {}
    upper: dict[int, tuple[float, ...]] = {}
    for each in sorted(comparisons, key=lambda comparison: comparison.opened_at):
        day = each.day
        lower[day] = _plus(lower[day], each.lower) if day in lower else each.lower
        upper[day] = _plus(upper[day], each.upper) if day in upper else each.upper
    return Days(tuple(lower), tuple(lower.values()), tuple(upper.values()))


def effective_days(comparisons: Iterable[Comparison]) -> float:
    """Return the number of entry days, counting days that overlap only in part.

    A day lives from its first entry until its last position is closed. Time that m days share counts 1/m for
    each, and a day counts as the part of its life that remains (the average uniqueness of M. Lopez de Prado,
    Advances in Financial Machine Learning, 4.4). Days that do not overlap count in full.
    """
    lives = _lives(comparisons)
    edges = sorted({edge for life in lives for edge in life})
    place = {edge: number for number, edge in enumerate(edges)}
    alive = [0] * len(edges)
    for start, end in lives:
        for stretch in range(place[start], place[end]):
            alive[stretch] += 1
    total = 0.0
    for start, end in lives:
        own = 0.0
        for stretch in range(place[start], place[end]):
            own = own + (edges[stretch + 1] - edges[stretch]) / alive[stretch]
        total = total + own / (end - start)
    return total


def longest_life_ms(comparisons: Iterable[Comparison]) -> int:
    """Return the longest hold of any position under any policy, in milliseconds; 0 without positions."""
    return max((each.life_ms for each in comparisons), default=0)


def days_of_a_life(comparisons: Iterable[Comparison]) -> int:
    """Return the most UTC days that any position spans; at least 1."""
    return max((each.ended_at // DAY_MS - each.day + 1 for each in comparisons), default=1)


def _lives(comparisons: Iterable[Comparison]) -> Sequence[tuple[int, int]]:
    """Return the start and end of each day's life, in order; a life lasts at least one millisecond."""
    lives: dict[int, tuple[int, int]] = {}
    for each in sorted(comparisons, key=lambda comparison: comparison.opened_at):
        start, end = lives.get(each.day, (each.opened_at, each.opened_at + 1))
        lives[each.day] = (start, max(end, each.ended_at))
    return tuple(lives.values())


def _plus(total: tuple[float, ...], more: tuple[float, ...]) -> tuple[float, ...]:
    return tuple([a + b for a, b in zip(total, more, strict=True)])
