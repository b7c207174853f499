"""Refused messages found again and sent again: only when it can be of use."""

from collections.abc import Mapping
from typing import Any

import pytest

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.queries import dead_letters
from exitbrain.application.queries.dead_letters import NotRetried, Retried
from exitbrain.application.queries.lookup import Ambiguous, NotFound
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.infrastructure.wire.dead_letter import corrected
from exitbrain.infrastructure.wire.stream_entry import from_entry
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.names import dead_letters_of
from tests.streams_in_memory.dead_letters import InMemoryDeadLetters
from tests.streams_in_memory.streams import InMemoryStreams
from tests.unit.wire.published_world import outgoing
from tests.world import MAX_BYTES, NOON_MS, World

INTENTS = "quantum:stream:trade.intent"
BAD = {"symbol": "BTCUSDT", "side": "BUY", "leverage": "400"}


class Desk:
    """A world whose messages come from streams and whose refused ones go to the dead letters."""

    def __init__(self) -> None:
        self.world = World()
        self.streams = InMemoryStreams(lambda: NOON_MS)
        self.letters = InMemoryDeadLetters(self.streams)
        self._taken: set[tuple[str, str]] = set()
        self._published = 0

    def send(self, fields: Mapping[str, str], stream: str = INTENTS) -> MessageResult:
        """Send a message and work until it is recorded and published."""
        self.streams.add(stream, fields)
        return self.work()[-1]

    def work(self) -> list[MessageResult]:
        outcomes = []
        for stream in (INTENTS, "quantum:stream:trade.closed"):
            for entry_id, fields in self.streams.entries(stream):
                if (stream, entry_id) not in self._taken:
                    self._taken.add((stream, entry_id))
                    message = from_entry(stream, entry_id, fields, max_bytes=MAX_BYTES)
                    outcomes.append(self.world.recorder.handle(message))
        for entry in outgoing(self.world)[self._published :]:
            self.streams.add(entry.stream, entry.fields)
            self._published += 1
        return outcomes

    def retry(self, wanted: str, *, ledger: ExitLedger | None = None, **corrections: str) -> Retried:
        letter = dead_letters.find(self.letters, wanted)
        fields = corrected(letter.fields, corrections)
        return dead_letters.retry(self.letters, letter, fields, translator=WireTranslator(), ledger=ledger)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_corrected_retry_is_a_new_message_that_names_the_refused_one(desk: Desk) -> None:
    refused = desk.send(BAD)

    retried = desk.retry(refused.entry_id, leverage="20")
    (outcome,) = desk.work()

    assert retried == Retried(outcome.entry_id, INTENTS, refused.entry_id, checked=False)
    assert outcome.entry_id != refused.entry_id
    assert outcome.disposition is Disposition.ACCEPTED
    assert desk.streams.entries(INTENTS)[-1][1] == {**BAD, "leverage": "20", "retry_of": refused.entry_id}


def test_what_would_be_refused_again_is_not_sent(desk: Desk) -> None:
    refused = desk.send(BAD)

    with pytest.raises(NotRetried, match="would be refused again: leverage is 500; allowed: a number from 1"):
        desk.retry(refused.entry_id, leverage="500")

    assert len(desk.streams.entries(INTENTS)) == 1


def test_a_retry_of_a_retry_names_the_first_message(desk: Desk) -> None:
    first = desk.send(BAD)
    second = desk.send({**BAD, "retry_of": first.entry_id})

    retried = desk.retry(second.entry_id, leverage="20")

    assert retried.retry_of == first.entry_id


def test_after_an_accepted_retry_no_other_is_sent(desk: Desk) -> None:
    first = desk.send(BAD)
    second = desk.send({**BAD, "retry_of": first.entry_id})
    accepted = desk.retry(first.entry_id, ledger=desk.world.ledger, leverage="20")
    desk.work()

    for entry_id in (first.entry_id, second.entry_id):
        with pytest.raises(NotRetried, match=f"was accepted already: {accepted.entry_id}"):
            desk.retry(entry_id, ledger=desk.world.ledger, leverage="20")


