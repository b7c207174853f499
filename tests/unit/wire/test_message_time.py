"""The time of a message: its forms, its origins, and what is not guessed."""

import json
from datetime import UTC, datetime

import pytest

from exitbrain.domain.messages.message import MessageTime
from exitbrain.domain.values import Assumption, TimeOrigin
from exitbrain.infrastructure.wire.message_time import _ISO, time_of
from tests.unit.wire.made import INTENT, intent, translated


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2025-12-24T04:32:14.062679Z", datetime(2025, 12, 24, 4, 32, 14, 62679, UTC)),
        ("2025-12-24t04:32:14z", datetime(2025, 12, 24, 4, 32, 14, 0, UTC)),
        ("2025-12-24 04:32+00:00", datetime(2025, 12, 24, 4, 32, 0, 0, UTC)),
        ("2025-12-24T04:32:14.5+05:30", datetime(2025, 12, 23, 23, 2, 14, 500000, UTC)),
        ("2025-12-24T04:32:14-0800", datetime(2025, 12, 24, 12, 32, 14, 0, UTC)),
        ("2025-12-24T04:32:14.123456789Z", datetime(2025, 12, 24, 4, 32, 14, 123456, UTC)),
        ("1766612429", datetime(2025, 12, 24, 21, 40, 29, 0, UTC)),
        ("1766612429.123456", datetime(2025, 12, 24, 21, 40, 29, 123456, UTC)),
        ("1766612429.1234569", datetime(2025, 12, 24, 21, 40, 29, 123456, UTC)),
        ("1766612429.", datetime(2025, 12, 24, 21, 40, 29, 0, UTC)),
        ("1766612429000", datetime(2025, 12, 24, 21, 40, 29, 0, UTC)),
        (" 1766618601217.25 ", datetime(2025, 12, 24, 23, 23, 21, 217250, UTC)),
        ("946684800", datetime(2000, 1, 1, tzinfo=UTC)),
        ("4133980799999", datetime(2100, 12, 31, 23, 59, 59, 999000, UTC)),
    ],
)
def test_a_time_is_read_to_the_microsecond(given: str, at: datetime) -> None:
    time, assumptions = time_of(given, None, "bot")
    assert (time.at, time.origin, assumptions) == (at, TimeOrigin.PAYLOAD, ())


@pytest.mark.parametrize("number", [1766612429000, 1766612429, 1766612429.0])
def test_a_time_may_be_a_json_number(number: float) -> None:
    assert intent(timestamp=number).time.at == datetime(2025, 12, 24, 21, 40, 29, 0, UTC)


def test_a_time_without_offset_is_taken_as_utc_and_that_is_recorded() -> None:
    time, assumptions = time_of("2025-12-24T04:32:14.062679", None, "bot")
    assert time.at == datetime(2025, 12, 24, 4, 32, 14, 62679, UTC)
    assert assumptions == (
        Assumption("timestamp", "2025-12-24T04:32:14.062679", "no offset given, taken as UTC (payload)"),
    )


@pytest.mark.parametrize(
    "given",
    ["soon", "2025-12-24", "2025-13-01T00:00:00Z", "2025-02-29T00:00Z", "2025-12-24T24:00:00Z", "20251224T043214Z",
     "2025-12-24T04:32:60Z", "2025-W52-3T04:32:14Z", "1e9", "-1766612429", "1766612429000000", "9" * 5000,
     "2025-12-24T04:32:14+24:00", True, ["2025"], {"at": 1}, "\ud800", "nan"],
)  # fmt: skip
def test_what_is_no_time_is_recorded_and_the_next_origin_is_used(given: object) -> None:
    time, assumptions = time_of(given, "1766612429", "bot")
    assert (time.at, time.origin) == (datetime(2025, 12, 24, 21, 40, 29, 0, UTC), TimeOrigin.ENVELOPE)
    assert [(doubt.field, doubt.why) for doubt in assumptions] == [
        ("timestamp", "not a time, so not used (payload)")
    ]


