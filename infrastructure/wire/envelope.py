"""Open the envelope of a message: `payload` in JSON, `data` in JSON, or flat fields."""

import base64
from collections.abc import Iterable, Mapping

from msgspec import Struct

from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.infrastructure.files.texts import MARK, holds_mark, other_encoding, unmarked
from exitbrain.infrastructure.wire.json_text import NESTING_MAX, NotJson, decode
from exitbrain.infrastructure.wire.paper import PAPER_NAMES
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.scalars import is_absent, shown

WRAPPERS = ("payload", "data")
IDS = ("order_id", "account", "trade_id", "tradeId", "trace_id", "event_id", "correlation_id")
ENVELOPE_NAMES = frozenset(("timestamp", "source", *IDS, *PAPER_NAMES))
"""Fields that may stand beside a payload instead of in it; all others are read from the payload alone."""

OBJECT_ALLOWED = f"a JSON object, nested at most {NESTING_MAX} deep"

_BEGINNING = 400
"""Number of characters enough to detect the encoding; base64 can be cut at this length."""


class Opened(Struct, frozen=True):
    """The fields of a message that have a value; `refusal` if its payload could not be decoded.

    `around` holds the fields beside a payload; a flat message has none. Numbers are text (see json_text). A
    value that could not be decoded is a Refusal. `placeholders` are ids that name nothing and were left out.
    """

    said: dict[str, object]
    around: dict[str, object]
    refusal: Refusal | None
    placeholders: tuple[tuple[str, str], ...] = ()


def opened(fields: RawFields, names: frozenset[str]) -> Opened:
    """Open a message's envelope to read the fields in `names`; a payload wins over flat fields."""
    fields = _unmarked(fields)
    for wrapper in WRAPPERS:
        content = _value(fields, wrapper)
        if is_absent(content):
            continue
        given = _object(wrapper, content, fields.values[wrapper])
        refusal, given = (given, {}) if isinstance(given, Refusal) else (None, given)
        # `is_absent` inlined: it runs for every value of every message.
        said = {
            name: value
            for name, value in given.items()
            if name in names and value is not None and not (isinstance(value, str) and not value.strip())
        }
        around = _present(fields, ENVELOPE_NAMES)
        return Opened(said, around, refusal, _ids(said, around, names))
    said = _present(fields, names)
    return Opened(said, {}, None, _ids(said, {}, names))


def gave_blank(fields: RawFields, name: str) -> bool:
    """Return whether a field is blank text, in the payload or beside it."""
    places: list[Mapping[str, object]] = [fields.values]
    for wrapper in WRAPPERS:
        content = _value(fields, wrapper)
        if not is_absent(content):
            inside = _object(wrapper, content, fields.values[wrapper])
            places += [] if isinstance(inside, Refusal) else [inside]
            break
    return any(isinstance(place.get(name), str) and is_absent(place[name]) for place in places)


def _ids(
    said: dict[str, object], around: dict[str, object], names: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """Take ids missing from the payload from the fields around it; return the ids that are placeholders."""
    placeholders: tuple[tuple[str, str], ...] = ()
    for name in IDS:
        if name in names and (name in said or name in around):
            for place in (said, around):
                value = place.get(name)
                if isinstance(value, str) and _names_nothing(name, value):
                    placeholders = (*placeholders, (name, value))
                    del place[name]
            if name in around:
                said.setdefault(name, around[name])
    return placeholders


def _names_nothing(name: str, value: str) -> bool:
    return is_placeholder(value) and not (
        name == "account" and value.strip().isdigit()
    )  # accounts count from 0


def _object(wrapper: str, content: object, text: str) -> Mapping[str, object] | Refusal:
    if isinstance(content, Refusal):
        return content
    given = content
    if isinstance(content, str):
        try:
            content = decode(content)
        except NotJson:
            content = None
    if not isinstance(content, dict):
        allowed = _allowed(text[:_BEGINNING].encode(), OBJECT_ALLOWED)
        return Refusal(Reason.NOT_DECODABLE, wrapper, shown(given), allowed)
    return unmarked(content) if holds_mark(text) else content


def _present(fields: RawFields, names: Iterable[str]) -> dict[str, object]:
    present: dict[str, object] = {}
    for name in fields.values:
        if name in names:
            value = _value(fields, name)
            if not is_absent(value):
                present[name] = value
    return present


def _value(fields: RawFields, name: str) -> object:
    """Return the decoded value of a raw field, None without one, or a Refusal if it cannot be decoded."""
    text = fields.values.get(name)
    encoding = fields.encoded.get(name)
    if text is None or encoding is None:
        return text
    if encoding == "json":
        try:
            return decode(text)
        except NotJson:
            return Refusal(Reason.NOT_DECODABLE, name, shown(text), OBJECT_ALLOWED)
    allowed = _allowed(_first_bytes(text), "text in UTF-8")
    return Refusal(Reason.NOT_DECODABLE, name, shown(text), allowed)


def _first_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text[:_BEGINNING])
    except ValueError:  # the text was cut, or we did not write it
        return b""


def _allowed(content: bytes, otherwise: str) -> str:
    """Return the allowed value for a text that cannot be decoded, naming its encoding."""
    encoding = other_encoding(content)
    return otherwise if encoding is None else f"text in UTF-8, not in {encoding}"


def _unmarked(fields: RawFields) -> RawFields:
    """Remove byte order marks from the start of names and values."""
    values = fields.values
    if all(map(str.isascii, values.values())) and all(map(str.isascii, values)):
        return fields  # nearly all
    return RawFields(
        {name.lstrip(MARK): text.lstrip(MARK) for name, text in values.items()},
        {name.lstrip(MARK): encoding for name, encoding in fields.encoded.items()},
    )
