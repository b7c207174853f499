"""Made comparisons: positions with known differences."""

from random import Random

from exitbrain.domain.evidence.comparison import DAY_MS, Comparison

HOUR_MS = 3_600_000


def comparison(day: float, hold_hours: float, *differences: float, bounds: float = 0.0) -> Comparison:
    """Return a position entered `day` days after 1970, its differences lying in the middle of their bounds."""
    opened_at = round(day * DAY_MS)
    lower = tuple([difference - bounds for difference in differences])
    upper = tuple([difference + bounds for difference in differences])
    return Comparison(opened_at, opened_at + round(hold_hours * HOUR_MS), lower, upper)


def drawn(days: int, mean: float, *, seed: int, policies: int = 1, bounds: float = 0.0) -> list[Comparison]:
    """Return one position of two hours on each day, its differences drawn around `mean` with deviation 1."""
    random = Random(seed)
    return [
        comparison(day, 2, *[random.gauss(mean, 1.0) for _ in range(policies)], bounds=bounds)
        for day in range(days)
    ]
