"""What goes wrong in a run: which kinds of fault, how often, when; and the gate that every call of a port passes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import TypeVar

from tests.faults.simulation.processes import Process

T = TypeVar("T")


class Kind(StrEnum):
    """The kinds of fault; each run has some of them."""

    CRASH_BEFORE = "crash before the effect of a call"
    CRASH_AFTER = "crash after the effect, before the reply"
    CRASH = "crash at a random moment"
    UNAVAILABLE = "call refused"
    LOST_REPLY = "effect done, reply lost"
    SLOW = "slow call"
    GONE = "worker gone for good"
    FREEZE = "process frozen, then going on"
    STREAMS_DOWN = "stream server out of reach"
    STORE_DOWN = "store out of reach"
    COMMIT_LOST = "commit done, reply lost"
    CONFLICT = "another writer between reading and saving"
    DUPLICATE = "entry delivered twice at once"
    REORDER = "entries claimed out of order"
    LEASE_LOST = "turn to read lost"
    FAIL_OVER = "tail of the streams lost"
    FLUSH = "all streams lost"
    GROUP_LOST = "consumer group lost"
    TRIM = "stream trimmed under pending entries"
    POLICY = "another policy put in force"
    CLOCK = "clock of the stream server jumps"
    SKEW = "clock of a worker jumps"
    STOP = "orderly stop and restart"
    TWIN = "second process under the same consumer name"
    CONFUSED = "a message that cannot be decided"
    STOLEN_LEASE = "turn taken by a stranger"
    WRONG_POSITION = "published position changed by a stranger"
    WRONG_TYPE = "output stream of another type"


BY_STRANGERS = (Kind.STOLEN_LEASE, Kind.WRONG_POSITION, Kind.WRONG_TYPE)
"""Kinds that strangers throw dice of their own for."""

PER_CALL = (
    Kind.CRASH_BEFORE,
    Kind.CRASH_AFTER,
    Kind.UNAVAILABLE,
    Kind.LOST_REPLY,
    Kind.SLOW,
    Kind.COMMIT_LOST,
    Kind.CONFLICT,
    Kind.DUPLICATE,
    Kind.REORDER,
    Kind.LEASE_LOST,
    Kind.CONFUSED,
)
"""Kinds that may strike at any call, each with a chance of its own."""

AT_RARE_CALLS = (
    Kind.COMMIT_LOST,
    Kind.CONFLICT,
    Kind.DUPLICATE,
    Kind.REORDER,
    Kind.LEASE_LOST,
    Kind.CONFUSED,
)
"""Kinds for which there are few occasions in a run."""

AT_MOMENTS = tuple(kind for kind in Kind if kind not in (*PER_CALL, *BY_STRANGERS))
"""Kinds that strike at moments chosen in advance."""

AT_WORKERS = (Kind.CRASH, Kind.GONE, Kind.STOP, Kind.FREEZE, Kind.SKEW, Kind.TWIN)
"""Those of them that hit one worker."""

CRASHES_MAX = 8
"""Crashes at calls in one run: enough to meet every pair of steps over the seeds, and the run still ends."""


class Faults:
    """The dice of one run. Nothing strikes any more once it is over."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.over = False
        self.counts: Counter[Kind] = Counter()
        self.kinds = {kind for kind in Kind if kind not in BY_STRANGERS and rng.random() < 0.4}
        self._chances = {
            kind: rng.uniform(0.1, 0.5) if kind in AT_RARE_CALLS else 10 ** rng.uniform(-2.5, -0.8)
            for kind in PER_CALL
            if kind in self.kinds
        }
        self._down_until: dict[Kind, float] = {}

    def strikes(self, kind: Kind, *, seldom: float = 1.0) -> bool:
        """Throw the dice for a kind that may strike at any call; `seldom` makes it less likely."""
        chance = self._chances.get(kind)
        if chance is None or self.over or self.rng.random() >= chance * seldom:
            return False
        return self.note(kind)

    def note(self, kind: Kind) -> bool:
        """Count a fault."""
        self.counts[kind] += 1
        return True

    def begin_outage(self, kind: Kind, until: float) -> None:
        """Put a server out of reach until a moment."""
        self._down_until[kind] = until

    def is_down(self, kind: Kind) -> bool:
        """Return whether a server is out of reach now."""
        until = self._down_until.get(kind)
        return until is not None and not self.over and asyncio.get_running_loop().time() < until

    def crashes(self, kind: Kind) -> bool:
        """Return whether the process dies at this call."""
        return sum(
            self.counts[k] for k in (Kind.CRASH_BEFORE, Kind.CRASH_AFTER)
        ) < CRASHES_MAX and self.strikes(kind)


class Gate:
    """All that can happen around the calls one process makes to one server."""

    def __init__(
        self, faults: Faults, process: Process, down: Kind, unavailable: Callable[[str], Exception]
    ) -> None:
        self._faults = faults
        self._process = process
        self._down = down
        self._unavailable = unavailable

    async def through(self, call: str, effect: Callable[[], T]) -> T:
        """Do the effect of a call, or meet what goes wrong before, during or after it."""
        faults, process = self._faults, self._process
        await self._delay(faults.rng.uniform(0.0002, 0.002))
        if faults.is_down(self._down) or faults.strikes(Kind.UNAVAILABLE):
            await asyncio.sleep(0.01)
            raise self._unavailable(f"{call}: no connection")
        if faults.crashes(Kind.CRASH_BEFORE):
            process.die()
        result = effect()
        if faults.crashes(Kind.CRASH_AFTER):
            process.die()
        await self._delay(0.0 if faults.rng.random() < 0.7 else faults.rng.uniform(0.0002, 0.002))
        if faults.strikes(Kind.LOST_REPLY):
            raise self._unavailable(f"{call}: no reply")
        return result

    async def _delay(self, seconds: float) -> None:
        """Let a call take its time; a frozen process goes on where it was when it thaws."""
        if self._faults.strikes(Kind.SLOW):
            seconds = self._faults.rng.uniform(0.05, 1.2)
        if seconds:
            await asyncio.sleep(seconds)
        while (frozen := self._process.frozen_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(frozen)
        self._process.check_alive()
