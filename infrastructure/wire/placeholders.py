"""Placeholders: what programs write when they have no value. An id that is one counts as absent."""

WORDS = (
    "none", "null", "nil", "nan", "nat", "na", "n/a", "n.a", "n\\a", "undefined", "undef", "unknown", "unk", "unset",
    "missing", "empty", "blank", "absent", "false", "tbd", "tba", "inf", "infinity", "not available", "not applicable", "not set", "not found", "no id", "no_id",
    "noid", "no order", "no_order", "no order id", "no_order_id", "not_available", "not_applicable", "not_set",
    "not_found", "no value", "no_value", "no data", "no_data",
)  # fmt: skip
"""Matched in upper or lower case and inside brackets or other signs: `<NA>`, `(none)`, `#N/A`."""

_WORDS = frozenset(WORDS)
_LONGEST = max(map(len, WORDS))
_SIGNS = " \t\r\n\v\f\0\u00a0\u200b\ufeff!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~–—−…·•¿∅"


def is_placeholder(text: str) -> bool:
    """Return whether a text names nothing: blank, one of `WORDS`, only signs, zeros, or a negative number."""
    core = text.strip().strip(_SIGNS)
    if len(core) > _LONGEST and core[0] != "0":
        return False
    digits = core[2:] if core[:2] in ("0x", "0X") else core
    if not digits.strip("0.-"):  # nothing, signs, 0, 0.0, a UUID or an address of zeros
        return True
    return core.lower() in _WORDS or _is_below_zero(text.strip()) or all(map(_is_sign, core))


def is_placeholder_word(text: str) -> bool:
    """Return whether a text is a placeholder and not a number such as 0 or NaN."""
    try:
        float(text)
    except ValueError:
        return is_placeholder(text)
    return False


def _is_sign(character: str) -> bool:
    return character.isspace() or (character.isprintable() and not character.isalnum())


def _is_below_zero(text: str) -> bool:
    if not text.startswith(("-", "−")):
        return False
    try:
        return float("-" + text[1:]) < 0
    except ValueError:
        return False
