"""Rejects message ids and times that lie too far ahead of our own clock.

Later messages are compared with the ids and times of earlier ones. One from the year 2100 would make every
later message too old.
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
    """Return the id and time of a message unless they lie over `ahead_s` seconds after `recorded_at`.

    Values further ahead count as missing, each with an assumption that says so.
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
    """Return a translation with these assumptions added, if it can hold any."""
    if doubts and isinstance(translation, TradeIntent | TradeClosed | BookClose | ActivatePolicy):
        return changed(translation, assumptions=(*translation.assumptions, *doubts))
    return translation


def _why(recorded_at: datetime, ahead_s: float) -> str:
    return f"more than {ahead_s:g} s after {recorded_at.isoformat()}, when it was received, so not believed"
