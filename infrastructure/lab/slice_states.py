"""Decide the guard `slices_placeable`, without slicing where the position alone decides.

Slices are multiples of the step; the last takes the rest, and one too small is merged into the next. So if
the whole position is placeable, some slice is, every too small one finds a neighbour, and together they are
the position. If it is not, none of its parts is, and there are no slices. This holds for usual shares, as
long as 28-digit Decimals hold every sum exactly; otherwise the position is sliced. A target without a share
has no slice.
"""

from collections.abc import Callable
from decimal import Decimal

from exitbrain.domain.levels.guards import not_placeable
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import is_placeable, slices_of
from exitbrain.domain.values import DECIMAL

Shares = tuple[float, float, float]

_LEAST_SHARE = 1e-9


class SliceStates:
    """The positions that pass the guard, each under a number chosen by the caller."""

    def __init__(self, position_of: Callable[[int], tuple[Decimal, Decimal, Instrument]]) -> None:
        """Take a function from a number to quantity, entry price and instrument, which has a step."""
        self._position_of = position_of
        self._decided: dict[int, bool | None] = {}

    def passes(self, number: int, shares: Shares) -> bool:
        """Return whether the slices of a position are placeable."""
        if number not in self._decided:
            self._decided[number] = passes_for_usual_shares(*self._position_of(number))
        decided = self._decided[number]
        if decided is None or not are_usual(shares):
            return passes_sliced(*self._position_of(number), shares)
        return decided


def passes_for_usual_shares(quantity: Decimal, price: Decimal, instrument: Instrument) -> bool | None:
    """Return whether the slices are placeable for all usual shares, None if slicing must decide."""
    step = instrument.step_size
    assert step is not None
    unit = min(_exponent(quantity), _exponent(step))
    if quantity <= 0 or quantity.adjusted() + 1 - unit > DECIMAL.prec:
        return None
    return is_placeable(quantity, instrument, price)


def are_usual(shares: Shares) -> bool:
    """Return whether nonzero shares are clearly above 0, and those before the last clearly below 1 in sum."""
    placed = [share for share in shares if share != 0.0]
    before_last = 0.0
    for share in placed[:-1]:
        before_last += share
    return min(placed, default=0.0) > _LEAST_SHARE and before_last <= 1.0 - _LEAST_SHARE


def passes_sliced(quantity: Decimal, price: Decimal, instrument: Instrument, shares: Shares) -> bool:
    """Return whether the slices are placeable, by slicing as the domain does."""
    return not not_placeable(quantity, price, instrument, slices_of(quantity, shares, instrument, price))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent
