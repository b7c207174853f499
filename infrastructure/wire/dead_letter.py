"""Read a published dead letter back, and correct its fields."""

from collections.abc import Mapping

import msgspec

from exitbrain.application.ports.dead_letters import DeadLetter, UnreadableLetter
from exitbrain.domain.messages.receipt import RawFields, Refusal
from exitbrain.domain.names import NAME_MAX
from exitbrain.infrastructure.wire.envelope import WRAPPERS, opened
from exitbrain.infrastructure.wire.json_text import NotJson, decode_numbers, encode
from exitbrain.infrastructure.wire.published_messages import MessageRefused
from exitbrain.infrastructure.wire.scalars import is_absent

_SYMBOL = frozenset({"symbol"})
_read = msgspec.json.Decoder(MessageRefused).decode


def letter_of(letter_id: str, fields: Mapping[str, str]) -> DeadLetter | UnreadableLetter:
    """Return the refused message in an entry of a dead letter stream."""
    try:
        said = _read(fields["payload"])
    except KeyError:
        return UnreadableLetter(letter_id, "it has no payload")
    except (msgspec.MsgspecError, RecursionError) as error:
        return UnreadableLetter(letter_id, str(error))
    refusal = Refusal(said.reason, said.refusal.field, said.refusal.value, said.refusal.allowed)
    return DeadLetter(
        source=said.source,
        stream=said.stream,
        entry_id=said.entry_id,
        receipt_id=said.receipt_id,
        recorded_at=said.recorded_at,
        refusal=refusal,
        fields=RawFields(said.fields, said.encoded, said.length),
        retry_of=said.retry_of,
    )


def corrected(fields: RawFields, corrections: Mapping[str, str]) -> RawFields:
    """Return fields with corrections applied where the message is read.

    If there is a payload (or `data`) in JSON, a correction goes into it, and the digits of its other numbers
    stay unchanged. A payload that is not JSON can only be replaced as a whole.
    """
    whole = {name: text for name, text in corrections.items() if name in WRAPPERS}
    inner = {name: text for name, text in corrections.items() if name not in WRAPPERS}
    values = {**fields.values, **whole}
    encoded = {name: how for name, how in fields.encoded.items() if name not in corrections}
    for wrapper in WRAPPERS:
        said = _object(values.get(wrapper)) if wrapper not in encoded else None
        if said is not None:
            values[wrapper] = encode({**said, **inner})
            return RawFields(values, encoded)
    return RawFields({**values, **inner}, encoded)


def symbol_in(fields: RawFields) -> str | None:
    """Return the symbol as the fields spell it."""
    symbol = opened(fields, _SYMBOL).said.get("symbol")
    return symbol if isinstance(symbol, str) and len(symbol) <= NAME_MAX else None


def _object(text: str | None) -> dict[str, object] | None:
    if text is None or is_absent(text):
        return None
    try:
        content = decode_numbers(text)
    except NotJson:
        return None
    return content if isinstance(content, dict) else None
