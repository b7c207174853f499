"""Supervision: runs every loop of the live path and reports each one that ends or stalls.

A loop repeats a step. A step that fails with a transient error is retried with growing pauses; any other
error, or too long without success, ends the process. The state of every loop can be read from any thread.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from exitbrain.domain.errors import ExitBrainError

STALL_AFTER_S = 3.0
"""A loop without a successful step for this long is reported."""

GIVE_UP_AFTER_S = 60.0
"""A loop whose steps fail for this long ends the process."""

HUNG_AFTER_S = 90.0
"""A step that neither returns nor fails for this long ends the process; waits in a step are much shorter."""

PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 1.0
IDLE_SLICE_S = 0.5

Step = Callable[[], Awaitable[object]]


class LoopFailed(ExitBrainError):
    """A loop cannot go on; the process must end with a non-zero code."""


class Journal(Protocol):
    """Record events for logs and metrics."""

    def event(self, name: str, **facts: object) -> None:
        """Record a routine event."""

    def trouble(self, name: str, **facts: object) -> None:
        """Record an event that needs attention."""


@dataclass(slots=True)
class LoopState:
    """The state of a loop; `last_success` and `step_since` are in seconds of the event loop's clock.

    `step_since` is when the current step began, None between steps.
    """

    name: str
    last_success: float
    steps: int = 0
    failures: int = 0
    error: str = ""
    ended: bool = False
    step_since: float | None = None

    def silent_s(self, now: float) -> float:
        """Return the seconds since the last success."""
        return max(0.0, now - self.last_success)

    def stalled(self, now: float) -> bool:
        """Return whether the loop has ended, or made no progress for too long."""
        return self.ended or self.silent_s(now) > STALL_AFTER_S


class Supervisor:
    """Run loops until stopped."""

    def __init__(
        self,
        journal: Journal,
        *,
        transient: tuple[type[Exception], ...],
        give_up_after_s: float = GIVE_UP_AFTER_S,
        hung_after_s: float = HUNG_AFTER_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._transient = transient
        self._give_up_after_s = give_up_after_s
        self._hung_after_s = hung_after_s
        self._jitter = jitter
        self._stopping = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], LoopState] = {}
        self._reported: set[str] = set()
        self._hung: dict[str, float] = {}
        self.states: dict[str, LoopState] = {}

    @property
    def stopping(self) -> bool:
        """Return whether the loops are stopping."""
        return self._stopping.is_set()

    def start(self, name: str, step: Step, *, every_s: float = 0.0) -> None:
        """Repeat a step, with `every_s` seconds of rest after each success.

        A step must return within about a second when there is nothing to do.
        """
        state = LoopState(name, _now())
        self.states[name] = state
        # Keep a reference: a task without one can be garbage-collected while it waits.
        self._tasks[asyncio.create_task(self._run(state, step, every_s), name=name)] = state

    def stop(self) -> None:
        """Stop every loop after its current step."""
        self._stopping.set()

    async def watch(self) -> None:
        """Wait until stopped, reporting loops that stall; raises LoopFailed when one ends."""
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        try:
            while not self.stopping:
                waiting = [stopping, *self._tasks]
                await asyncio.wait(waiting, timeout=IDLE_SLICE_S, return_when=asyncio.FIRST_COMPLETED)
                self._check_ended()
                self._report_stalls()
                self._give_up_on_hung()
        finally:
            stopping.cancel()

    async def join(self, timeout_s: float) -> None:
        """Wait for every loop to finish its last step; cancel late ones and report last errors."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in late:
            self._journal.trouble("loop_cancelled", loop=self._tasks[task].name, after_s=timeout_s)
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task, state in self._tasks.items():
            if not state.ended and not task.cancelled() and task.exception() is not None:
                self._note_end(task, state)

    async def _run(self, state: LoopState, step: Step, every_s: float) -> None:
        pause_s = PAUSE_MIN_S
        while not self.stopping:
            state.step_since = _now()
            try:
                await step()
                _check_not_cancelled()
            except self._transient as error:
                state.step_since = None
                self._note_failure(state, error)
                await self._rest(pause_s * (0.5 + self._jitter()))
                pause_s = min(2.0 * pause_s, PAUSE_MAX_S)
            else:
                state.step_since = None
                self._note_success(state)
                pause_s = PAUSE_MIN_S
                await self._idle(state, every_s)

    async def _idle(self, state: LoopState, seconds: float) -> None:
        """Rest in slices that count as progress: a loop with nothing to do has not stalled."""
        until = _now() + seconds
        while not self.stopping and (left := until - _now()) > 0:
            await self._rest(min(left, IDLE_SLICE_S))
            state.last_success = _now()

    async def _rest(self, seconds: float) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([stopping], timeout=seconds)
        finally:
            stopping.cancel()

    def _note_success(self, state: LoopState) -> None:
        if state.error:
            self._journal.event("loop_recovered", loop=state.name, after_failures=state.failures)
        state.last_success = _now()
        state.steps += 1
        state.failures = 0
        state.error = ""

    def _note_failure(self, state: LoopState, error: Exception) -> None:
        state.failures += 1
        state.error = f"{type(error).__name__}: {error}"
        silent_s = state.silent_s(_now())
        self._journal.trouble(
            "loop_failed", loop=state.name, error=state.error, failures=state.failures, silent_s=silent_s
        )
        if silent_s > self._give_up_after_s:
            raise LoopFailed(f"{state.name} had no success for {silent_s:.0f} s: {state.error}") from error

    def _check_ended(self) -> None:
        for task, state in self._tasks.items():
            if task.done() and not self.stopping:
                error = self._note_end(task, state)
                raise LoopFailed(f"{state.name} ended: {state.error}") from error

    def _note_end(self, task: asyncio.Task[None], state: LoopState) -> BaseException | None:
        state.ended = True
        error = None if task.cancelled() else task.exception()
        # Not repr: for a Redis error it leaves out the server's message.
        said = repr(error) if error is None else f"{type(error).__name__}: {error}"
        state.error = "cancelled" if task.cancelled() else said
        self._journal.trouble("loop_ended", loop=state.name, error=state.error)
        return error

    def _report_stalls(self) -> None:
        now = _now()
        for name, state in self.states.items():
            if state.stalled(now) and name not in self._reported:
                self._reported.add(name)
                silent_s = state.silent_s(now)
                self._journal.trouble("loop_stalled", loop=name, silent_s=silent_s, error=state.error)
            elif name in self._reported and not state.stalled(now):
                self._reported.discard(name)
                self._journal.event("loop_moves_again", loop=name)

    def _give_up_on_hung(self) -> None:
        """Fail if a step hangs at two checks in a row; one may only mean that the whole process paused."""
        now = _now()
        for name, state in self.states.items():
            since, before = state.step_since, self._hung.pop(name, None)
            if since is None or now - since < self._hung_after_s:
                continue
            if since == before:
                raise LoopFailed(f"{name} hangs: its step has not returned for {now - since:.0f} s")
            self._hung[name] = since


def _check_not_cancelled() -> None:
    """Raise a cancellation that the step swallowed, as asyncio.wait_for in clients may before Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _now() -> float:
    return asyncio.get_running_loop().time()
