"""Business keys that count only once, such as the order id of a close, even if several entries carry it."""

import re
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from exitbrain.domain.events import About, Event

CLOSE_ORDER_ID = "close-order-id"
"""The order id of a close. It counts only once per account and symbol."""

CLOSE_COUNTER = "close-counter"
"""An order id from a counter that restarts. It counts only once per cycle."""

REDUCTION = "reduction"
"""A partial close. Its order may close further parts, so the key contains more than the order id."""

REDUCTION_COUNTER = "reduction-counter"

RESENT = "message"
"""The prefix of the kind for keys made from a producer's own id: `message-trace_id-trade.intent-entry`."""

COUNTERS_BELOW = 1_000_000
"""Order ids of the venue are larger. Smaller numbers come from the counter of a paper broker or a bot."""


def resent_kind(field: str, source: str, *, is_exit: bool) -> str:
    """Return the kind of claim for messages with this field; entries and exits of a stream differ."""
    return f"{RESENT}-{field}-{source}-{'exit' if is_exit else 'entry'}"


_NUMBER = re.compile(r"\s*[+-]?0*([0-9]*)(?:\.[0-9]*)?\s*")


@lru_cache(maxsize=4096)  # called several times per message
def is_counter(order_id: str) -> bool:
    """Return whether an order id is a number so small that it will be reused."""
    whole = _NUMBER.fullmatch(order_id)
    if whole is None or not any(character.isdecimal() for character in order_id):
        return False
    return "-" in order_id or len(whole[1]) < len(str(COUNTERS_BELOW))


class KeyClaimed(Event, frozen=True):
    """A message used a key. The key gives the id of this one-event stream, so a second use is a conflict.

    `exit_price` is the price of the close. It separates a repetition from another close with the same order
    id.
    """

    TOPIC = "exitbrain.KeyClaimed"
    LABEL = "key claimed"
    ABOUT = About.CLAIM

    kind: str
    account: str
    symbol: str
    value: str
    exit_price: Decimal | None
    receipt_id: UUID
