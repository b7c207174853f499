"""Read and write the published position kept beside a stream: `<store id>:<epoch>:<log position>`."""

import re
from uuid import UUID

import msgspec

from exitbrain.application.ports.publisher import PublishedPosition, Stated, UnknownPosition
from exitbrain.domain.store import StoreIdentity

_FORM = re.compile(
    r"(?P<store>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(?P<epoch>[1-9]\d*):(?P<position>0|[1-9]\d*)",
    re.A,
)


class _Payload(msgspec.Struct):
    """What every payload of ours says of its place in the log."""

    store_id: UUID
    epoch: int
    log_position: int


def position_in(payload: bytes | str) -> PublishedPosition | None:
    """Return the place in the log that a published payload names; None for a payload that is not ours."""
    try:
        said = msgspec.json.decode(payload, type=_Payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return PublishedPosition(StoreIdentity(said.store_id, said.epoch), said.log_position)


def text_of(stated: Stated) -> str:
    """Return the text of a position; one that is not ours comes back exactly as read."""
    if isinstance(stated, UnknownPosition):
        return stated.text
    return f"{stated.store.store_id}:{stated.store.epoch}:{stated.position}"


def stated_in(value: bytes | str) -> Stated:
    """Read the text kept beside a stream; only text exactly as we write it is a position."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    found = _FORM.fullmatch(text)
    if found is None:
        return UnknownPosition(text)
    store = StoreIdentity(UUID(found["store"]), int(found["epoch"]))
    return PublishedPosition(store, int(found["position"]))
