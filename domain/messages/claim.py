"""A business key that counts once: the order id of a close, whatever stream entry carries it."""

import re
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from exitbrain.domain.events import About, Event

CLOSE_ORDER_ID = "close-order-id"
"""An order id of a close: it counts once for ever in account and symbol."""

CLOSE_COUNTER = "close-counter"
"""An order id that is a counter which restarts: it counts once within its cycle."""

REDUCTION = "reduction"
"""A close of a part: its order may close further parts, so the key holds more than the order id."""

REDUCTION_COUNTER = "reduction-counter"

RESENT = "message"
"""The kind of the key by which a producer's own id marks a message, such as `message-trace_id-trade.intent-entry`."""

COUNTERS_BELOW = 1_000_000
"""Order ids of the venue are larger; smaller numbers are counters of a paper broker or a bot."""


def resent_kind(field: str, source: str, *, is_exit: bool) -> str:
    """Return the kind of claim for messages told apart by this field: per stream, entries and exits apart."""
    return f"{RESENT}-{field}-{source}-{'exit' if is_exit else 'entry'}"


_NUMBER = re.compile(r"\s*[+-]?0*([0-9]*)(?:\.[0-9]*)?\s*")


@lru_cache(maxsize=4096)  # asked several times while a message is handled
def is_counter(order_id: str) -> bool:
    """Return whether an order id is a number so small that it will be given again."""
    whole = _NUMBER.fullmatch(order_id)
    if whole is None or not any(character.isdecimal() for character in order_id):
        return False
    return "-" in order_id or len(whole[1]) < len(str(COUNTERS_BELOW))


class KeyClaimed(Event, frozen=True):
    """A key was used by a message; the id of the one-event stream makes a second use a conflict.

    `exit_price` is that of the close, by which a repetition is told from another close under the same order id.
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
