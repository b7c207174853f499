"""Every event ever released can still be read: a stored sample of each class in each version."""

import importlib
import inspect
import pkgutil
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exitbrain.domain
from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.domain.catalogue import EVENT_CLASSES, ExitEvent
from exitbrain.domain.events import Event, Record
from exitbrain.domain.plans.exit_plan import (
    ExitPlan,
    ExitPlanOpened,
    LevelsComputed,
    LevelsRefused,
    PlannedExits,
    Revised,
)
from exitbrain.domain.positions.events import LeverageChanged
from exitbrain.domain.values import CausedBy
from exitbrain.infrastructure.event_store.mapper import (
    FOLDING_MAPPER,
    MAPPER,
    STORED_CLASSES,
    EventMapper,
    StoredClass,
)
from tests.replay.representative_events import COMPUTED, EVENTS, REFUSED, SAMPLES, STAMP, sample_of

STREAM = UUID(int=7)
STORED = {stored.cls: stored for stored in STORED_CLASSES}


def encoded(event: Any) -> bytes:
    return MAPPER.to_stored_event(Record(STREAM, 1, event)).state


def decoded(topic: str, state: bytes) -> Any:
    return MAPPER.to_domain_event(1, topic, state)


def classes_with_a_topic() -> set[type]:
    return {
        cls
        for module in pkgutil.walk_packages(exitbrain.domain.__path__, "exitbrain.domain.")
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if "TOPIC" in vars(cls) and cls is not Event
    }


def test_every_event_class_of_the_domain_is_stored_under_a_topic_of_its_own() -> None:
    assert classes_with_a_topic() == set(STORED)
    assert [stored.cls for stored in STORED_CLASSES] == list(get_args(ExitEvent)) == list(EVENT_CLASSES)
    assert len(MAPPER.topics) == len(STORED_CLASSES)


@pytest.mark.parametrize("stored", STORED_CLASSES, ids=lambda stored: stored.cls.__name__)
def test_every_version_of_every_stored_class_has_a_sample_that_is_still_read(stored: StoredClass) -> None:
    for version in range(1, stored.version + 1):
        sample = sample_of(stored.cls.TOPIC, version)
        assert sample.exists(), "write it with: python -m tests.replay.representative_events"
        assert type(decoded(stored.cls.TOPIC, sample.read_bytes())) is stored.cls


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_sample_of_the_present_version_is_the_event_and_is_written_byte_for_byte(event: Any) -> None:
    sample = sample_of(event.TOPIC, STORED[type(event)].version).read_bytes().removesuffix(b"\n")
    assert decoded(event.TOPIC, sample) == event
    assert encoded(event) == sample
    assert encoded(decoded(event.TOPIC, sample)) == sample


def test_no_sample_lacks_its_class() -> None:
    expected = {
        sample_of(stored.cls.TOPIC, version).name
        for stored in STORED_CLASSES
        for version in range(1, stored.version + 1)
    }
    assert {path.name for path in SAMPLES.iterdir()} == expected


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_state_begins_with_its_class_version(event: Any) -> None:
    assert encoded(event).startswith(f'{{"v":{STORED[type(event)].version},'.encode())


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back_with_the_same_64_bits(before: float, after: float) -> None:
    event = decoded(LeverageChanged.TOPIC, encoded(LeverageChanged(before, after, STAMP)))
    assert struct.pack("<2d", event.before, event.after) == struct.pack("<2d", before, after)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_comes_back_with_the_same_digits_and_exponent(number: Decimal) -> None:
    event = EVENTS[[type(event).__name__ for event in EVENTS].index("ExitPlanOpened")]
    opened = type(event)(event.position_id, "a", "S", event.side, number, STAMP)
    assert decoded(opened.TOPIC, encoded(opened)).quantity.as_tuple() == number.as_tuple()


def test_the_cause_of_an_event_is_stored_as_its_receipt_and_a_message_is_not_named_as_the_kind() -> None:
    state = encoded(LeverageChanged(20.0, 12.5, STAMP))
    assert f'"stamp":{{"receipt_id":"{STAMP.cause_id}",'.encode() in state
    assert b'"by"' not in state
    assert decoded(LeverageChanged.TOPIC, state).stamp.by is CausedBy.MESSAGE