@pytest.mark.parametrize(
    "given",
    ["1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "0", "946684799", "0001-01-01T00:00:00-01:00", "9999999999"],
)  # fmt: skip
def test_a_time_of_another_century_is_recorded_and_not_used(given: str) -> None:
    time, assumptions = time_of(given, None, "bot")
    assert time == MessageTime(None, None)
    assert [doubt.why for doubt in assumptions] == ["not of the years 2000 to 2100, so not used (payload)"]


def test_a_time_that_an_offset_moves_out_of_the_calendar_is_not_used() -> None:
    time, assumptions = time_of("9999-12-31T23:59:59-23:59", None, "bot")
    assert time == MessageTime(None, None)
    assert len(assumptions) == 1


def test_the_payload_is_asked_before_the_envelope_and_nothing_is_invented() -> None:
    payload = json.dumps(INTENT | {"timestamp": "2026-01-08T00:00:00Z"})
    both = translated({"payload": payload, "timestamp": "2026-01-09T00:00:00Z"})
    assert (both.time.at, both.time.origin) == (datetime(2026, 1, 8, tzinfo=UTC), TimeOrigin.PAYLOAD)
    around = translated({"payload": json.dumps(INTENT), "timestamp": "2026-01-09T00:00:00Z"})
    assert (around.time.at, around.time.origin) == (datetime(2026, 1, 9, tzinfo=UTC), TimeOrigin.ENVELOPE)
    assert translated({"payload": json.dumps(INTENT)}).time == MessageTime(None, None)


def test_the_time_of_a_flat_message_is_that_of_its_payload() -> None:
    time = translated(INTENT | {"timestamp": "2026-01-08T00:00:00Z"}).time
    assert time.origin is TimeOrigin.PAYLOAD


def test_a_time_of_the_usual_length_is_one_only_where_the_pattern_says_so() -> None:
    usual = "2026-01-12T23:58:57.123456+00:00"
    pieces = [*"0129٣WZTt -+:.,_", "24", "60", "13", "+00", "W01", "+00:00"]
    for at in range(len(usual)):
        for piece in pieces:
            text = usual[:at] + piece + usual[at + len(piece) :]
            read = time_of(text, None, "bot")[0].at is not None
            assert not read or _ISO.fullmatch(text.strip().upper()), text


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("2025-12-24T04:32:14.062679+00:00", "iso"),
        ("2025-12-24T04:32:14-0800", "iso"),
        ("2025-12-24T04:32:14", "iso-local"),
        ("1766612429", "epoch-s"),
        (1766612429.5, "epoch-s"),
        (1766612429000, "epoch-ms"),
    ],
)
def test_a_clock_is_told_by_producer_place_and_form(given: object, form: str) -> None:
    assert intent(timestamp=given, source=" bot ").time.clock == f"bot|payload|{form}"
    around = translated({"payload": json.dumps(INTENT | {"source": "bot"}), "timestamp": str(given)})
    assert around.time.clock == f"bot|envelope|{form}"


@pytest.mark.parametrize("source", [None, "", " ", "unknown", "None", "-", ["bot"]])
def test_without_a_producer_the_clock_is_that_of_the_stream(source: object) -> None:
    assert intent(timestamp=1766612429, source=source).time.clock == "stream trade.intent|payload|epoch-s"


def test_the_producer_is_asked_of_the_payload_before_the_envelope() -> None:
    payload = INTENT | {"timestamp": 1766612429}
    inside = translated({"payload": json.dumps(payload | {"source": "inner"}), "source": "outer"})
    assert inside.time.clock == "inner|payload|epoch-s"
    around = translated({"payload": json.dumps(payload | {"source": "?"}), "source": "outer"})
    assert around.time.clock == "outer|payload|epoch-s"


def test_a_message_without_time_has_no_clock() -> None:
    assert intent(source="bot").time.clock is None


def test_the_clock_stays_short_whatever_the_producer_writes() -> None:
    assert len(intent(timestamp=1766612429, source="x" * 60_000).time.clock or "") < 300
