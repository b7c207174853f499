"""Read the time of a message to the microsecond, with its clock and the assumptions made."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from exitbrain.domain.messages.message import NO_TIME, MessageTime
from exitbrain.domain.values import EPOCH, Assumption, TimeOrigin
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.scalars import SHOWN_MAX, shown

FIELD = "timestamp"
FIRST_YEAR, LAST_YEAR = 2000, 2100

_PAYLOAD, _ENVELOPE = TimeOrigin.PAYLOAD, TimeOrigin.ENVELOPE
_ISO_FORM, _LOCAL_FORM, _SECONDS_FORM, _MS_FORM = "iso", "iso-local", "epoch-s", "epoch-ms"

# A pattern, because Python versions differ in what datetime.fromisoformat accepts.
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
)
_FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LAST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
# From 2000 to 2100 seconds lie between 9.4e8 and 4.2e9, milliseconds between 9.4e11 and 4.2e12.
_EPOCH_DIGITS = re.compile(r"([0-9]{1,13})(?:\.([0-9]*))?")
_SECONDS_BELOW = 10**11


def producer_of(in_payload: object, in_envelope: object, stream: str) -> str:
    """Return the producer named in the payload, else in the envelope, else the stream."""
    for given in (in_payload, in_envelope):
        if isinstance(given, str):
            name = _producer(given if len(given) <= SHOWN_MAX else shown(given))
            if name:
                return name
    return f"stream {stream}"


@lru_cache(maxsize=256)
def _producer(text: str) -> str:
    return "" if is_placeholder(text) else shown(text.strip())


def time_of(
    in_payload: object, in_envelope: object, producer: str
) -> tuple[MessageTime, tuple[Assumption, ...]]:
    """Return the time of the payload, else of the envelope, else none; None means not given.

    If both give one, the envelope's time is kept too, in case the payload's is not believed. Accepts ISO 8601
    with seconds or minutes and any offset (none: UTC, recorded), and epoch seconds below 1e11 or milliseconds
    above, as a number or digits. Anything finer than a microsecond is cut off. A value that is not a time, or
    outside the years 2000 to 2100, is recorded and never guessed at. Times with the same producer, place and
    form share a clock.
    """
    assumptions: tuple[Assumption, ...] = ()
    for given, origin, place in ((in_payload, _PAYLOAD, "payload"), (in_envelope, _ENVELOPE, "envelope")):
        if given is None:
            continue
        at, form, doubt = _read(given)
        if doubt:
            assumptions = (*assumptions, Assumption(FIELD, shown(given), f"{doubt} ({place})"))
        if at is not None:
            otherwise = _of_envelope(in_envelope, producer) if origin is _PAYLOAD else None
            return MessageTime(at, origin, f"{producer}|{place}|{form}", otherwise), assumptions
    return NO_TIME, assumptions


def _of_envelope(given: object, producer: str) -> MessageTime | None:
    at, form, _ = _read(given)
    return None if at is None else MessageTime(at, _ENVELOPE, f"{producer}|envelope|{form}")


_Read = tuple[datetime | None, str, str | None]
"""A moment, its written form, and any doubt about it."""
_UNREADABLE: _Read = (None, "", "not a time, so not used")


def _read(given: object) -> _Read:
    if not isinstance(given, str):
        return _UNREADABLE
    read = _moment(given.strip().upper())
    if read[0] is not None and not _FIRST <= read[0] < _LAST:
        return None, "", f"not of the years {FIRST_YEAR} to {LAST_YEAR}, so not used"
    return read


def _moment(text: str) -> _Read:
    digits = None if text[4:5] == "-" else _EPOCH_DIGITS.fullmatch(text)  # most are dates
    if digits is None:
        return _from_iso(text)
    whole = int(digits[1])
    places, form = (6, _SECONDS_FORM) if whole < _SECONDS_BELOW else (3, _MS_FORM)
    fraction = (digits[2] or "").ljust(places, "0")[:places]
    return EPOCH + timedelta(microseconds=whole * 10**places + int(fraction)), form, None


def _from_iso(text: str) -> _Read:
    if _is_usual(text):
        with_offset = True
    else:
        match = _ISO.fullmatch(text)
        if match is None:
            return _UNREADABLE
        with_offset = match["offset"] is not None
    try:
        at = datetime.fromisoformat(text)
        if with_offset:
            return at.astimezone(UTC), _ISO_FORM, None
    except (ValueError, OverflowError):  # no such day, or an offset that leads out of the calendar
        return _UNREADABLE
    return at.replace(tzinfo=UTC), _LOCAL_FORM, "no offset given, taken as UTC"


def _is_usual(text: str) -> bool:
    """Return whether a text, if it is a time, has the form 2025-12-24T04:32:14.062679+00:00."""
    return len(text) == 32 and text[4:20:3] == "--T::." and text[11:13] != "24" and text.endswith("+00:00")
