"""A business key that counts once: the order id of a close, whatever stream entry carries it."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

CLOSE_ORDER_ID = "close-order-id"
RESENT = "message"
"""The kind of the key by which a producer's own id marks a message, such as `message-trace_id`."""


def resent_kind(field: str) -> str:
    """Return the kind of claim for messages told apart by this field of theirs."""
    return f"{RESENT}-{field}"


@dataclass(frozen=True, slots=True)
class KeyClaimed:
    """A key was used by a message; the id of the one-event stream makes a second use a conflict."""

    TOPIC: ClassVar[str] = "exitbrain.KeyClaimed"

    kind: str
    account: str
    symbol: str
    value: str
    receipt_id: UUID
