"""Messages as they arrived, and why one cannot be used."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from exitbrain.domain.messages.receipt import Refusal


class WhyRefused(Struct):
    """Why a message cannot be used: the field, what was given, what is allowed."""

    field: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.field} is {self.value}; allowed: {self.allowed}"


def why_refused(refusal: Refusal) -> WhyRefused:
    """Return why a message cannot be used, without the reason code, which is printed next to it."""
    return WhyRefused(refusal.field, refusal.value, refusal.allowed)


def raw_fields(fields: Mapping[str, str], encoded: Mapping[str, str], length: int | None) -> Iterator[str]:
    """Yield the fields of a message as received, one per line."""
    yield "Fields"
    for name, value in fields.items():
        encoding = f" ({encoded[name]})" if name in encoded else ""
        yield f"  {name}{encoding}: {value}"
    if length is not None:
        yield f"  cut: the first part of {length} bytes"
