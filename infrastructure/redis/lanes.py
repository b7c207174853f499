"""Lanes: streams side by side, merged in the order of entry ids."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from exitbrain.application.ports.message_source import Delivery
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers

NEW = ">"
BEGINNING = "0-0"

Order = tuple[int, int, int]
"""Milliseconds of the entry id, number of the lane, sequence: within a millisecond opens come before closes."""

Held = tuple[Order, Delivery]


@dataclass(slots=True)
class Lane:
    """One stream on its way to being merged; lanes are numbered in the order in which streams were given.

    `after` is the id up to which what is pending with us has been read again, or NEW. `exhausted` says that the last
    answer left nothing on the server, `delivered` how far the group was then. `held` is what came and was not yet
    passed on, in the order of ids.
    """

    number: int
    stream: str
    group: str
    after: str = BEGINNING
    exhausted: bool = False
    delivered: str = BEGINNING
    held: deque[Held] = field(default_factory=deque)

    def order(self, entry_id: str) -> Order:
        """Return where an entry of this lane stands among those of all lanes."""
        ms, seq = id_in_numbers(entry_id)
        return ms, self.number, seq


def merged(lanes: Sequence[Lane], limit: int) -> list[Delivery]:
    """Take up to `limit` held entries in the order of their ids, none beyond what a lane may have on the server."""
    bounds = [lane.held[-1][0] for lane in lanes if lane.held and not lane.exhausted]
    bound = min(bounds, default=None)
    taken: list[Delivery] = []
    while len(taken) < limit:
        filled = [lane for lane in lanes if lane.held]
        first = min(filled, key=lambda lane: lane.held[0][0], default=None)
        if first is None or (bound is not None and first.held[0][0] > bound):
            break
        taken.append(first.held.popleft()[1])
    return taken
