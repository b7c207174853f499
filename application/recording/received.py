"""Messages restored from their receipts."""

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import EntryId


def message_of(receipt: MessageReceived) -> IncomingMessage:
    """Return the original message of a receipt."""
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
    """Return a stream id as time and sequence; None if the entry id is a content hash."""
    ms, dash, seq = entry_id.partition("-")
    return EntryId(int(ms), int(seq)) if dash and ms.isdecimal() and seq.isdecimal() else None
