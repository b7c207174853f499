"""The metrics of a worker for Prometheus, in a registry of their own; fed by what the journal is told.

Label values that come from outside are bounded: after so many different ones the rest is counted as `other`; of symbols
those that are decided on most often are shown. What happens thousands of times a second is gathered in plain Python and
handed over once for each batch: counting each message with the client library costs several times as much.
"""

import platform
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import choose_encoder

from exitbrain import __version__
from exitbrain.application.live.supervisor import LoopState
from exitbrain.application.live.turn_watch import TurnWatch
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.application.outcome import Outcome
from exitbrain.domain.exit_plan import LevelsComputed
from exitbrain.domain.messages import TRADE_CLOSED, TRADE_INTENT
from exitbrain.domain.receipt import Disposition, Reason
from exitbrain.infrastructure.observation.collectors import (
    Bounded,
    Busiest,
    LatencyHistogram,
    SupervisorCollector,
)

SYMBOLS_MAX = 500

TROUBLES = (
    "clocks_differ",
    "entries_lost",
    "entries_skipped",
    "event_loop_blocked",
    "exit_ignored",
    "group_ahead",
    "group_lost",
    "group_moved",
    "health_request_failed",
    "instruments_not_fetched",
    "instruments_unreadable",
    "left_waiting",
    "loop_cancelled",
    "loop_ended",
    "loop_failed",
    "loop_stalled",
    "message_undecided",
    "not_believed",
    "position_lost",
    "position_set_back",
    "publication_stalled",
    "setting_unknown",
    "symbol_muted",
    "turn_of_another_type",
    "turn_of_unknown",
    "turn_unused",
    "turn_without_expiry",
)
"""The events that somebody should look at. They are counted from 0: Prometheus sees no increase in what begins at 1."""

