"""Read what an exit leaves open: from a quantity, a flag, or a word in any of its texts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exitbrain.infrastructure.wire.flags import flag_of
from exitbrain.infrastructure.wire.reading import FieldReader
from exitbrain.infrastructure.wire.scalars import amount_of

REMAINING_NAMES = (
    "remaining_quantity", "remaining_qty", "remaining_size", "remaining", "remaining_position", "quantity_remaining",
    "qty_remaining", "size_remaining", "position_remaining", "remainingQuantity", "remainingQty", "remainingSize",
)  # fmt: skip
PARTIAL_FLAGS = ("partial", "is_partial", "isPartial", "partial_close", "partialClose", "partial_exit")
PARTIAL_TEXTS = (
    "reason", "exit_reason", "close_reason", "status", "close_type", "closeType", "exit_type", "exitType", "event",
    "side", "action", "type",
)  # fmt: skip
LEFT_NAMES = frozenset((*REMAINING_NAMES, *PARTIAL_FLAGS, *PARTIAL_TEXTS))

_PARTIAL = re.compile(
    r"(?<!(?i:no)[ _-])(?<!(?i:no[nt])[ _-])(?:(?<![A-Za-z])(?:[Pp]artial|PARTIAL)|(?<=[a-z])Partial)"
)


@dataclass(frozen=True, slots=True)
class Left:
    """The quantity an exit leaves open, None if not given, and whether it says that something remains."""

    remaining: Decimal | None = None
    partial: bool = False


NOTHING_LEFT = Left()


def left_by(said: Mapping[str, object], reading: FieldReader) -> Left:
    """Return what an exit leaves open; an unreadable field counts as absent."""
    if LEFT_NAMES.isdisjoint(said):
        return NOTHING_LEFT
    return Left(first_amount(said, REMAINING_NAMES, reading), _is_partial(said, reading))


def first_amount(said: Mapping[str, object], names: Iterable[str], reading: FieldReader) -> Decimal | None:
    """Return the size of the first number under these names; anything else counts as absent."""
    for name in names:
        if name in said:
            amount = amount_of(said[name])
            if amount is not None:
                return amount.copy_abs()
            reading.drop(name, said[name])
    return None


def _is_partial(said: Mapping[str, object], reading: FieldReader) -> bool:
    """Return whether a flag or word of an exit says that something remains."""
    texts = [said[name] for name in PARTIAL_TEXTS if name in said]
    partial = any(isinstance(text, str) and _PARTIAL.search(text) is not None for text in texts)
    for name in PARTIAL_FLAGS:
        if name in said:
            flag = flag_of(said[name])
            if flag is None:
                reading.drop(name, said[name])
            partial = partial or flag is True
    return partial
