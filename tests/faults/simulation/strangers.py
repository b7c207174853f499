"""Strangers who write to keys of the workers, and the operator who puts right what only an operator can.

They throw dice of their own, so that a run that they leave alone is what it was before there were any.
"""

import asyncio
from random import Random

from exitbrain.application.ports.publisher import PublishedPosition, UnknownPosition
from exitbrain.infrastructure.redis.published_position import position_in
from tests.faults.simulation.faults import Faults, Kind
from tests.faults.simulation.streams import StreamServer
from tests.names import PUBLISHED

STRANGER = "a stranger"
FOR_EVER_MS = 10**9
RENEW_EVERY_S, RENEWED_FOR_S = 0.4, 5.0
WRONG_FOR_S = 1.5
"""How long it takes until an operator comes, at most."""


class Strangers:
    """What strangers do in one run, at moments within `seconds`."""

    def __init__(self, seed: int, server: StreamServer, faults: Faults, seconds: float) -> None:
        self._rng = rng = Random(f"strangers of {seed}")
        self._server = server
        self._faults = faults
        kinds = [Kind.STOLEN_LEASE, Kind.WRONG_POSITION, Kind.WRONG_TYPE]
        self._moments = [(rng.uniform(0.0, seconds), kind) for kind in kinds if rng.random() < 0.15]
        self._wrong: dict[str, tuple[object, PublishedPosition]] = {}

    async def run(self) -> None:
        """Do it all, and leave nothing that an operator would have to put right."""
        for at_s, kind in sorted(self._moments):
            await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))
            match kind:
                case Kind.STOLEN_LEASE:
                    await self._steal_lease()
                case Kind.WRONG_POSITION:
                    await self._change_position(self._rng.choice(PUBLISHED))
                case Kind.WRONG_TYPE:
                    await self._change_type(self._rng.choice(PUBLISHED))

    def put_right(self) -> None:
        """Put right the positions that are still wrong: a fail-over may have brought one back."""
        for stream, (wrong, right) in self._wrong.items():
            found = self._server.published.get(stream)
            if found is not None and found.position == wrong:
                found.position = right

    async def _steal_lease(self) -> None:
        self._faults.note(Kind.STOLEN_LEASE)
        if self._rng.random() < 0.5:
            self._server.give_lease(STRANGER, FOR_EVER_MS)
            return
        for _ in range(int(self._rng.uniform(1.0, RENEWED_FOR_S) / RENEW_EVERY_S)):
            self._server.give_lease(STRANGER, 1_000)
            await asyncio.sleep(RENEW_EVERY_S)

    async def _change_position(self, stream: str) -> None:
        found = self._server.published.get(stream)
        if found is None or not isinstance(found.position, PublishedPosition):
            return
        newest, right = self._newest(stream), found.position
        wrong = self._rng.choice((None, UnknownPosition("no number"), PublishedPosition(right.store, 10**6)))
        if wrong is None and (newest is None or newest.position < found.begun):
            return  # what a stream began with names places before that at which it began
        self._faults.note(Kind.WRONG_POSITION)
        found.position = wrong
        if wrong is not None:
            self._server.needs_operator = True
            self._wrong[stream] = wrong, right
            await asyncio.sleep(self._rng.uniform(0.1, WRONG_FOR_S))
            self.put_right()

    async def _change_type(self, stream: str) -> None:
        self._faults.note(Kind.WRONG_TYPE)
        self._server.needs_operator = True
        self._server.of_another_type.add(stream)
        await asyncio.sleep(self._rng.uniform(0.1, WRONG_FOR_S))
        self._server.of_another_type.discard(stream)

    def _newest(self, stream: str) -> PublishedPosition | None:
        entries = self._server.streams[stream].entries if stream in self._server.streams else {}
        return position_in(list(entries.values())[-1].get("payload", "")) if entries else None
