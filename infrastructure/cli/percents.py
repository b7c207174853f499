"""Numbers as people type them: plain, or a fraction as a percentage."""

from decimal import Decimal, InvalidOperation, Overflow

PERCENT = "%"


def decimal_of(text: str) -> Decimal:
    """Return a number exactly as typed, `0.5%` as 0.005; NaN for any other text."""
    number = text.strip()
    try:
        if number.endswith(PERCENT):
            return Decimal(number.removesuffix(PERCENT)).scaleb(-2)
        return Decimal(number)
    except (InvalidOperation, Overflow):
        return Decimal("NaN")
