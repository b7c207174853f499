"""Read the single values of a message exactly, or refuse them with what is allowed.

Numbers arrive as digits, whether bare or quoted in JSON, so one rule reads both.
"""

import re
import sys
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Annotated

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.names import NAME_ALLOWED, NAME_MAX, allowed_instead, trimmed
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, Side
from exitbrain.infrastructure.wire.json_text import encode
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.symbols import Spelling, spelling_of

SHOWN_MAX = 200
CONTEXT_MAX = 256
REASON_MAX = 1024
DIGITS_MAX = 64
# Wide enough for any market, narrow enough that no product, quotient or sum of them overflows.
SMALLEST, LARGEST = Decimal("1e-15"), Decimal("1e15")
FINITE = sys.float_info.max

POSITIVE_ALLOWED = f"a number from 1e-15 to 1e15 in at most {DIGITS_MAX} characters"
SIZE_ALLOWED = f"a number of 1e-15 to 1e15 in size in at most {DIGITS_MAX} characters"
AMOUNT_ALLOWED = f"0, or a number of 1e-15 to 1e15 in size, in at most {DIGITS_MAX} characters"
RATIO_ALLOWED = f"a number from -1e15 to 1e15 in at most {DIGITS_MAX} characters"
VOLATILITY_ALLOWED = f"a number from 0 to 1e15 in at most {DIGITS_MAX} characters"
CONFIDENCE_ALLOWED = f"a finite number in at most {DIGITS_MAX} characters"
LEVERAGE_ALLOWED = f"a number from {LEVERAGE_MIN:g} to {LEVERAGE_MAX:g}"
SIDE_ALLOWED = "BUY, LONG, SELL or SHORT"
ID_ALLOWED = "a text or number"

SIDE_OF = {"BUY": Side.LONG, "LONG": Side.LONG, "SELL": Side.SHORT, "SHORT": Side.SHORT}

_OF_NUMBERS = "0123456789.eE+-"
"""The only characters allowed in a number; this excludes inf, nan and 1_000, which `float` also reads."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def is_absent(value: object) -> bool:
    """Return whether a value is null, or text without a visible character."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def shown(value: object) -> str:
    """Return a value as storable text of at most `SHOWN_MAX` characters, for a receipt."""
    if isinstance(value, Refusal):  # it could not be decoded
        return value.value
    text = value if isinstance(value, str) else encode(value)
    text = text[: SHOWN_MAX + 1].encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


def has_surrogate(text: str) -> bool:
    """Return whether a text holds a lone surrogate, which no encoding can store."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _refusal(reason: Reason, allowed: str) -> PydanticCustomError:
    return PydanticCustomError(reason.value, "allowed: {allowed}", {"allowed": allowed})


def _digits(value: object) -> str:
    """Return the text of a possible number; "" for a boolean, a word, NaN or too many digits."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    return "" if len(text) > DIGITS_MAX or text.strip(_OF_NUMBERS) else text


def _decimal(value: object, allowed: str) -> Decimal:
    try:
        return Decimal(_digits(value))
    except InvalidOperation as error:  # also an exponent of more digits than Decimal holds
        raise _refusal(Reason.BAD_NUMBER, allowed) from error


def _positive(value: object) -> Decimal:
    number = _decimal(value, POSITIVE_ALLOWED)
    if not SMALLEST <= number <= LARGEST:
        raise _refusal(Reason.BAD_NUMBER, POSITIVE_ALLOWED)
    return number


def _size(value: object) -> Decimal:
    """Return a size, whose sign may give a side."""
    number = _decimal(value, SIZE_ALLOWED)
    if not SMALLEST <= number.copy_abs() <= LARGEST:
        raise _refusal(Reason.BAD_NUMBER, SIZE_ALLOWED)
    return number


def amount_of(value: object) -> Decimal | None:
    """Return a number, which may be 0; None if the value is not a number."""
    try:
        return _amount(value)
    except PydanticCustomError:
        return None


