"""Building blocks of the metrics: bounded labels, a histogram fed in batches, values read on request."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import LoopState
from exitbrain.application.live.unpublished import Unpublished

VALUES_MAX = 50
OTHER = "other"

# Seconds: from a message of a moment ago to one that waited while no worker ran.
WAY_BUCKETS = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)

M = TypeVar("M", bound=MetricWrapperBase)


class Bounded(Generic[M]):
    """The children of a metric by their label values, remembered because looking them up costs most of counting."""

    def __init__(self, metric: M, most: int = VALUES_MAX) -> None:
        self._metric = metric
        self._most = most
        self._children: dict[tuple[str, ...], M] = {}

    def of(self, *values: str) -> M:
        """Return the child of these label values, or that of `other` once there are too many."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= self._most:
                return self._metric.labels(*(OTHER for _ in values))
            child = self._children[values] = self._metric.labels(*values)
        return child


class Busiest:
    """A gauge by one label, kept for the values that were set most often.

    Once there are more than `most`, the one set least often goes, of several the one set longest ago. So no flood of
    values that come once pushes out those that keep coming, whichever came first.
    """

    def __init__(self, gauge: Gauge, most: int) -> None:
        self._gauge = gauge
        self._most = most
        # How often each was set, and its child; the latest comes last.
        self._kept: dict[str, tuple[int, Gauge]] = {}

    def set(self, label: str, value: float) -> None:
        """Set the gauge of a label."""
        times, child = self._kept.pop(label, (0, None))
        if child is None:
            if len(self._kept) >= self._most:
                self._drop(min(self._kept, key=self._times))
            child = self._gauge.labels(label)
        child.set(value)
        self._kept[label] = times + 1, child

    def _times(self, label: str) -> int:
        return self._kept[label][0]

    def _drop(self, label: str) -> None:
        del self._kept[label]
        self._gauge.remove(label)


class LatencyHistogram(Collector):
    """How long messages took from entry to publication: a histogram that takes a batch at once."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, stream: str, now_ms: float, entry_ids: Sequence[str]) -> None:
        """Count messages published now by the milliseconds in their stream ids; other ids hold no time."""
        counts = self._counts.setdefault(stream, [0] * (len(WAY_BUCKETS) + 1))
        total = 0.0
        for entry_id in entry_ids:
            entered_ms, dash, _ = entry_id.partition("-")
            if dash and entered_ms.isdigit():
                seconds = max(0.0, (now_ms - int(entered_ms)) / 1000.0)
                counts[bisect_left(WAY_BUCKETS, seconds)] += 1
                total += seconds
        self._sums[stream] = self._sums.get(stream, 0.0) + total

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "exitbrain_entry_to_published_seconds",
            "From the time in the id of an intake entry to the publication of what it led to.",
            labels=["stream"],
        )
        edges = [*map(str, WAY_BUCKETS), "+Inf"]
        for stream, counts in list(self._counts.items()):
            buckets = list(zip(edges, map(float, accumulate(counts)), strict=True))
            family.add_metric([stream], buckets, self._sums.get(stream, 0.0))
        yield family


class SupervisorCollector(Collector):
    """What is looked up when somebody asks: the loops, the event loop, what is not published, the lease, the conflicts."""

    def __init__(
        self,
        states: Mapping[str, LoopState],
        silent_s: Callable[[], float],
        unpublished: Unpublished,
        lease: LeaseWatch,
        conflicts: Callable[[], int],
    ) -> None:
        self._states = states
        self._silent_s = silent_s
        self._unpublished = unpublished
        self._lease = lease
        self._conflicts = conflicts

    def collect(self) -> Iterator[Metric]:
        now = time.monotonic()
        silent = GaugeMetricFamily(
            "exitbrain_loop_silent_seconds", "Seconds since the last success of a loop.", labels=["loop"]
        )
        stalled = GaugeMetricFamily(
            "exitbrain_loop_stalled", "1 while a loop has ended or made no progress for 3 s.", labels=["loop"]
        )
        steps = CounterMetricFamily("exitbrain_loop_steps", "Successful steps of a loop.", labels=["loop"])
        for state in list(self._states.values()):
            silent.add_metric([state.name], state.silent_s(now))
            stalled.add_metric([state.name], float(state.stalled(now)))
            steps.add_metric([state.name], state.steps)
        yield from (silent, stalled, steps)
        yield GaugeMetricFamily(
            "exitbrain_event_loop_silent_seconds",
            "Seconds since the event loop last ticked; above 3 something blocks it.",
            value=self._silent_s(),
        )
        yield GaugeMetricFamily(
            "exitbrain_unpublished_seconds",
            "Seconds that something committed has waited to be published; above 3 nobody publishes, or too slowly.",
            value=self._unpublished.seconds(now),
        )
        yield GaugeMetricFamily(
            "exitbrain_turn_idle_seconds",
            "Seconds that another has held the lease and read nothing while entries waited; above 3 it holds all up.",
            value=self._lease.idle_s(now),
        )
        yield CounterMetricFamily(
            "exitbrain_conflicts",
            "Batches or messages decided again because another writer was faster.",
            value=self._conflicts(),
        )
