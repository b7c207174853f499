"""The receipt id of a message, and the stamp of the events it causes."""

from datetime import datetime, timedelta
from uuid import UUID

from exitbrain.domain.events import Stamp
from exitbrain.domain.identity import receipt_id
from exitbrain.domain.messages.message import IncomingMessage, MessageTime
from exitbrain.domain.values import EPOCH, EntryId, TimeOrigin, ms_of

_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


def receipt_id_of(message: IncomingMessage, time: MessageTime) -> UUID:
    """Return the receipt id of a message, ordered by its stream id, else by its own time, never by the clock.

    It is always the same for a message, whether or not its id and time are believed.
    """
    if message.stream_id is not None:
        ms = message.stream_id.ms
    elif time.at is not None:
        ms = ms_of(time.at)
    else:
        ms = 0
    return receipt_id(message.source, message.entry_id, ms)


def stamp_of(
    cause_id: UUID,
    message: IncomingMessage,
    entry_id: EntryId | None,
    said_at: MessageTime,
    recorded_at: datetime,
) -> Stamp:
    """Return the stamp of a message; `entry_id` and `said_at` are its id and time as far as believed."""
    if said_at.at is not None and said_at.origin is not None:
        at, origin = said_at.at, said_at.origin
    elif (stream_time := _time_of(entry_id)) is not None:
        at, origin = stream_time, TimeOrigin.STREAM_ID
    else:
        at, origin = recorded_at, TimeOrigin.RECORDED_AT
    return Stamp(
        cause_id=cause_id,
        source=message.source,
        entry_id=entry_id,
        occurred_at=at,
        time_origin=origin,
        recorded_at=recorded_at,
    )


def _time_of(entry_id: EntryId | None) -> datetime | None:
    if entry_id is None or entry_id.ms > _LATEST_MS:
        return None
    return EPOCH + timedelta(milliseconds=entry_id.ms)
