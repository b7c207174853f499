"""What was received, read back from its receipt."""

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import EntryId


def message_of(receipt: MessageReceived) -> IncomingMessage:
    """Return the message of a receipt as it came in."""
    return IncomingMessage(
        source=receipt.source,
        stream=receipt.stream,
        entry_id=receipt.entry_id,
        stream_id=stream_id_of(receipt.entry_id),
        fields=receipt.fields,
        origin=receipt.origin,
        broken=receipt.refusal if receipt.broken else None,
        server=receipt.server,
    )


def stream_id_of(entry_id: str) -> EntryId | None:
    """Return an entry id as time and sequence where it is a stream id, None where it is a content hash."""
    ms, dash, seq = entry_id.partition("-")
    return EntryId(int(ms), int(seq)) if dash and ms.isdecimal() and seq.isdecimal() else None
