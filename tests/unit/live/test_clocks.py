"""The clock of the server and that of this machine: a difference is told when it begins and when it ends."""

from datetime import timedelta

from exitbrain.application.live.clocks import ClockCheck
from tests.event_loop import in_event_loop
from tests.names import STORE
from tests.streams_in_memory.streams import InMemorySource, InMemoryStreams
from tests.unit.observation.live_path import Told
from tests.world import NOON_MS, StoppedClock


@in_event_loop
async def test_clocks_that_come_to_differ_by_more_than_thirty_seconds_are_told_once_and_so_is_the_end() -> (
    None
):
    clock, told = StoppedClock(), Told()
    check = ClockCheck(InMemorySource(InMemoryStreams(lambda: NOON_MS), "worker", STORE), clock, told.journal)
    for off_s in (0, 30, -31, -100, 31, 5, -5):
        clock.at += timedelta(seconds=off_s)
        await check.run()
        clock.at -= timedelta(seconds=off_s)
    lines = [(line["level"], line["event"], line["server_ahead_s"]) for line in told.lines]
    assert lines == [("warning", "clocks_differ", 31.0), ("info", "clocks_agree_again", -5.0)]
    assert told.value("exitbrain_clock_difference_seconds") == 5
