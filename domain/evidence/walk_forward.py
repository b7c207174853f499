"""Walk forward: choose a policy on past days, test it on the days that follow, and move on."""

from collections.abc import Sequence

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import DAY_MS, Comparison, daily_sums, longest_life_ms

FOLDS = 5


class Fold(Struct, frozen=True):
    """A test span of whole UTC days (`from_day` <= day < `until_day`) and its training positions.

    All positions are given by their index in the input. `purged` positions were still open when the test span
    began; `embargoed` ones ended less than one hold before it.
    """

    from_day: int
    until_day: int
    training: tuple[int, ...]
    test: tuple[int, ...]
    purged: tuple[int, ...]
    embargoed: tuple[int, ...]


class Choice(Struct, frozen=True):
    """The choice of a fold: the best policy in training, None without training positions."""

    fold: Fold
    policy: int | None


def folds_of(comparisons: Sequence[Comparison], folds: int = FOLDS) -> tuple[Fold, ...]:
    """Divide the days from first to last entry into a first span and `folds` test spans of equal length.

    The training positions are those entered before the test span that ended, under every policy, more than
    one hold (the longest of all) before it began. Spans without an entry are left out.
    """
    if folds < 1:
        raise InvalidValue("folds", folds, "1 or more")
    if not comparisons:
        return ()
    first = min(each.day for each in comparisons)
    count = max(each.day for each in comparisons) - first + 1
    edges = [first + count * number // (folds + 1) for number in range(1, folds + 2)]
    hold_ms = longest_life_ms(comparisons)
    found = [_fold(comparisons, edges[n], edges[n + 1], hold_ms) for n in range(folds)]
    return tuple([fold for fold in found if fold.test])


def walk_forward(
    comparisons: Sequence[Comparison], folds: int = FOLDS
) -> tuple[tuple[Choice, ...], tuple[Comparison, ...]]:
    """Return the choice of each fold, and the comparisons of its test positions with the chosen policy.

    A fold without training has no choice, and its test positions are left out.
    """
    choices: list[Choice] = []
    tested: list[Comparison] = []
    for fold in folds_of(comparisons, folds):
        policy = best_policy([comparisons[place] for place in fold.training])
        choices.append(Choice(fold, policy))
        if policy is not None:
            tested += [comparisons[place].of(policy) for place in fold.test]
    return tuple(choices), tuple(tested)


def best_policy(training: Sequence[Comparison]) -> int | None:
    """Return the policy with the highest sum of lower differences, first on a tie; None without positions."""
    if not training:
        return None
    rows = daily_sums(training).lower
    totals = list(rows[0])
    for row in rows[1:]:
        totals = [total + difference for total, difference in zip(totals, row, strict=True)]
    return totals.index(max(totals))


def _fold(comparisons: Sequence[Comparison], from_day: int, until_day: int, hold_ms: int) -> Fold:
    start = from_day * DAY_MS
    training, test, purged, embargoed = [], [], [], []
    for place, each in enumerate(comparisons):
        if from_day <= each.day < until_day:
            test.append(place)
        elif each.day < from_day:
            if each.ended_at >= start:
                purged.append(place)
            elif each.ended_at + hold_ms >= start:
                embargoed.append(place)
            else:
                training.append(place)
    return Fold(from_day, until_day, tuple(training), tuple(test), tuple(purged), tuple(embargoed))
