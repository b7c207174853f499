"""Lanes: streams side by side, merged in the order of entry ids."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from exitbrain.application.ports.message_source import Delivery
from exitbrain.domain.messages import IncomingMessage
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.wire.translator import WireTranslator

NEW = ">"
BEGINNING = "0-0"

Order = tuple[int, int, int]
"""Milliseconds of the entry id, number of the lane, sequence: within a millisecond opens come before closes."""

_FIRST: Order = (0, 0, 0)
_TRANSLATOR = WireTranslator()

Held = tuple[Order, Delivery]


@dataclass(slots=True)
class StreamCursor:
    """One stream on its way to being merged; lanes are numbered in the order in which streams were given.

    `after` is the id up to which what is pending with us has been read again, or NEW. `exhausted` says that the last
    answer left nothing on the server, `delivered` how far the group was then. `sure` says that it can not have moved
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
        """Go back to what is pending with us."""
        self.after = BEGINNING
        self.newest = _FIRST
        self.sure = False

    def order(self, entry_id: str) -> Order:
        """Return where the id of an entry stands among those of all lanes."""
        ms, seq = id_in_numbers(entry_id)
        return ms, self.number, seq

    def hold(self, delivery: Delivery, now_ms: int) -> None:
        """Hold an entry where it stands among those of all lanes, never before one of this lane that came before it."""
        ms, number, seq = self.order(delivery.entry_id)
        self.newest = max(self.newest, (stands_at(delivery.message, ms, now_ms), number, seq))
        self.held.append((self.newest, delivery))


def stands_at(message: IncomingMessage, ms: int, now_ms: int) -> int:
    """Return the milliseconds by which an entry stands among those of other streams: those of its id.

    An id from the future of the server that gave it tells no time, nor do those that follow it in its stream. There the
    time of the message counts, until now.
    """
    if ms <= now_ms:
        return ms
    at = _TRANSLATOR.translate(message).time.at
    return now_ms if at is None else min(now_ms, int(1000 * at.timestamp()))


def merged(lanes: Sequence[StreamCursor], limit: int) -> list[Delivery]:
    """Take up to `limit` held entries in their order, none beyond what a lane may have on the server."""
    bounds = [lane.held[-1][0] for lane in lanes if lane.held and not lane.exhausted]
    taken: list[Delivery] = []
    while filled := sorted((lane for lane in lanes if lane.held), key=_first):
        held = filled[0].held
        upto = min([*bounds, *map(_first, filled[1:])], default=held[-1][0])
        before = len(taken)
        while held and len(taken) < limit and held[0][0] <= upto:  # a stretch of one lane
            taken.append(held.popleft()[1])
        if len(taken) in {before, limit}:
            break
    return taken


def _first(lane: StreamCursor) -> Order:
    return lane.held[0][0]