def test_for_folding_a_decision_is_read_only_as_far_as_the_plan_needs() -> None:
    narrow = FOLDING_MAPPER.to_domain_event(1, LevelsComputed.TOPIC, encoded(COMPUTED))
    assert narrow == Revised(
        COMPUTED.revision,
        COMPUTED.quantity,
        COMPUTED.harvest,
        COMPUTED.policy,
        PlannedExits(COMPUTED.levels.triggers, COMPUTED.levels.slices),
    )
    assert LevelsRefused.TOPIC in FOLDING_MAPPER.topics


def test_a_plan_that_is_loaded_is_the_plan_that_decided() -> None:
    decided, loaded = ExitPlan(STREAM), ExitPlan(STREAM)
    for event in EVENTS[[type(event) for event in EVENTS].index(ExitPlanOpened)], COMPUTED, REFUSED:
        decided.apply(event)
        loaded.apply(FOLDING_MAPPER.to_domain_event(1, event.TOPIC, encoded(event)))
        assert [getattr(loaded, slot) for slot in ExitPlan.__slots__] == [
            getattr(decided, slot) for slot in ExitPlan.__slots__
        ]


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("exitbrain.Unheard", b'{"v":1}', "does not know the topic"),
        (LeverageChanged.TOPIC, b'{"v":2,"before":1.0,"after":2.0}', "class version 2"),
        (LeverageChanged.TOPIC, b'{"v":0,"before":1.0,"after":2.0}', "class version 0"),
        (LeverageChanged.TOPIC, b'{"before":1.0,"after":2.0}', "missing required field `v`"),
        (LeverageChanged.TOPIC, b'{"v":1,"before":"x","after":2.0}', "Expected `float`"),
        (LeverageChanged.TOPIC, b'{"v":1,"before":1.0}', "missing required field `after`"),
        (LeverageChanged.TOPIC, b'{"v":1,"before":1.0', "truncated"),
        ("exitbrain.PolicyActivated", b'{"v":1,"name":"\xff"}', "utf-8"),
        (LeverageChanged.TOPIC, b'{"v":1,"x":' + b"[" * 100_000, "recursion"),
        (LeverageChanged.TOPIC, b"", "truncated"),
        (
            "exitbrain.InstrumentSnapshotTaken",
            b'{"v":1,"instrument":{"symbol":"S","tick_size":"-1"}}',
            "a number from 1e-15 to 1e15",
        ),
    ],
)
def test_what_can_not_be_read_is_named_with_position_topic_and_reason(
    topic: str, state: bytes, why: str
) -> None:
    with pytest.raises(UnreadableEvent) as caught:
        MAPPER.to_domain_event(42, topic, state)
    assert (caught.value.position, caught.value.topic) == (42, topic)
    assert why in caught.value.why


def test_a_state_that_is_written_in_another_style_is_read_all_the_same() -> None:
    state = sample_of(LeverageChanged.TOPIC, 1).read_bytes().replace(b":", b" : ", 1)
    assert decoded(LeverageChanged.TOPIC, state) == LeverageChanged(20.0, 12.5, STAMP)


class _Renamed(Event, frozen=True):
    """A class in its third version: `amount` was called `quantity` in the first, `note` is new in the third."""

    TOPIC = "test.Renamed"

    amount: Decimal
    at: UUID
    note: str | None


def _rename(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "amount": content["quantity"]}


def _without_note(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "note": None}


@pytest.mark.parametrize(
    "state",
    [
        b'{"v":1,"quantity":"1.50","at":"00000000-0000-0000-0000-000000000007"}',
        b'{"v":2,"amount":"1.50","at":"00000000-0000-0000-0000-000000000007"}',
        b'{"v":3,"amount":"1.50","at":"00000000-0000-0000-0000-000000000007","note":null}',
    ],
)
def test_an_older_version_is_led_up_step_by_step_and_what_it_lacked_stays_absent(state: bytes) -> None:
    mapper = EventMapper([StoredClass(_Renamed, (_rename, _without_note))])
    event = mapper.to_domain_event(1, _Renamed.TOPIC, state)
    assert event == _Renamed(Decimal("1.50"), STREAM, None)
    assert mapper.to_stored_event(Record(STREAM, 1, event)).state.startswith(b'{"v":3,')


def test_an_object_that_is_no_stored_event_is_not_written() -> None:
    with pytest.raises(TypeError, match="Path is not among"):
        encoded(Path())
