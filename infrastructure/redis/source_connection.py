"""The connection of the message source; it creates missing groups, also while working."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from redis.exceptions import ResponseError

from exitbrain.application.ports.message_source import ReadElsewhere, Repair, SourceUnavailable
from exitbrain.infrastructure.redis.connection import Patience, answering, connect, connect_for_blocking
from exitbrain.infrastructure.redis.errors import code_of
from exitbrain.infrastructure.redis.key_types import naming_types
from exitbrain.infrastructure.redis.owners import store_in
from exitbrain.infrastructure.redis.scripts import OPEN
from exitbrain.infrastructure.redis.stream_cursors import BEGINNING, StreamCursor
from exitbrain.infrastructure.wire.stream_names import Names


class SourceConnection:
    """Ask the server for one consumer, and keep what is known of each stream between the questions.

    `taken_over` says that what others hold was claimed since the last doubt. `repairs` are those not yet told.
    """

    def __init__(self, url: str, names: Names, store: str, timeout_s: float) -> None:
        self.commands = connect(url)
        self.waiting = connect_for_blocking(url)
        self.patience = Patience(timeout_s)
        self.cursors = [
            StreamCursor(number, stream, names.source_of(stream), names.group_of(stream))
            for number, stream in enumerate(names.incoming)
        ]
        self.taken_over = False
        self.repairs: list[Repair] = []
        self.groups_recreated = 0
        self._open = self.commands.register_script(OPEN)
        self._names = names
        self._types = names.types
        self._store = store
        self._timeout_s = timeout_s

    async def open(self, start: str, *, take_over: bool) -> None:
        """Create missing groups, starting after an entry id. Raises ReadElsewhere unless `take_over` is set."""
        async with self._naming(), answering(SourceUnavailable, self._timeout_s):
            await self._create_groups(start, take_over=take_over)
        self.begin_again()

    async def ask(self, question: Callable[[], Awaitable[Any]], beyond_s: float = 0.0) -> Any:
        """Ask the server; if it has lost the groups, create them again and repeat the question once."""
        try:
            keys = [self._names.lease, *(cursor.stream for cursor in self.cursors)]
            async with self._naming(), self.patience.answering(*keys, beyond_s=beyond_s):
                try:
                    return await question()
                except ResponseError as error:
                    if not _group_is_lost(error):
                        raise
                    self.repairs.append(Repair("group_lost", {"said": str(error).partition(" script:")[0]}))
                self.groups_recreated += 1
                await self._create_groups(BEGINNING)
                self.begin_again()
                return await question()
        except BaseException:  # what was asked may have been done, also when we are cancelled
            self.begin_again()
            raise

    def begin_again(self) -> None:
        """Ask next for what is pending with others and with us: the server may have given us what we never saw."""
        self.taken_over = False
        for cursor in self.cursors:
            cursor.begin_again()

    def read_elsewhere(self, key: bytes, said: bytes) -> ReadElsewhere:
        """Return the error that a key names another store."""
        return ReadElsewhere(f"key {key.decode()}", store_in(said), self._store)

    async def close(self) -> None:
        """Release the connections."""
        async with answering(SourceUnavailable, self._timeout_s):
            await asyncio.gather(self.commands.aclose(), self.waiting.aclose())

    async def _create_groups(self, start: str, *, take_over: bool = False) -> None:
        names = self._names
        keys = [names.store_of_lease]
        for cursor in self.cursors:
            keys += [cursor.stream, names.store_of_group(cursor.stream)]
        groups = [cursor.group for cursor in self.cursors]
        try:
            taken = await self._open(keys, [self._store, int(take_over), start, *groups])
        except ResponseError as error:
            at = [cursor.stream for cursor in self.cursors if str(error).endswith(f" at {cursor.stream}")]
            async with answering(SourceUnavailable, self._timeout_s, *at):
                raise
        if taken:
            raise self.read_elsewhere(*taken)

    def _naming(self) -> AbstractAsyncContextManager[None]:
        return naming_types(self.commands, self._types)


def _group_is_lost(error: ResponseError) -> bool:
    return code_of(error) in {"NOGROUP", "UNBLOCKED"} or "no such key" in str(error)
