"""The Prometheus metrics of a worker, fed by the journal.

What happens thousands of times a second is gathered in plain Python and
handed over once for each batch: counting each message with the client library costs several times as much.
"""

import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.exposition import choose_encoder

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import LoopState
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.observability.collectors import SupervisorCollector
from exitbrain.infrastructure.observability.metric_families import MetricFamilies


class _Kind(NamedTuple):
    """What a message counts for; there are few different ones."""

    outcome: str
    reason: str = ""
    policy: str = ""
    cause: str = ""
    result: str = ""
    failed: tuple[str, ...] = ()
    expected: str = ""
    """Of an exit that ended nothing: `true` or `false`."""


_DUPLICATE = _Kind("DUPLICATE")


class Metrics:
    """Count journal events. Safe to use from any thread."""

    def __init__(self, *, mode: str, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._gathered: Tally[_Kind] = Tally()
        self._gathered_unusable: Tally[tuple[str, str]] = Tally()
        self._latest_lsf: dict[str, float] = {}
        self._families = MetricFamilies(mode)
        self._observe_acknowledge = self._step("acknowledge")
        self._on: dict[str, Callable[..., None]] = {
            "messages": self._gather,
            "message_undecided": self._undecided,
            "read": self._step("read"),
            "committed": self._step("commit"),
            "acknowledged": self._acknowledge,
            "published": self._publish,
            "reclaimed": self._reclaim,
            "turn_taken": self._lease_taken,
            "turn_lost": self._lease_lost,
            "backlog": self._backlog,
            "heartbeat": self._heartbeat,
            "loop_failed": self._loop_failed,
            "symbol_muted": self._count_muted,
            "symbol_heard_again": self._count_muted,
            "clocks_compared": self._clocks_compared,
        }

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        """Count a routine event."""
        handler = self._on.get(name)
        if handler is not None:
            handler(**facts)

    def note_trouble(self, name: str, facts: Mapping[str, object]) -> None:
        """Count an event that somebody should look at."""
        self._families.troubles.of(name).inc()
        self.note(name, facts)

    def note_lost_line(self) -> None:
        """Count a line of the log that could not be written."""
        self._families.lost_lines.inc()

    def watch(
        self,
        states: Mapping[str, LoopState],
        *,
        silent_s: Callable[[], float],
        unpublished: Unpublished,
        lease: LeaseWatch,
        conflicts: Callable[[], int] = lambda: 0,
    ) -> None:
        """Show the loops of a supervisor, for how long event loop, publication or lease lag, a count of conflicts."""
        self._families.registry.register(SupervisorCollector(states, silent_s, unpublished, lease, conflicts))

    def watch_ready(self, is_ready: Callable[[], bool]) -> None:
        """Show whether the worker is ready, as its health says."""
        self._families.gauge(
            "ready", "1 while the worker does its work, as /healthz/ready says."
        ).set_function(is_ready)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics in the text format that an Accept header asks for, plain text for an invalid one."""
        try:
            encode, content_type = choose_encoder(accept if accept.isascii() and accept.isprintable() else "")
        except (TypeError, ValueError):  # no such version
            encode, content_type = choose_encoder("")
        return encode(self._families.registry), content_type

    def _gather(self, *, outcomes: Sequence[MessageResult], **_: object) -> None:
        self._gathered.update(map(self._kind_of, outcomes))

    def _kind_of(self, outcome: MessageResult) -> _Kind:
        levels = outcome.levels
        if outcome.duplicate:
            return _DUPLICATE
        if outcome.unusable:
            self._gathered_unusable.update((field, outcome.source) for field in outcome.unusable)
        for field in outcome.not_believed:
            self._families.not_believed.of(field, outcome.source).inc()
        if levels is None:
            return _Kind(outcome.disposition, outcome.reason or "", expected=_expected(outcome))
        result = "refused"
        if isinstance(levels, LevelsComputed):
            result = "computed"
            self._latest_lsf[levels.symbol] = levels.levels.raw.lsf_adjusted
        failed = tuple(levels.levels.guards.failed)
        return _Kind(outcome.disposition, "", levels.policy.name, levels.cause, result, failed)

    def _acknowledge(self, **facts: object) -> None:
        """Hand over what was gathered from the messages of the batch, which are told of before."""
        for kind, times in self._gathered.items():
            self._families.messages.of(kind.outcome, kind.reason).inc(times)
            if kind.outcome == Disposition.REFUSED:
                self._families.dead_letters.of(kind.reason).inc(times)
            if kind.result:
                self._families.decisions.of(kind.policy, kind.cause, kind.result).inc(times)
            for guard in kind.failed:
                self._families.guards.of(guard).inc(times)
            if kind.expected:
                self._families.exits_ignored.of(kind.reason, kind.expected).inc(times)
        for (field, source), times in self._gathered_unusable.items():
            self._families.unusable_values.of(field, source).inc(times)
        for symbol, lsf in self._latest_lsf.items():
            self._families.lsf_adjusted.set(symbol, lsf)
        self._gathered.clear()
        self._gathered_unusable.clear()
        self._latest_lsf.clear()
        self._observe_acknowledge(**facts)

    def _undecided(self, **_: object) -> None:
        self._families.undecided_messages.inc()

    def _step(self, step: str) -> Callable[..., None]:
        child = self._families.step_seconds.of(step)

        def observe(*, seconds: float, filled: float, **_: object) -> None:
            child.observe(seconds)
            self._families.buffer_filled.set(filled)

        return observe

    def _publish(
        self,
        *,
        stream: str,
        position: int,
        entries: int,
        entry_ids: Sequence[str],
        seconds: float,
        **_: object,
    ) -> None:
        self._families.step_seconds.of("publish").observe(seconds)
        self._families.published.of(stream).inc(entries)
        self._families.published_position.of(stream).set(position)
        self._families.entry_to_published.observe(stream, 1000.0 * self._wall_clock(), entry_ids)

    def _reclaim(self, *, entries: int, **_: object) -> None:
        self._families.reclaimed.inc(entries)

    def _lease_taken(self, **_: object) -> None:
        self._families.lease.set(1)

    def _lease_lost(self, **_: object) -> None:
        self._families.lease.set(0)

    def _backlog(self, *, stream: str, lag: int | None, pending: int, **_: object) -> None:
        self._families.lag.of(stream).set(float("nan") if lag is None else lag)
        self._families.pending.of(stream).set(pending)

    def _count_muted(self, *, muted: int, **_: object) -> None:
        self._families.muted_symbols.set(muted)

    def _clocks_compared(self, *, ahead_s: float, **_: object) -> None:
        self._families.clock_ahead.set(ahead_s)

    def _heartbeat(self, *, delay_s: float, **_: object) -> None:
        self._families.event_loop_delay.observe(delay_s)

    def _loop_failed(self, *, loop: str, **_: object) -> None:
        self._families.loop_failures.of(loop).inc()


def _expected(outcome: MessageResult) -> str:
    """Return whether an exit that ended nothing was to be expected, empty for any other message."""
    ignored = outcome.ignored_exit
    return "" if ignored is None else str(ignored.expected).lower()
