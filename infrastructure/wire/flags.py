"""Read flags as clients in many languages write them."""

from exitbrain.infrastructure.wire.placeholders import is_placeholder

TRUE = ("true", "1", "1.0", "yes", "y", "t", "on")
FALSE = ("false", "0", "0.0", "no", "n", "f", "off")
FLAG_ALLOWED = "true or false, 1 or 0, yes or no, on or off"

_MEANS = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)


def flag_of(value: object) -> bool | None:
    """Read a flag in upper or lower case; a placeholder is false. Returns None if it cannot be read."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    said = _MEANS.get(value.strip().lower())
    return False if said is None and is_placeholder(value) else said