def test_a_retry_that_was_ignored_or_is_of_another_message_does_not_stand_in_the_way(desk: Desk) -> None:
    first = desk.send(BAD)
    other = desk.send({**BAD, "symbol": "ETHUSDT"})
    desk.send({**BAD, "side": "HOLD", "retry_of": first.entry_id})
    desk.send({**BAD, "leverage": "20", "retry_of": other.entry_id})

    assert desk.retry(first.entry_id, ledger=desk.world.ledger, leverage="20").checked


def test_a_store_of_other_streams_is_noticed(desk: Desk) -> None:
    refused = desk.send(BAD)

    with pytest.raises(NotRetried, match="has no receipt in the store"):
        desk.retry(refused.entry_id, ledger=World().ledger, leverage="20")


def test_a_message_that_was_not_refused_is_none_to_retry(desk: Desk) -> None:
    accepted = desk.send({**BAD, "leverage": "20"})

    with pytest.raises(NotFound, match="no refused message"):
        desk.retry(accepted.entry_id)


def test_a_message_that_was_not_kept_whole_is_not_sent(desk: Desk) -> None:
    refused = desk.send({**BAD, "note": "x" * MAX_BYTES})

    with pytest.raises(NotRetried, match="only the first were kept"):
        desk.retry(refused.entry_id, leverage="20")


def test_a_message_that_was_trimmed_away_is_not_sent(desk: Desk) -> None:
    trimmed = from_entry(INTENTS, "5-0", {}, max_bytes=MAX_BYTES)
    assert desk.world.recorder.handle(trimmed).reason is Reason.TRIMMED
    desk.work()

    with pytest.raises(NotRetried, match="nothing of it was kept"):
        desk.retry("5-0")


def test_letters_of_both_streams_are_listed_in_the_order_of_recording(desk: Desk) -> None:
    at = desk.world.clock.at
    intent = desk.send(BAD)
    desk.world.clock.at = at.replace(minute=1)
    close = desk.send({"exit_price": "1"}, "quantum:stream:trade.closed")
    desk.world.clock.at = at.replace(minute=2)
    later = desk.send(BAD)
    desk.streams.add(dead_letters_of(TRADE_CLOSED), {"payload": "not ours"})

    found, unreadable = dead_letters.all_letters(desk.letters)

    assert [letter.entry_id for letter in found] == [intent.entry_id, close.entry_id, later.entry_id]
    assert len(unreadable) == 1
    assert [letter.source for letter in dead_letters.all_letters(desk.letters, [TRADE_CLOSED])[0]] == [
        TRADE_CLOSED
    ]


def test_a_letter_is_found_by_the_beginning_of_its_id_when_only_one_begins_so(desk: Desk) -> None:
    first, second = desk.send(BAD), desk.send(BAD)

    assert first.entry_id == f"{NOON_MS}-0"
    assert dead_letters.find(desk.letters, f"{NOON_MS}-1").entry_id == second.entry_id
    with pytest.raises(Ambiguous, match="fits 2 refused messages"):
        dead_letters.find(desk.letters, str(NOON_MS))
    with pytest.raises(NotFound):
        dead_letters.find(desk.letters, "")


def test_an_id_that_is_another_s_beginning_means_the_whole_one(desk: Desk) -> None:
    for _ in range(11):
        desk.send(BAD)

    assert dead_letters.find(desk.letters, f"{NOON_MS}-1").entry_id == f"{NOON_MS}-1"


def test_equal_ids_of_two_streams_need_the_stream(desk: Desk) -> None:
    intent = desk.send(BAD)
    close: Any = desk.send({"exit_price": "1"}, "quantum:stream:trade.closed")
    assert intent.entry_id == close.entry_id

    with pytest.raises(Ambiguous, match=r"trade.intent, .* of trade.closed"):
        dead_letters.find(desk.letters, intent.entry_id)
    assert dead_letters.find(desk.letters, intent.entry_id, [TRADE_INTENT]).source == TRADE_INTENT


def test_a_letter_that_was_published_twice_is_one(desk: Desk) -> None:
    refused = desk.send(BAD)
    (entry,) = desk.streams.entries(dead_letters_of(TRADE_INTENT))
    desk.streams.add(dead_letters_of(TRADE_INTENT), entry[1])

    assert dead_letters.find(desk.letters, refused.entry_id).entry_id == refused.entry_id
