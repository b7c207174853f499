"""The soak in short: it sends, watches, and finds every promise kept."""

import pytest

from tests.faults.soak import Plan, soak
from tests.own_time import OwnTime

pytestmark = pytest.mark.integration


def test_a_worker_that_is_watched_for_some_seconds_keeps_every_promise() -> None:
    report = soak(Plan(minutes=0.1, rate_per_s=50.0, seed=1), OwnTime)
    assert report.broken == []
    assert report.messages > 100
    assert report.published > report.messages