# Seconds: from a commit of a few messages on a fast disk to a server that hardly answers.
STEP_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


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
    """Count what the journal is told. May be told and asked from any thread."""

    def __init__(self, *, mode: str, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._gathered: Tally[_Kind] = Tally()
        self._gathered_unusable: Tally[tuple[str, str]] = Tally()
        self._latest_lsf: dict[str, float] = {}
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        build = Info("exitbrain_build", "Version, Python and mode of the worker.", registry=self._registry)
        build.info({"version": __version__, "python": platform.python_version(), "mode": mode})
        self._define_intake()
        self._define_flow()
        self._define_loops()
        self._observe_acknowledge = self._step("acknowledge")
        self._on: dict[str, Callable[..., None]] = {
            "messages": self._gather,
            "message_undecided": self._undecided,
            "read": self._step("read"),
            "committed": self._step("commit"),
            "acknowledged": self._acknowledge,
            "published": self._publish,
            "reclaimed": self._reclaim,
            "turn_taken": self._turn_taken,
            "turn_lost": self._turn_lost,
            "backlog": self._backlog,
            "heartbeat": self._heartbeat,
            "loop_failed": self._loop_failed,
            "symbol_muted": self._count_muted,
            "symbol_heard_again": self._count_muted,
            "clocks_compared": self._clocks_compared,
        }

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        """Count an event of normal life."""
        handler = self._on.get(name)
        if handler is not None:
            handler(**facts)

    def note_trouble(self, name: str, facts: Mapping[str, object]) -> None:
        """Count an event that somebody should look at."""
        self._troubles.of(name).inc()
        self.note(name, facts)

    def note_lost_line(self) -> None:
        """Count a line of the log that could not be written."""
        self._lost_lines.inc()

    def watch(
        self,
        states: Mapping[str, LoopState],
        *,
        silent_s: Callable[[], float],
        unpublished: Unpublished,
        turn: TurnWatch,
        conflicts: Callable[[], int] = lambda: 0,
    ) -> None:
        """Show the loops of a supervisor, for how long event loop, publication or turn lag, a count of conflicts."""
        self._registry.register(SupervisorCollector(states, silent_s, unpublished, turn, conflicts))

    def watch_ready(self, is_ready: Callable[[], bool]) -> None:
        """Show whether the worker is ready, as its health says."""
        self._gauge("ready", "1 while the worker does its work, as /healthz/ready says.").set_function(
            is_ready
        )

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics in the text format that an Accept header asks for, plain text for one that is none."""
        try:
            encode, content_type = choose_encoder(accept if accept.isascii() and accept.isprintable() else "")
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"exitbrain_{name}", help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"exitbrain_{name}", help_text, labels, registry=self._registry)

    def _histogram(self, name: str, help_text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"exitbrain_{name}", help_text, labels, registry=self._registry, buckets=buckets)

    def _define_intake(self) -> None:
        self._messages = Bounded(
            self._counter("messages", "Messages with a receipt, by outcome and reason.", "outcome", "reason")
        )
        self._dead_letters = Bounded(
            self._counter("dead_letters", "Messages refused; each is published as a dead letter.", "reason")
        )
        self._exits_ignored = Bounded(
            self._counter(
                "exits_ignored",
                "Exits that ended nothing; expected are repeats and reports of what had ended.",
                "reason",
                "expected",
            )
        )
        for reason in Reason:  # there from the start: Prometheus sees no increase in what begins at 1
            self._exits_ignored.of(reason, "false")
            self._dead_letters.of(reason)
        self._unusable = Bounded(
            self._counter(
                "unusable_values",
                "Values that could not be used and count as not given.",
                "field",
                "source",
            )
        )
        self._not_believed = Bounded(
            self._counter(
                "not_believed",
                "Entry ids and times that lie too far ahead and count as not given.",
                "field",
                "source",
            )
        )
        for source in (TRADE_INTENT, TRADE_CLOSED):
            self._not_believed.of("stream_id", source)
            self._not_believed.of("timestamp", source)
        self._muted = self._gauge(
            "muted_symbols", "Symbols whose last three messages or more were all too old for their position."
        )
        self._undecided_messages = self._counter(
            "undecided", "Failures to handle a message; it is delivered again, and refused in the end."
        )
        self._decisions = Bounded(
            self._counter("decisions", "Level computations recorded.", "policy", "cause", "result")
        )
        self._guards = Bounded(self._counter("guards_failed", "Guards that failed on a decision.", "guard"))
        self._lsf = Busiest(
            self._gauge("lsf_adjusted", "Adjusted leverage sensitivity factor last computed.", "symbol"),
            SYMBOLS_MAX,
        )

    def _define_flow(self) -> None:
        self._seconds = Bounded(
            self._histogram("step_seconds", "Duration of a step on one batch.", STEP_BUCKETS, "step")
        )
        self._latency = LatencyHistogram()
        self._registry.register(self._latency)
        self._published = Bounded(self._counter("published_entries", "Entries published.", "stream"))
        self._position = Bounded(
            self._gauge(
                "published_position", "Log position that a stream says it is published up to.", "stream"
            )
        )
        self._lag = Bounded(
            self._gauge(
                "lag_entries", "Entries never delivered; NaN where the server can not tell.", "stream"
            )
        )
        self._pending = Bounded(
            self._gauge("pending_entries", "Entries delivered and not acknowledged.", "stream")
        )
        self._reclaimed = self._counter("reclaimed_entries", "Entries taken over from another consumer.")
        self._turn = self._gauge("turn", "1 while this worker has the turn to read, 0 while it stands by.")
        self._ahead = self._gauge(
            "clock_difference_seconds",
            "By how much the clock of the Redis server is ahead of that of this machine.",
        )
        self._filled = self._gauge("buffer_filled_ratio", "How full the buffer before the commit is, 0 to 1.")

    def _define_loops(self) -> None:
        self._loop_failures = Bounded(
            self._counter("loop_failures", "Steps of a loop that failed and were tried again.", "loop")
        )
        self._delay = self._histogram(
            "event_loop_delay_seconds", "How much too late a timer of the event loop fired.", STEP_BUCKETS
        )
        self._troubles = Bounded(
            self._counter("troubles", "Events of the log that somebody should look at.", "event")
        )
        for name in TROUBLES:
            self._troubles.of(name)
        self._lost_lines = self._counter("log_lines_lost", "Lines of the log that could not be written.")

    def _gather(self, *, outcomes: Sequence[Outcome], **_: object) -> None:
        self._gathered.update(map(self._kind_of, outcomes))

    def _kind_of(self, outcome: Outcome) -> _Kind:
        levels = outcome.levels
        if outcome.duplicate:
            return _DUPLICATE
        if outcome.unusable:
            self._gathered_unusable.update((field, outcome.source) for field in outcome.unusable)
        for field in outcome.not_believed:
            self._not_believed.of(field, outcome.source).inc()
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
            self._messages.of(kind.outcome, kind.reason).inc(times)
            if kind.outcome == Disposition.REFUSED:
                self._dead_letters.of(kind.reason).inc(times)
            if kind.result:
                self._decisions.of(kind.policy, kind.cause, kind.result).inc(times)
            for guard in kind.failed:
                self._guards.of(guard).inc(times)
            if kind.expected:
                self._exits_ignored.of(kind.reason, kind.expected).inc(times)
        for (field, source), times in self._gathered_unusable.items():
            self._unusable.of(field, source).inc(times)
        for symbol, lsf in self._latest_lsf.items():
            self._lsf.set(symbol, lsf)
        self._gathered.clear()
        self._gathered_unusable.clear()
        self._latest_lsf.clear()
        self._observe_acknowledge(**facts)

    def _undecided(self, **_: object) -> None:
        self._undecided_messages.inc()

    def _step(self, step: str) -> Callable[..., None]:
        child = self._seconds.of(step)

        def observe(*, seconds: float, filled: float, **_: object) -> None:
            child.observe(seconds)
            self._filled.set(filled)

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
        self._seconds.of("publish").observe(seconds)
        self._published.of(stream).inc(entries)
        self._position.of(stream).set(position)
        self._latency.observe(stream, 1000.0 * self._wall_clock(), entry_ids)

    def _reclaim(self, *, entries: int, **_: object) -> None:
        self._reclaimed.inc(entries)

    def _turn_taken(self, **_: object) -> None:
        self._turn.set(1)

    def _turn_lost(self, **_: object) -> None:
        self._turn.set(0)

    def _backlog(self, *, stream: str, lag: int | None, pending: int, **_: object) -> None:
        self._lag.of(stream).set(float("nan") if lag is None else lag)
        self._pending.of(stream).set(pending)

    def _count_muted(self, *, muted: int, **_: object) -> None:
        self._muted.set(muted)

    def _clocks_compared(self, *, ahead_s: float, **_: object) -> None:
        self._ahead.set(ahead_s)

    def _heartbeat(self, *, delay_s: float, **_: object) -> None:
        self._delay.observe(delay_s)

    def _loop_failed(self, *, loop: str, **_: object) -> None:
        self._loop_failures.of(loop).inc()


def _expected(outcome: Outcome) -> str:
    """Return whether an exit that ended nothing was to be expected, empty for any other message."""
    ignored = outcome.ignored_exit
    return "" if ignored is None else str(ignored.expected).lower()
