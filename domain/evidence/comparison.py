"""One position under the baseline and under each policy of a family, and the UTC days these make."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

DAY_MS = 86_400_000


class Comparison(Struct, frozen=True):
    """What each policy of a family would have made of one position, beside the baseline.

    Times are epoch milliseconds; `ended_at` is when the last of all policies, the baseline included, let go of the
    position under either bound. `lower[i]` and `upper[i]` bound the net result of policy i minus that of the
    baseline, as a fraction of the entry notional.
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
        """Return how long the longest holder held it, in milliseconds."""
        return self.ended_at - self.opened_at

    def of(self, policy: int) -> "Comparison":
        """Return the same position as the comparison of that policy alone."""
        return Comparison(self.opened_at, self.ended_at, (self.lower[policy],), (self.upper[policy],))


class Days(Struct, frozen=True):
    """Paired differences summed by UTC day of entry over all symbols: rows are days, columns are policies.

    Only days with at least one pair are listed, ascending.
    """

    days: tuple[int, ...]
    lower: tuple[tuple[float, ...], ...]
    upper: tuple[tuple[float, ...], ...]


def daily_sums(comparisons: Iterable[Comparison]) -> Days:
    """Sum the differences of each day, in the order of entry; what entered at the same time, as given."""
    lower: dict[int, tuple[float, ...]] = {}
    upper: dict[int, tuple[float, ...]] = {}
    for each in sorted(comparisons, key=lambda comparison: comparison.opened_at):
        day = each.day
        lower[day] = _plus(lower[day], each.lower) if day in lower else each.lower
        upper[day] = _plus(upper[day], each.upper) if day in upper else each.upper
    return Days(tuple(lower), tuple(lower.values()), tuple(upper.values()))


def effective_days(comparisons: Iterable[Comparison]) -> float:
    """Return how many days of entry count, where days whose positions lived at the same time count in part.

    A day lives from its first entry until the last of its positions is let go of. A stretch of time in which m days
    are alive counts for 1/m of itself to each; a day counts for what that makes of its life (the average uniqueness
    of M. Lopez de Prado, Advances in Financial Machine Learning, 4.4). Days that never meet count in full.
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
    """Return how many UTC days the position that meets most of them meets; at least 1."""
    return max((each.ended_at // DAY_MS - each.day + 1 for each in comparisons), default=1)


def _lives(comparisons: Iterable[Comparison]) -> Sequence[tuple[int, int]]:
    """Return from when to when each day is alive, in the order of the days; a life lasts a millisecond at least."""
    lives: dict[int, tuple[int, int]] = {}
    for each in sorted(comparisons, key=lambda comparison: comparison.opened_at):
        start, end = lives.get(each.day, (each.opened_at, each.opened_at + 1))
        lives[each.day] = (start, max(end, each.ended_at))
    return tuple(lives.values())


def _plus(total: tuple[float, ...], more: tuple[float, ...]) -> tuple[float, ...]:
    return tuple([a + b for a, b in zip(total, more, strict=True)])
