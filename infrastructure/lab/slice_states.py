"""What the guard `slices_placeable` finds, without slicing where the position alone decides.

Slices are multiples of the step, and what is left goes to the last one; one too small is merged into the next. So if
the whole position is placeable, some slice is, every too small one finds a neighbour, and together they are the
position. If it is not, no part of it is, and there are no slices. That holds for any usual shares, as long as the
28 digits of the domain's Decimals hold every sum exactly; where they might not, the position is sliced. A target
without a share has no slice.
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
    """Which positions pass the guard; a position is a number that the caller gives it."""

    def __init__(self, position_of: Callable[[int], tuple[Decimal, Decimal, Instrument]]) -> None:
        """Take a function from a number to quantity, entry price and instrument, whose step is known."""
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
    """Return whether the slices are placeable whatever the usual shares, None where slicing must tell."""
    step = instrument.step_size
    assert step is not None
    unit = min(_exponent(quantity), _exponent(step))
    if quantity <= 0 or quantity.adjusted() + 1 - unit > DECIMAL.prec:
        return None
    return is_placeable(quantity, instrument, price)


def are_usual(shares: Shares) -> bool:
    """Return whether shares other than 0 are above nothing, and the last of them is what the others leave, or less."""
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
