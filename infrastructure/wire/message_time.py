"""The time a message gives itself, to the microsecond, and what had to be assumed to read it."""

import re
from datetime import UTC, datetime, timedelta

from exitbrain.domain.messages import MessageTime
from exitbrain.domain.values import Assumption, TimeOrigin
from exitbrain.infrastructure.wire.scalars import shown

FIELD = "timestamp"
NO_TIME = MessageTime(None, None)
FIRST_YEAR, LAST_YEAR = 2000, 2100

_PAYLOAD, _ENVELOPE = TimeOrigin.PAYLOAD, TimeOrigin.ENVELOPE

# Written out, since what datetime.fromisoformat accepts differs between versions of Python.
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LAST = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
# From 2000 to 2100 seconds lie between 9.4e8 and 4.2e9, milliseconds between 9.4e11 and 4.2e12.
_EPOCH_DIGITS = re.compile(r"([0-9]{1,13})(?:\.([0-9]*))?")
_SECONDS_BELOW = 10**11


def time_of(in_payload: object, in_envelope: object) -> tuple[MessageTime, tuple[Assumption, ...]]:
    """Return the time of the payload, else of the envelope, else none; None stands for nothing given.

    Read are ISO 8601 with seconds or minutes and any offset (none: UTC, recorded), and epoch seconds below
    1e11 or milliseconds above, as number or digits. What is finer than a microsecond is cut off. What is
    no time, or not of the years 2000 to 2100, is recorded and never guessed at.
    """
    assumptions: tuple[Assumption, ...] = ()
    for given, origin in ((in_payload, _PAYLOAD), (in_envelope, _ENVELOPE)):
        if given is None:
            continue
        at, doubt = _read(given)
        if doubt:
            assumptions = (*assumptions, Assumption(FIELD, shown(given), f"{doubt} ({origin.value})"))
        if at is not None:
            return MessageTime(at, origin), assumptions
    return NO_TIME, assumptions


def _read(given: object) -> tuple[datetime | None, str | None]:
    """Return the moment, or None, and what is doubtful about it."""
    at, doubt = _moment(given.strip().upper()) if isinstance(given, str) else (None, None)
    if at is None:
        return None, "not a time, so not used"
    if not _FIRST <= at < _LAST:
        return None, f"not of the years {FIRST_YEAR} to {LAST_YEAR}, so not used"
    return at, doubt


def _moment(text: str) -> tuple[datetime | None, str | None]:
    digits = None if text[4:5] == "-" else _EPOCH_DIGITS.fullmatch(text)  # most are dates
    if digits is None:
        return _from_iso(text)
    whole, places = int(digits[1]), 6 if int(digits[1]) < _SECONDS_BELOW else 3
    fraction = (digits[2] or "").ljust(places, "0")[:places]
    return _EPOCH + timedelta(microseconds=whole * 10**places + int(fraction)), None


def _from_iso(text: str) -> tuple[datetime | None, str | None]:
    if _is_usual(text):
        with_offset = True
    else:
        match = _ISO.fullmatch(text)
        if match is None:
            return None, None
        with_offset = match["offset"] is not None
    try:
        at = datetime.fromisoformat(text)
        if with_offset:
            return at.astimezone(UTC), None
    except (ValueError, OverflowError):  # no such day, or an offset that leads out of the calendar
        return None, None
    return at.replace(tzinfo=UTC), "no offset given, taken as UTC"


def _is_usual(text: str) -> bool:
    """Return whether a text, if it is a time at all, is like 2025-12-24T04:32:14.062679+00:00, without the pattern."""
    return len(text) == 32 and text[4:20:3] == "--T::." and text[11:13] != "24" and text.endswith("+00:00")
