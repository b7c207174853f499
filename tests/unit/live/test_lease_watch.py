"""Who stands by judges whoever holds the lease by what moves and what waits."""

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.ports.message_source import Lease
from tests.unit.observation.live_path import Told


class Watched:
    """A watch that is told of a lease once a second."""

    def __init__(self) -> None:
        self.told = Told()
        self.watch = LeaseWatch(self.told.journal)
        self.now = 0.0

    def look(self, *, holder: str = "a", known: bool = True, waiting: int = 0, at: int = 0) -> None:
        self.now += 1.0
        lease = Lease(holder, known=known, endless=False, waiting=waiting, delivered=(f"{at}-0",))
        self.watch.look(lease, self.now)

    @property
    def events(self) -> list[object]:
        return [line["event"] for line in self.told.lines]

    @property
    def why(self) -> str:
        return self.watch.why_idle(self.now)


def test_a_colleague_that_reads_is_fine_however_much_waits() -> None:
    watched = Watched()
    for at in range(10):
        watched.look(waiting=1000 + at, at=at)

    assert (watched.why, watched.events) == ("", [])


def test_a_colleague_that_has_nothing_to_read_is_fine() -> None:
    watched = Watched()
    for _ in range(10):
        watched.look()

    assert (watched.why, watched.events) == ("", [])


def test_one_that_keeps_the_lease_and_does_not_read_is_told_once_until_somebody_reads() -> None:
    watched = Watched()
    for _ in range(8):
        watched.look(waiting=3)
    assert watched.why == "a holds the lease and has read nothing for 7.0 s, while 3 entries wait"
    assert watched.events == ["turn_unused"]

    watched.look(waiting=2, at=1)
    assert (watched.why, watched.events) == ("", ["turn_unused", "turn_used_again"])


def test_strangers_that_hand_the_lease_on_to_each_other_do_not_begin_anew() -> None:
    watched = Watched()
    for number in range(8):
        watched.look(holder=f"stranger-{number}", known=False, waiting=3)

    assert watched.why.startswith("stranger-7 holds the lease and has read nothing for 7.0 s")


def test_a_lease_that_ends_or_is_ours_is_nothing_to_complain_of() -> None:
    watched = Watched()
    for _ in range(8):
        watched.look(waiting=3)
    watched.watch.look(None, watched.now)

    assert (watched.why, watched.events[-1]) == ("", "turn_used_again")


def test_an_unknown_holder_is_told_only_once_it_has_had_time_to_read() -> None:
    watched = Watched()
    for _ in range(3):
        watched.look(known=False)
    assert watched.events == []
    for _ in range(3):
        watched.look(known=False)
    assert watched.events == ["turn_of_unknown"]
