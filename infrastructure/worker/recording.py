"""The store behind the live path, on threads of its own: the event loop never waits for a disk."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from exitbrain.application.ports.exit_ledger import LedgerError
from exitbrain.application.ports.live_recording import Undecided
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import EntryId, changed

T = TypeVar("T")
ERROR_MAX = 200


class OneThread:
    """Run blocking work on one thread, in the order it is given."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work on the thread and wait for it without blocking the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let the thread end after its present work."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class ThreadedRecording:
    """Record batches on the one writer thread."""

    def __init__(self, thread: OneThread, recorder: Recorder) -> None:
        self._thread = thread
        self._recorder = recorder

    async def begin(self) -> None:
        """Keep the settings of this worker in the store, where they are new."""
        await self._thread.run(self._recorder.context)

    def conflicts(self) -> int:
        """Return how often another writer was faster."""
        return self._recorder.conflicts

    async def record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        return await self._thread.run(partial(self._record, messages))

    async def give_up(self, undecided: Undecided) -> MessageResult:
        return await self._thread.run(partial(self._give_up, undecided))

    async def received(self, messages: Sequence[IncomingMessage]) -> list[bool]:
        return await self._thread.run(partial(self._recorder.received, messages))

    async def newest_received(self, source: str) -> EntryId | None:
        return await self._thread.run(partial(self._recorder.newest_received, source))

    def _record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        try:
            return [*self._recorder.handle_batch(messages)]
        except LedgerError:
            raise
        except Exception:  # noqa: BLE001  whichever message it was is found and named below
            return [self._record_alone(message) for message in messages]

    def _record_alone(self, message: IncomingMessage) -> MessageResult | Undecided:
        try:
            return self._recorder.handle(message)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001  reported, retried, and in the end recorded as refused
            return Undecided(message, f"{type(error).__name__}: {error}"[:ERROR_MAX])

    def _give_up(self, undecided: Undecided) -> MessageResult:
        allowed = "a message that this version can decide"
        refusal = Refusal(Reason.UNDECIDABLE, "message", undecided.error, allowed)
        return self._recorder.handle(changed(undecided.message, broken=refusal))
