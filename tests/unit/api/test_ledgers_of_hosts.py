"""A ledger that a host passes is judged as a store of our own is, before anything is done with it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from exitbrain import AlteredPolicy, ExitBrain, LogEntry, Record, StoreUnavailable, UnreadableEvent
from exitbrain.domain.policies.register import PolicyRegistered
from exitbrain.domain.store import FORMAT, StoreOpened
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import StoppedClock, World, rewritten


def begun() -> InMemoryLedger:
    ledger = InMemoryLedger()
    World(ledger=ledger).intent(symbol="BTCUSDT", side="BUY", leverage=10, entry_price=100, quantity=1)
    return ledger


def of_format(number: int) -> Callable[[Any], Any]:
    return lambda event: changed(event, format=number) if isinstance(event, StoreOpened) else None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            FORMAT + 1,
            rf"the ledger is of format {FORMAT + 1}; this version of ExitBrain reads up to {FORMAT}",
        ),
        (
            FORMAT - 1,
            rf"the ledger is of format {FORMAT - 1}, this version of ExitBrain reads format {FORMAT} alone",
        ),
    ],
)
def test_a_ledger_of_another_format_is_refused(number: int, said: str) -> None:
    with pytest.raises(StoreUnavailable, match=said):
        ExitBrain(rewritten(begun(), of_format(number)))


def test_a_ledger_that_was_not_begun_here_is_refused() -> None:
    elsewhere = InMemoryLedger()
    elsewhere.save(
        [
            Record(e.stream_id, e.version, e.event)
            for e in begun().log()
            if not isinstance(e.event, StoreOpened)
        ]
    )
    with pytest.raises(StoreUnavailable, match="the store has no id"):
        ExitBrain(elsewhere)


class Damaged(InMemoryLedger):
    """A ledger of which one entry cannot be read."""

    def __init__(self, position: int, topic: str) -> None:
        super().__init__()
        self._broken = UnreadableEvent(position, topic, "it is damaged")
        self.save([Record(e.stream_id, e.version, e.event) for e in begun().log()])

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        for entry in super().log(after, upto=upto, topics=topics):
            if entry.position == self._broken.position:
                raise self._broken
            yield entry

    def history(self, stream_id: UUID) -> tuple[Record, ...]:
        if any(e.stream_id == stream_id and e.position == self._broken.position for e in super().log()):
            raise self._broken
        return super().history(stream_id)


def test_a_ledger_with_news_of_a_later_version_is_refused() -> None:
    with pytest.raises(
        StoreUnavailable,
        match=r"the ledger holds at log position 7 the topic 'exitbrain\.Later', which this version",
    ):
        ExitBrain(Damaged(7, "exitbrain.Later"))


def test_a_ledger_whose_beginning_is_damaged_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        StoreUnavailable, match=r"the ledger cannot be worked on: event at log position 1 .* it is damaged"
    ):
        ExitBrain(Damaged(1, StoreOpened.TOPIC))


def test_a_damaged_decision_stops_nobody_and_is_the_matter_of_a_replay() -> None:
    ledger = Damaged(begun().head(), "exitbrain.LevelsComputed")
    assert ExitBrain(ledger).replay(context=True).unreadable == 1


def test_a_policy_that_was_edited_in_place_is_named() -> None:
    def edited(event: Any) -> Any:
        if isinstance(event, PolicyRegistered) and event.name == "v3.6":
            return changed(event, parameters={**event.parameters, "tp_costs": 4.0})
        return None

    with pytest.raises(
        AlteredPolicy, match=r"policy v3\.6 .* \(version 3 of the register\).* edited in place"
    ):
        ExitBrain(rewritten(begun(), edited), clock=StoppedClock())
