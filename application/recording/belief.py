"""What is believed of the id and the time of a message: nothing that lies too far ahead of our own clock.

An id or a time outlives its message: later ones are compared with it. One of the year 2100 would make all that follow
too old, and nothing but another of that year could undo it.
"""

from datetime import datetime

from exitbrain.domain.messages.message import (
    NO_TIME,
    ActivatePolicy,
    BookClose,
    MessageTime,
    TradeClosed,
    TradeIntent,
    Translation,
)
from exitbrain.domain.values import Assumption, EntryId, changed

Doubts = tuple[Assumption, ...]

_NONE: Doubts = ()


def believed(
    entry_id: EntryId | None, time: MessageTime, recorded_at: datetime, ahead_s: float
) -> tuple[EntryId | None, MessageTime, Doubts]:
    """Return the id and the time of a message as far as they lie within `ahead_s` seconds of `recorded_at`.

    What lies beyond counts as not given. An assumption for each says so.
    """
    doubts = _NONE
    while time.at is not None and (time.at - recorded_at).total_seconds() > ahead_s:
        where = "" if time.origin is None else f" ({time.origin})"
        doubts = (*doubts, Assumption("timestamp", time.at.isoformat(), _why(recorded_at, ahead_s) + where))
        time = time.otherwise or NO_TIME
    if entry_id is not None and is_far_ahead(entry_id, recorded_at, ahead_s):
        doubts = (*doubts, Assumption("stream_id", str(entry_id), _why(recorded_at, ahead_s)))
        entry_id = None
    return entry_id, time, doubts


def is_far_ahead(entry_id: EntryId, recorded_at: datetime, ahead_s: float) -> bool:
    """Return whether an entry id lies more than `ahead_s` seconds after `recorded_at`."""
    return entry_id.ms > 1000.0 * (recorded_at.timestamp() + ahead_s)


def with_doubts(translation: Translation, doubts: Doubts) -> Translation:
    """Return what a message says with more that had to be assumed, where it can hold that."""
    if doubts and isinstance(translation, TradeIntent | TradeClosed | BookClose | ActivatePolicy):
        return changed(translation, assumptions=(*translation.assumptions, *doubts))
    return translation


def _why(recorded_at: datetime, ahead_s: float) -> str:
    return f"more than {ahead_s:g} s after {recorded_at.isoformat()}, when it was received, so not believed"
