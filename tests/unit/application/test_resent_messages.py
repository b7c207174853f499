"""Messages that come again: under a new entry id with the producer's own id, or trimmed after they were recorded."""

from typing import Any

import pytest

from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.receipt import Disposition, RawFields, Reason, Refusal
from exitbrain.domain.values import changed
from tests.world import World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


@pytest.mark.parametrize("field", ["trace_id", "event_id", "correlation_id"])
def test_a_resent_message_counts_once_where_its_own_id_is_asked_for(field: str) -> None:
    world = World(settings=DecisionSettings(dedupe_by=field))
    assert world.intent(**LONG, **{field: "a"}).disposition is Disposition.ACCEPTED
    again = world.intent(**LONG, **{field: "a"})
    assert (again.disposition, again.reason, again.duplicate) == (
        Disposition.IGNORED,
        Reason.DUPLICATE_MESSAGE,
        False,
    )
    assert world.intent(**LONG, **{field: "b"}).disposition is Disposition.ACCEPTED
    assert world.intent(**LONG).disposition is Disposition.ACCEPTED
    world.check_every_replay_is_exact()


def test_without_the_setting_only_the_entry_id_counts() -> None:
    world = World()
    outcomes = [world.intent(**LONG, trace_id="a") for _ in range(2)]
    assert [outcome.disposition for outcome in outcomes] == [Disposition.ACCEPTED] * 2


def test_a_resent_message_in_the_same_batch_counts_once() -> None:
    world = World(settings=DecisionSettings(dedupe_by="trace_id"))
    batch = [world.message("trade.intent", {**LONG, "trace_id": "a"}) for _ in range(3)]
    reasons = [outcome.reason for outcome in world.recorder.handle_batch(batch)]
    assert reasons == [None, Reason.DUPLICATE_MESSAGE, Reason.DUPLICATE_MESSAGE]
    world.check_every_replay_is_exact()


def test_a_message_that_did_nothing_does_not_use_up_its_id() -> None:
    world = World(settings=DecisionSettings(dedupe_by="trace_id"))
    close = {"symbol": "BTCUSDT", "trace_id": "a"}
    assert world.closed(**close).reason is Reason.NO_OPEN_POSITION
    world.intent(**LONG)
    assert world.closed(**close).disposition is Disposition.ACCEPTED
    assert world.closed(**close).reason is Reason.DUPLICATE_MESSAGE
    world.check_every_replay_is_exact()


def test_an_entry_trimmed_after_it_was_recorded_is_a_duplicate_and_one_trimmed_before_is_kept_as_lost() -> (
    None
):
    world = World()
    message = world.message("trade.intent", LONG)
    lost = Refusal(Reason.TRIMMED, "entry", message.entry_id, "an entry still in the stream")
    trimmed = changed(message, fields=RawFields({}, {}), broken=lost)
    world.recorder.handle(message)
    assert world.recorder.handle(trimmed).duplicate

    unseen = world.message("trade.intent", LONG)
    outcome = world.recorder.handle(changed(unseen, fields=RawFields({}, {}), broken=lost))
    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.TRIMMED)
    world.check_every_replay_is_exact()


def test_an_entry_recorded_as_trimmed_stays_so_though_another_worker_holds_its_content() -> None:
    world = World()
    older, newer = world.message("trade.intent", LONG), world.message("trade.intent", LONG)
    lost = Refusal(Reason.TRIMMED, "entry", older.entry_id, "an entry still in the stream")
    world.recorder.handle(changed(older, fields=RawFields({}, {}), broken=lost))
    world.recorder.handle(newer)
    late = world.recorder.handle(older)
    assert (late.duplicate, late.reason) == (True, Reason.TRIMMED)
    world.check_every_replay_is_exact()
