"""The metrics of a worker: their names, help texts and labels, in a registry of their own.

Label values that come from outside are bounded: after so many different ones the rest is counted as `other`; of symbols
those that are decided on most often are shown.
"""

import platform
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from exitbrain import __version__
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.domain.messages.receipt import Reason
from exitbrain.infrastructure.observability.collectors import Bounded, Busiest, LatencyHistogram

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
    "stop_inside_costs",
    "symbol_muted",
    "turn_of_another_type",
    "turn_of_unknown",
    "turn_unused",
    "turn_without_expiry",
)
"""The events that somebody should look at. They are counted from 0: Prometheus sees no increase in what begins at 1."""

# Seconds: from a commit of a few messages on a fast disk to a server that hardly answers.
STEP_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class MetricFamilies:
    """Every metric that is counted or set, as Prometheus client objects."""

    def __init__(self, mode: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("exitbrain_build", "Version, Python and mode of the worker.", registry=self.registry)
        build.info({"version": __version__, "python": platform.python_version(), "mode": mode})
        self._define_intake()
        self._define_flow()
        self._define_loops()

    def gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        """Define a gauge of its own."""
        return Gauge(f"exitbrain_{name}", help_text, labels, registry=self.registry)

    def _define_intake(self) -> None:
        self.messages = Bounded(
            self._counter("messages", "Messages with a receipt, by outcome and reason.", "outcome", "reason")
        )
        self.dead_letters = Bounded(
            self._counter("dead_letters", "Messages refused; each is published as a dead letter.", "reason")
        )
        self.exits_ignored = Bounded(
            self._counter(
                "exits_ignored",
                "Exits that ended nothing; expected are repeats and reports of what had ended.",
                "reason",
                "expected",
            )
        )
        for reason in Reason:  # there from the start: Prometheus sees no increase in what begins at 1
            self.exits_ignored.of(reason, "false")
            self.dead_letters.of(reason)
        self.unusable_values = Bounded(
            self._counter(
                "unusable_values",
                "Values that could not be used and count as not given.",
                "field",
                "source",
            )
        )
        self.not_believed = Bounded(
            self._counter(
                "not_believed",
                "Entry ids and times that lie too far ahead and count as not given.",
                "field",
                "source",
            )
        )
        for source in (TRADE_INTENT, TRADE_CLOSED):
            self.not_believed.of("stream_id", source)
            self.not_believed.of("timestamp", source)
        self.muted_symbols = self.gauge(
            "muted_symbols", "Symbols whose last three messages or more were all too old for their position."
        )
        self.undecided_messages = self._counter(
            "undecided", "Failures to handle a message; it is delivered again, and refused in the end."
        )
        self.decisions = Bounded(
            self._counter("decisions", "Level computations recorded.", "policy", "cause", "result")
        )
        self.guards = Bounded(self._counter("guards_failed", "Guards that failed on a decision.", "guard"))
        self.lsf_adjusted = Busiest(
            self.gauge("lsf_adjusted", "Adjusted leverage sensitivity factor last computed.", "symbol"),
            SYMBOLS_MAX,
        )

    def _define_flow(self) -> None:
        self.step_seconds = Bounded(
            self._histogram("step_seconds", "Duration of a step on one batch.", STEP_BUCKETS, "step")
        )
        self.entry_to_published = LatencyHistogram()
        self.registry.register(self.entry_to_published)
        self.published = Bounded(self._counter("published_entries", "Entries published.", "stream"))
        self.published_position = Bounded(
            self.gauge(
                "published_position", "Log position that a stream says it is published up to.", "stream"
            )
        )
        self.lag = Bounded(
            self.gauge("lag_entries", "Entries never delivered; NaN where the server cannot tell.", "stream")
        )
        self.pending = Bounded(
            self.gauge("pending_entries", "Entries delivered and not acknowledged.", "stream")
        )
        self.reclaimed = self._counter("reclaimed_entries", "Entries taken over from another consumer.")
        self.lease = self.gauge("turn", "1 while this worker holds the lease, 0 while it stands by.")
        self.clock_ahead = self.gauge(
            "clock_difference_seconds",
            "By how much the clock of the Redis server is ahead of that of this machine.",
        )
        self.buffer_filled = self.gauge(
            "buffer_filled_ratio", "How full the buffer before the commit is, 0 to 1."
        )

    def _define_loops(self) -> None:
        self.loop_failures = Bounded(
            self._counter("loop_failures", "Steps of a loop that failed and were tried again.", "loop")
        )
        self.event_loop_delay = self._histogram(
            "event_loop_delay_seconds", "How much too late a timer of the event loop fired.", STEP_BUCKETS
        )
        self.troubles = Bounded(
            self._counter("troubles", "Events of the log that somebody should look at.", "event")
        )
        for name in TROUBLES:
            self.troubles.of(name)
        self.lost_lines = self._counter("log_lines_lost", "Lines of the log that could not be written.")

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"exitbrain_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"exitbrain_{name}", help_text, labels, registry=self.registry, buckets=buckets)
