"""Judge a worker's health, from any thread, by its loops and the heartbeat of its event loop."""

import asyncio
import platform
import sys
import threading
import time
import traceback
from pathlib import Path

import msgspec

from exitbrain import __version__
from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import STALL_AFTER_S, Journal, LoopState, Supervisor
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.infrastructure.secrets import hidden

BEAT_S = 0.25
ERROR_MAX = 300


class Heartbeat:
    """Tell other threads that the event loop ticks; `beat` is a loop to be supervised."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last = time.monotonic()
        self.delay_s = 0.0
        self.thread_id = threading.get_ident()

    @property
    def silent_s(self) -> float:
        """Return for how long the event loop has not ticked."""
        return time.monotonic() - self._last

    async def beat(self) -> None:
        """Sleep a moment, and note by how much that took too long: for so long something blocked the event loop."""
        began = time.monotonic()
        await asyncio.sleep(BEAT_S)
        self.thread_id = threading.get_ident()
        self._last = time.monotonic()
        self.delay_s = max(0.0, self._last - began - BEAT_S)
        self._journal.event("heartbeat", delay_s=self.delay_s)


class LoopHealth(msgspec.Struct, frozen=True):
    """How one loop is doing; `failures` in a row, times in seconds."""

    silent_s: float
    steps: int
    failures: int
    error: str
    stalled: bool
    ended: bool


class EventLoopHealth(msgspec.Struct, frozen=True):
    """For how long the event loop has not ticked, and how late its last timer was, in seconds."""

    silent_s: float
    delay_s: float


class HealthReport(msgspec.Struct, frozen=True):
    """What `/healthz` answers; `reason` says why `live` or `ready` is false.

    `unpublished_s` is for how long something committed has waited to be published, by this worker or another;
    `turn_idle_s` for how long another has held the lease and read nothing while entries waited.
    """

    status: str
    reason: str
    live: bool
    ready: bool
    mode: str
    version: str
    python: str
    uptime_s: float
    unpublished_s: float
    turn_idle_s: float
    event_loop: EventLoopHealth
    loops: dict[str, LoopHealth]


class Health:
    """Judge a worker by the states of its loops and its heartbeat, from any thread; the store is never asked."""

    def __init__(
        self,
        supervisor: Supervisor,
        heartbeat: Heartbeat,
        unpublished: Unpublished,
        lease: LeaseWatch,
        mode: str,
    ) -> None:
        self._supervisor = supervisor
        self._heartbeat = heartbeat
        self._unpublished = unpublished
        self._lease = lease
        self._mode = mode
        self._began = time.monotonic()

    @property
    def why_not_live(self) -> str:
        """Return why the process cannot continue, empty while it can."""
        for state in self._states():
            if state.ended:
                return f"{state.name} ended: {_cut(state.error)}"
        if self._heartbeat.silent_s > STALL_AFTER_S:
            return f"the event loop has not ticked for {self._heartbeat.silent_s:.1f} s"
        return ""

    @property
    def why_not_ready(self) -> str:
        """Return why the worker is not working now, empty while it is."""
        if self._supervisor.stopping:
            return "stopping"
        if reason := self.why_not_live:
            return reason
        states, now = self._states(), time.monotonic()
        for state in states:
            if state.stalled(now):
                error = f": {_cut(state.error)}" if state.error else ""
                return f"{state.name} has made no progress for {state.silent_s(now):.1f} s{error}"
        starting = [state.name for state in states if not state.steps]
        if starting or not states:
            return f"starting: {', '.join(starting) or 'no loop runs yet'}"
        unpublished_s = self._unpublished.seconds(now)
        if unpublished_s > STALL_AFTER_S:
            return f"what was committed {unpublished_s:.1f} s ago is not published yet"
        return self._lease.why_idle(now)

    def report(self) -> HealthReport:
        """Return everything that is known."""
        dead, unready, now = self.why_not_live, self.why_not_ready, time.monotonic()
        return HealthReport(
            status="unavailable" if unready else "ok",
            reason=unready,
            live=not dead,
            ready=not unready,
            mode=self._mode,
            version=__version__,
            python=platform.python_version(),
            uptime_s=round(now - self._began, 1),
            unpublished_s=round(self._unpublished.seconds(now), 1),
            turn_idle_s=round(self._lease.idle_s(now), 1),
            event_loop=EventLoopHealth(round(self._heartbeat.silent_s, 3), round(self._heartbeat.delay_s, 3)),
            loops={
                state.name: LoopHealth(
                    silent_s=round(state.silent_s(now), 3),
                    steps=state.steps,
                    failures=state.failures,
                    error=_cut(state.error),
                    stalled=state.stalled(now),
                    ended=state.ended,
                )
                for state in self._states()
            },
        )

    def _states(self) -> list[LoopState]:
        return list(self._supervisor.states.values())


class Watchdog:
    """Note in the journal what the event loop itself cannot when it is blocked."""

    def __init__(
        self, supervisor: Supervisor, heartbeat: Heartbeat, unpublished: Unpublished, journal: Journal
    ) -> None:
        self._supervisor = supervisor
        self._heartbeat = heartbeat
        self._unpublished = unpublished
        self._journal = journal
        self._blocked = False
        self._publishes = True
        self._stalled: set[str] = set()

    def look(self) -> None:
        """Report what has come to a stand or moves again since the last look."""
        if self._supervisor.stopping:
            return
        silent_s = self._heartbeat.silent_s
        blocked = silent_s > STALL_AFTER_S
        if blocked and not self._blocked:
            where = _where(self._heartbeat.thread_id)
            self._journal.trouble("event_loop_blocked", silent_s=round(silent_s, 1), where=where)
        elif self._blocked and not blocked:
            self._journal.event("event_loop_ticks_again", delay_s=round(self._heartbeat.delay_s, 1))
        self._blocked = blocked
        if not blocked:  # while it is, all loops stand still for this one reason
            self._look_at_loops()
            self._look_at_publication()

    def _look_at_loops(self) -> None:
        now = time.monotonic()
        for state in list(self._supervisor.states.values()):
            stalled = state.stalled(now) and not state.ended  # the supervisor tells of an end and its cause
            if stalled and state.name not in self._stalled:
                self._stalled.add(state.name)
                silent_s = state.silent_s(now)
                self._journal.trouble("loop_stalled", loop=state.name, silent_s=silent_s, error=state.error)
            elif state.name in self._stalled and not stalled:
                self._stalled.discard(state.name)
                self._journal.event("loop_moves_again", loop=state.name)

    def _look_at_publication(self) -> None:
        unpublished_s = self._unpublished.seconds(time.monotonic())
        publishes = unpublished_s <= STALL_AFTER_S
        if self._publishes and not publishes:
            self._journal.trouble("publication_stalled", unpublished_s=round(unpublished_s, 1))
        elif publishes and not self._publishes:
            self._journal.event("publication_goes_on")
        self._publishes = publishes


def _cut(error: str) -> str:
    text = hidden(error.encode("utf-8", "backslashreplace").decode())
    return text if len(text) <= ERROR_MAX else f"{text[:ERROR_MAX]}..."


def _where(thread_id: int) -> str:
    """Return what a thread is doing, innermost call first."""
    frame = sys._current_frames().get(thread_id)
    calls = traceback.extract_stack(frame)[-3:] if frame is not None else []
    return " < ".join(f"{Path(call.filename).name}:{call.lineno} {call.name}" for call in reversed(calls))
