"""A lasting outage is told of once for all loops: when it begins, now and then, and when it is over."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

from exitbrain.application.live.supervisor import Supervisor
from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.infrastructure.observability.health import BEAT_S
from exitbrain.infrastructure.observability.journal import LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from tests.faults.simulation import virtual_time
from tests.unit.observation.live_path import Told, samples

LOOPS = ("read", "publish", "reclaim")


async def outage_of(seconds: float, log: io.StringIO, metrics: Metrics) -> Supervisor:
    """Run loops that all fail for so many seconds and work before and after that."""
    clock = asyncio.get_running_loop().time
    journal = LiveJournal(metrics, form="json", stream=log, clock=clock)
    supervisor = Supervisor(
        journal, transient=(SourceUnavailable,), give_up_after_s=10 * seconds, jitter=lambda: 0.5
    )

    def step(name: str) -> Callable[[], Awaitable[None]]:
        async def one() -> None:
            await asyncio.sleep(0.1)
            if 10 < clock() < 10 + seconds:
                raise SourceUnavailable(f"Redis is not available to {name}")

        return one

    async def beat() -> None:
        await asyncio.sleep(BEAT_S)
        journal.event("heartbeat", delay_s=0.0)

    for name in LOOPS:
        supervisor.start(name, step(name))
    supervisor.start("health", beat)
    asyncio.get_running_loop().call_later(seconds + 20, supervisor.stop)
    await supervisor.watch()
    await supervisor.join(5.0)
    return supervisor


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_outage_of_ten_minutes_is_a_handful_of_lines_at_growing_intervals() -> None:
    log, metrics = io.StringIO(), Metrics(mode="shadow")
    virtual_time.run(outage_of(600.0, log, metrics))

    lines = lines_of(log)
    assert [line["event"] for line in lines] == ["outage_begun", *["outage_lasts"] * 6, "outage_over"]
    assert [line["level"] for line in lines] == ["warning", *["error"] * 6, "info"]
    assert [int(line["lasted_s"]) for line in lines[1:]] == [5, 15, 35, 75, 155, 315, 600]
    assert lines[0]["error"] == "SourceUnavailable: Redis is not available to read"
    assert lines[1]["error"].count("Redis is not available to") == len(LOOPS)
    assert set(lines[-1]["loops"].split(", ")) == set(LOOPS)


def test_the_metrics_count_every_failure_that_the_log_sums_up() -> None:
    log, metrics = io.StringIO(), Metrics(mode="shadow")
    virtual_time.run(outage_of(60.0, log, metrics))

    counted = [
        samples(metrics)["exitbrain_loop_failures_total", frozenset({("loop", name)})] for name in LOOPS
    ]
    assert sum(counted) == lines_of(log)[-1]["failures"] > 100
    stalls = samples(metrics)["exitbrain_troubles_total", frozenset({("event", "loop_stalled")})]
    assert stalls == len(LOOPS)


def test_an_outage_lasts_until_every_loop_works_again_and_the_next_is_another() -> None:
    told = Told()
    for _ in range(2):
        told.journal.trouble("loop_failed", loop="read", error="gone")
        told.journal.trouble("loop_failed", loop="publish", error="gone")
        told.journal.event("loop_recovered", loop="read", after_failures=1)
        told.clock.seconds += 7
        told.journal.event("loop_recovered", loop="publish", after_failures=1)

    assert [line["event"] for line in told.lines] == ["outage_begun", "outage_over"] * 2
    assert [told.lines[1][name] for name in ("lasted_s", "failures", "loops")] == [7.0, 2, "read, publish"]


def test_a_loop_that_stands_still_without_a_failure_is_told_of_beside_an_outage() -> None:
    told = Told()
    told.journal.trouble("loop_failed", loop="read", error="gone")
    told.journal.trouble("loop_stalled", loop="read", silent_s=3.1, error="gone")
    told.journal.trouble("loop_stalled", loop="commit", silent_s=3.1, error="")
    told.journal.event("loop_moves_again", loop="read")
    told.journal.event("loop_moves_again", loop="commit")

    said = [(line["event"], line["loop"]) for line in told.lines]
    assert said == [("outage_begun", "read"), ("loop_stalled", "commit"), ("loop_moves_again", "commit")]


def test_at_debug_every_failure_is_a_line() -> None:
    told = Told("debug")
    for _ in range(3):
        told.journal.trouble("loop_failed", loop="read", error="gone", failures=1)

    assert len(told.named("loop_failed")) == 3
