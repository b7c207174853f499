"""Track the place in each stream, and merge entries of several streams in id order."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exitbrain.application.ports.message_source import Delivery
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.wire.translator import WireTranslator

NEW = ">"
BEGINNING = "0-0"

Order = tuple[int, int, int]
"""Milliseconds of the entry id, number of the stream, sequence: within a millisecond opens come before closes."""

_FIRST: Order = (0, 0, 0)
_TRANSLATOR = WireTranslator()

Held = tuple[Order, Delivery]


@dataclass(slots=True)
class StreamCursor:
    """How far one stream is read; streams are numbered in the order in which they were given.

    `after` is the id up to which what is pending with us has been read again, or NEW. `exhausted` says that the last
    answer left nothing on the server, `delivered` how far the group was then. `sure` says that it cannot have moved
    since, unless somebody else has moved it. `held` is what came and was not yet passed on, in its order; `newest` is
    where the last that came stands.
    """

    number: int
    stream: str
    source: str
    group: str
    after: str = BEGINNING
    exhausted: bool = False
    delivered: str = BEGINNING
    sure: bool = False
    held: deque[Held] = field(default_factory=deque)
    newest: Order = _FIRST

    def begin_again(self) -> None:
        """Go back to our own pending entries."""
        self.after = BEGINNING
        self.newest = _FIRST
        self.sure = False

    def go_on(self, after: str, ids: Sequence[bytes], about: Any, *, is_end: bool) -> dict[bytes, int]:
        """Note up to where the stream was read, and return how often its entries were delivered, where that is known."""
        if after == NEW:
            self.exhausted = is_end
            self.delivered, self.sure = about.decode(), True
            return {}
        if self.after == after:  # else it begins again
            self.after = NEW if is_end else ids[-1].decode()
        return {entry_id: times for entry_id, _, _, times in about}

    def order(self, entry_id: str) -> Order:
        """Return where the id of an entry stands among those of all streams."""
        ms, seq = id_in_numbers(entry_id)
        return ms, self.number, seq

    def hold(self, delivery: Delivery, now_ms: int) -> None:
        """Hold an entry where it stands among those of all streams, never before one of this stream that came before it."""
        ms, number, seq = self.order(delivery.entry_id)
        self.newest = max(self.newest, (stands_at(delivery.message, ms, now_ms), number, seq))
        self.held.append((self.newest, delivery))


def stands_at(message: IncomingMessage, ms: int, now_ms: int) -> int:
    """Return the milliseconds by which an entry stands among those of other streams: those of its id.

    An id from the future of the server that gave it holds no time, nor do those that follow it in its stream. There the
    time of the message counts, until now.
    """
    if ms <= now_ms:
        return ms
    at = _TRANSLATOR.translate(message).time.at
    return now_ms if at is None else min(now_ms, int(1000 * at.timestamp()))


def merged(cursors: Sequence[StreamCursor], limit: int) -> list[Delivery]:
    """Take up to `limit` held entries in their order, none beyond what a stream may still have on the server."""
    bounds = [cursor.held[-1][0] for cursor in cursors if cursor.held and not cursor.exhausted]
    taken: list[Delivery] = []
    while filled := sorted((cursor for cursor in cursors if cursor.held), key=_first):
        held = filled[0].held
        upto = min([*bounds, *map(_first, filled[1:])], default=held[-1][0])
        before = len(taken)
        while held and len(taken) < limit and held[0][0] <= upto:  # a stretch of one stream
            taken.append(held.popleft()[1])
        if len(taken) in {before, limit}:
            break
    return taken


def _first(cursor: StreamCursor) -> Order:
    return cursor.held[0][0]