def _amount(value: object) -> Decimal:
    number = _decimal(value, AMOUNT_ALLOWED)
    if number == 0:
        return Decimal(0)  # 0e-999999 is a zero with a million places
    if not SMALLEST <= number.copy_abs() <= LARGEST:
        raise _refusal(Reason.BAD_NUMBER, AMOUNT_ALLOWED)
    return number


def _double(value: object, allowed: str, smallest: float, largest: float) -> float:
    try:
        number = float(_digits(value))
    except ValueError as error:
        raise _refusal(Reason.BAD_NUMBER, allowed) from error
    if not smallest <= number <= largest:
        raise _refusal(Reason.BAD_NUMBER, allowed)
    return number


def _leverage(value: object) -> float:
    number = _double(value, LEVERAGE_ALLOWED, -FINITE, FINITE)
    if not LEVERAGE_MIN <= number <= LEVERAGE_MAX:
        raise _refusal(Reason.LEVERAGE_OUT_OF_RANGE, LEVERAGE_ALLOWED)
    return number


def account_of(value: object) -> str:
    """Return a valid account name; raises PydanticCustomError for any other value."""
    text = trimmed(value) if isinstance(value, str) else ""
    allowed = allowed_instead(text)
    if allowed:
        raise _refusal(Reason.BAD_VALUE, allowed)
    return text


def _symbol(value: object) -> str:
    return symbol_of(value).name


def symbol_of(value: object) -> Spelling:
    """Return the symbol for a text; raises PydanticCustomError if it is not one."""
    if not isinstance(value, str):
        raise _refusal(Reason.BAD_VALUE, NAME_ALLOWED)
    return _named(trimmed(value))


@lru_cache(maxsize=4096)  # only short texts: a refused text raises and is not cached
def _named(text: str) -> Spelling:
    if len(text) <= NAME_MAX and is_placeholder(text):
        raise _refusal(Reason.NO_SYMBOL, NAME_ALLOWED)
    return spelling_of(account_of(text))


def _side(value: object) -> Side:
    side = SIDE_OF.get(value.strip().upper()) if isinstance(value, str) else None
    if side is None:
        raise _refusal(Reason.BAD_VALUE, SIDE_ALLOWED)
    return side


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or has_surrogate(value):
        raise _refusal(
            Reason.BAD_VALUE, f"a text or number of at most {longest} characters, no lone surrogate"
        )
    return value


def _id(value: object) -> str:
    """Return an id of any length as given; unstorable characters are escaped."""
    if not isinstance(value, str):
        raise _refusal(Reason.BAD_VALUE, ID_ALLOWED)
    return value.encode("utf-8", "backslashreplace").decode() if has_surrogate(value) else value


Positive = Annotated[Decimal | None, PlainValidator(_positive)]
Size = Annotated[Decimal | None, PlainValidator(_size)]
Amount = Annotated[Decimal | None, PlainValidator(_amount)]
Ratio = Annotated[
    float | None, PlainValidator(partial(_double, allowed=RATIO_ALLOWED, smallest=-1e15, largest=1e15))
]
Volatility = Annotated[
    float | None, PlainValidator(partial(_double, allowed=VOLATILITY_ALLOWED, smallest=0.0, largest=1e15))
]
Confidence = Annotated[
    float | None,
    PlainValidator(partial(_double, allowed=CONFIDENCE_ALLOWED, smallest=-FINITE, largest=FINITE)),
]
Leverage = Annotated[float | None, PlainValidator(_leverage)]
Symbol = Annotated[str, PlainValidator(_symbol)]
Account = Annotated[str | None, PlainValidator(account_of)]
Direction = Annotated[Side, PlainValidator(_side)]
Context = Annotated[str | None, PlainValidator(partial(_text, longest=CONTEXT_MAX))]
Id = Annotated[str | None, PlainValidator(_id)]
Words = Annotated[str, PlainValidator(partial(_text, longest=REASON_MAX))]
