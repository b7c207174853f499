"""The tick grid of a venue in doubles, for stops that move during a walk."""

from decimal import Decimal
from math import floor

from msgspec import Struct

from exitbrain.domain.values import DECIMAL

ROUNDED = 2.0**-50
"""How far, as a fraction, a price may be off the grid because of the rounding of doubles."""


class Tick(Struct, frozen=True):
    """A tick of `units / scale`, both whole numbers: 0.05 is 5 / 100.

    Grid price n is `n*units/scale`, the double nearest to the decimal: the product is exact, the division
    rounds once.
    """

    units: float
    scale: float

    @classmethod
    def of(cls, size: Decimal) -> "Tick":
        """Return the tick of a size above 0."""
        exponent = min(int(size.normalize(DECIMAL).as_tuple().exponent), 0)
        return cls(float(size.scaleb(-exponent, DECIMAL)), 10.0**-exponent)

    def toward(self, entry: float, price: float, direction: int) -> float:
        """Return a stop rounded to the grid toward the entry: down above it, up below it.

        At the entry itself, round away from the market: down for a long, up for a short. A price that differs
        from the grid only by the rounding of two doubles counts as on it: 100 * 1.001 is 100.1.
        """
        ticks = price * self.scale / self.units
        nearest = float(round(ticks)) * self.units / self.scale
        if abs(nearest - price) <= ROUNDED * price:
            return nearest
        count = float(floor(ticks))
        if price > entry or (price == entry and direction > 0):
            return count * self.units / self.scale
        return (count + 1.0) * self.units / self.scale
