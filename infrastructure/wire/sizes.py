"""Read the quantity of a message, or compute it from a size in USD and the price."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import DECIMAL, Side
from exitbrain.infrastructure.wire.reading import FieldReader, refused
from exitbrain.infrastructure.wire.scalars import LARGEST, SMALLEST
from exitbrain.infrastructure.wire.shapes import SIZE_NAMES, USD_NAMES, IntentShape

ABOVE_ZERO = "a number above 0 where the order is a BUY"
SIGN = "taken without its sign"


def quantity_of(
    shape: IntentShape, said: Mapping[str, object], enters: Side | None, reading: FieldReader
) -> Decimal | None:
    """Return the quantity of an intent, None if unknown; `enters` is the side of an entry, else None.

    Raises UnusableMessage for an entry whose size contradicts its side or gives a quantity out of range.
    """
    quantity = unsigned(shape.quantity, SIZE_NAMES, said, enters, reading)
    usd = unsigned(shape.size_usd, USD_NAMES, said, enters, reading)
    if quantity is not None or usd is None or shape.entry_price is None:
        return quantity
    quantity = DECIMAL.divide(usd, shape.entry_price)
    if SMALLEST <= quantity <= LARGEST:
        return quantity
    given = f"{usd} / {shape.entry_price}"
    if enters is not None:
        allowed = f"a size that makes a quantity from {SMALLEST} to {LARGEST}"
        raise refused(Reason.BAD_NUMBER, "quantity", given, allowed)
    reading.drop("quantity", given)
    return None


def unsigned(
    size: Decimal | None,
    names: Iterable[str],
    said: Mapping[str, object],
    enters: Side | None,
    reading: FieldReader,
) -> Decimal | None:
    """Return a size without its sign: clients write sales as negative. A BUY entry below zero is refused."""
    if size is None or size > 0:
        return size
    name = next(name for name in names if name in said and name not in reading.unusable)
    if enters is Side.LONG:
        raise refused(Reason.BAD_NUMBER, name, said[name], ABOVE_ZERO)
    reading.assume(name, said[name], SIGN)
    return size.copy_abs()
