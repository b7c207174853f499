"""The names of candle intervals."""

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "s": 1_000}
INTERVAL_MAX_MS = 36_525 * 86_400_000
"""A hundred years."""
DIGITS_MAX = 10


def interval_named(text: str) -> int | None:
    """Return the milliseconds of an interval like 1m or 8h, None if invalid or above INTERVAL_MAX_MS."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or len(number) > DIGITS_MAX or unit not in _UNITS:
        return None
    interval = int(number) * _UNITS[unit]
    return interval if 0 < interval <= INTERVAL_MAX_MS else None
