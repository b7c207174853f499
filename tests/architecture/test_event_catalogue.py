"""Every event class says what it is, and whatever must be written by hand for it is written."""

from docs.generate import EMITTED_BY, event_catalogue

import exitbrain
from exitbrain.domain.catalogue import (
    BEGINNING_TOPICS,
    DECISION_TOPICS,
    EVENT_CLASSES,
    PUBLISHED_TOPICS,
    topics_about,
)
from exitbrain.domain.events import About
from exitbrain.infrastructure.presentation.events import SENTENCES
from exitbrain.infrastructure.wire.published_shapes import PAYLOADS, SHAPES
from tests.replay.representative_events import EVENTS


def test_every_event_has_a_sentence_a_sample_and_a_line_in_the_docs() -> None:
    classes = set(EVENT_CLASSES)
    page = event_catalogue()

    assert set(SENTENCES) == classes
    assert {type(event) for event in EVENTS} == classes
    assert set(EMITTED_BY) == classes
    assert [cls for cls in EVENT_CLASSES if f"| {cls.LABEL} | [{cls.__name__}]" not in page] == []


def test_every_event_declares_facts_of_its_own() -> None:
    for cls in EVENT_CLASSES:
        assert {"TOPIC", "LABEL", "ABOUT"} <= vars(cls).keys(), cls
    assert len({cls.TOPIC for cls in EVENT_CLASSES}) == len(EVENT_CLASSES)
    assert len({cls.LABEL for cls in EVENT_CLASSES}) == len(EVENT_CLASSES)


def test_what_is_published_has_a_payload_for_each_of_its_types_and_no_type_is_used_twice() -> None:
    types = [event_type for cls in EVENT_CLASSES for event_type in cls.PUBLISHED_AS]

    assert set(PAYLOADS) == {cls for cls in EVENT_CLASSES if cls.PUBLISHED_AS}
    assert sorted(types) == sorted(SHAPES)
    assert {cls.TOPIC for cls in PAYLOADS} == set(PUBLISHED_TOPICS)


def test_every_event_is_public() -> None:
    assert {cls.__name__ for cls in EVENT_CLASSES} <= set(exitbrain.__all__)


def test_the_lists_of_topics_say_what_is_meant() -> None:
    """What readers of the log rely on, written out: a class that declares something else changes what they read."""
    assert DECISION_TOPICS == ("exitbrain.LevelsComputed", "exitbrain.LevelsRefused")
    assert BEGINNING_TOPICS == (
        "exitbrain.StoreOpened",
        "exitbrain.EpochRaised",
        "exitbrain.IntakeConfigured",
        "exitbrain.MessageReceived",
    )
    assert topics_about(About.REGISTER) == ("exitbrain.PolicyRegistered", "exitbrain.PolicyActivated")
    assert topics_about(About.POSITION) == (
        "exitbrain.PositionOpened",
        "exitbrain.PositionIncreased",
        "exitbrain.LeverageChanged",
        "exitbrain.PositionReduced",
        "exitbrain.PositionClosed",
        "exitbrain.CloseReported",
    )
    assert topics_about(About.PLAN) == (
        "exitbrain.ExitPlanOpened",
        "exitbrain.LevelsComputed",
        "exitbrain.LevelsRefused",
        "exitbrain.ExitPlanResized",
        "exitbrain.ExitPlanCompleted",
        "exitbrain.ExitPlanCancelled",
    )
