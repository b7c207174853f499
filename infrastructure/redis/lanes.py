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
    answer left nothing on the server, `delivered` how far the group was then. `sure` says that it can not have moved
    since, unless somebody else has moved it. `held` is what came and was not yet
    passed on, in the order of ids.
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

    def order(self, entry_id: str) -> Order:
        """Return where an entry of this lane stands among those of all lanes."""
        ms, seq = id_in_numbers(entry_id)
        return ms, self.number, seq


def merged(lanes: Sequence[Lane], limit: int) -> list[Delivery]:
    """Take up to `limit` held entries in the order of their ids, none beyond what a lane may have on the server."""
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


def _first(lane: Lane) -> Order:
    return lane.held[0][0]
