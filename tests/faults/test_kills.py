"""Workers are killed at random moments, servers restarted, connections cut: nothing is lost, nothing is doubled.

The long form is `make torture`; docs/reliability.md has its figures.
"""

import sys

import pytest

from tests.faults.processes.run import Plan, Report, perform
from tests.own_time import OwnTime

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def _performed(plan: Plan) -> Report:
    def tell(done: int) -> None:
        sys.stdout.write(f"{done} of {plan.kills} kills, seed {plan.seed}\n")

    report = perform(plan, tell, OwnTime)
    for name, log in report.logs.items():
        sys.stdout.write(f"--- the end of the log of {name}\n{log[-5000:]}\n")
    return report


def test_nothing_is_lost_or_doubled_when_workers_on_sqlite_are_killed_and_redis_restarts() -> None:
    # Few symbols and many messages, so that one decided out of order would be seen.
    report = _performed(
        Plan(
            kills=25,
            store="sqlite",
            seed=20261122,
            redis_restarts=1,
            pause_s=0.05,
            rate_per_s=60.0,
            symbols=8,
        )
    )
    assert report.broken == []
    assert sum(report.kills.values()) >= 22
    assert report.restarts == {"redis": 1}
    assert report.messages > 0
    assert "SUPERSEDED" not in report.outcomes


def test_nothing_is_lost_or_doubled_when_workers_on_postgresql_are_killed_and_both_servers_restart() -> None:
    report = _performed(
        Plan(kills=8, store="postgresql", seed=20261123, workers=2, redis_restarts=1, store_restarts=1)
    )
    assert report.broken == []
    assert sum(report.kills.values()) >= 6
    assert report.restarts == {"redis": 1, "postgresql": 1}
    assert report.messages > 0
