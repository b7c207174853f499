"""The end of the log as a worker remembers it: whole, or not at all."""

from uuid import UUID

from exitbrain.domain.events import Record
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.infrastructure.worker.recent_log import RecentLog

TOPICS = frozenset({KeyClaimed.TOPIC})
NOBODY = UUID(int=0)


def records(*numbers: int) -> list[Record]:
    return [
        Record(UUID(int=number), 1, KeyClaimed("kind", "default", "BTCUSDT", str(number), None, NOBODY))
        for number in numbers
    ]


def positions(recent: RecentLog, after: int, limit: int = 100) -> list[int] | None:
    known = recent.after(after, limit, TOPICS)
    return None if known is None else [entry.position for entry in known[0]]


def test_what_was_saved_is_known_from_any_position_on() -> None:
    recent = RecentLog()
    recent.note(records(11, 12), last=12)
    recent.note(records(13), last=13)
    assert recent.after(11, 100, TOPICS) == (recent.after(10, 100, TOPICS)[0][1:], 13)  # type: ignore[index]
    assert [positions(recent, after) for after in (10, 11, 12, 13)] == [[11, 12, 13], [12, 13], [13], []]


def test_no_more_than_the_limit_is_looked_at_and_told_how_far_that_was() -> None:
    recent = RecentLog()
    recent.note(records(1, 2, 3), last=3)
    assert recent.after(0, 2, TOPICS) is not None
    assert positions(recent, 0, limit=2) == [1, 2]
    assert recent.after(0, 2, frozenset()) == ([], 2)


def test_what_is_further_back_or_beyond_the_end_is_not_known() -> None:
    recent = RecentLog()
    recent.note(records(11, 12), last=12)
    assert positions(recent, 9) is None
    assert positions(recent, 14) is None


def test_after_somebody_else_has_written_only_what_came_later_is_known() -> None:
    recent = RecentLog()
    recent.note(records(1, 2), last=2)
    recent.note(records(4), last=4)  # position 3 is not ours
    assert positions(recent, 2) is None
    assert positions(recent, 3) == [4]


def test_it_forgets_the_oldest_and_never_what_it_promises_to_keep() -> None:
    recent = RecentLog(least=4)
    for number in range(1, 30):
        recent.note(records(number), last=number)
        assert positions(recent, max(0, number - 4)) == list(range(max(0, number - 4) + 1, number + 1))
    assert positions(recent, 1) is None
