"""Ids are the same in every process, and those of receipts sort by time."""

from urllib.parse import quote
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.identity import NAMESPACE, decision_id, id_of, plan_id, position_id, receipt_id

texts = st.text(st.characters(codec="utf-8"))


@given(parts=st.lists(texts | st.integers() | st.uuids(), min_size=1, max_size=5))
def test_an_id_is_the_uuid5_of_its_encoded_parts(parts: list[object]) -> None:
    name = "/".join(quote(str(part), safe="") for part in parts)

    assert id_of(*parts) == uuid5(uuid5(NAMESPACE_DNS, "exitbrain"), name)


def test_a_slash_in_a_part_does_not_make_another_part() -> None:
    assert id_of("a/b", "c") != id_of("a", "b/c")
    assert id_of("a%2Fb") != id_of("a/b")


def test_ids_stay_what_they_were() -> None:
    """Existing stores hold these; a change here would lose every position, plan and receipt."""
    position = position_id("default", "BTCUSDT", "BOTH", 1)

    assert str(position) == "6fb323ef-4eaa-5d07-aac0-c1b1c749ad29"
    assert str(plan_id(position)) == "386a2a42-fba6-54d1-a407-598a59b4d3d9"
    assert str(decision_id(plan_id(position), 1)) == "fc5eb985-1c27-5a38-9d0e-230adcda1fff"
    receipt = receipt_id("trade.intent", "1766619600684-0", 1766619600684)
    assert str(receipt) == "019b52bb-d72c-82f2-a29a-d477b84df42a"


@given(
    source=texts,
    entry=texts,
    earlier=st.integers(0, (1 << 48) - 2),
    gap=st.integers(1, 1000),
    other=texts,
)
def test_receipt_ids_sort_by_time(source: str, entry: str, earlier: int, gap: int, other: str) -> None:
    later = min(earlier + gap, (1 << 48) - 1)

    assert receipt_id(source, entry, earlier) < receipt_id(source, other, later)


@given(source=texts, entry=texts, time_ms=st.integers(-(1 << 60), 1 << 60))
def test_a_receipt_id_starts_with_its_milliseconds(source: str, entry: str, time_ms: int) -> None:
    made = receipt_id(source, entry, time_ms)

    assert made == receipt_id(source, entry, time_ms)
    assert made.int >> 80 == min(max(time_ms, 0), (1 << 48) - 1)
    assert made.version == 8
    assert made.variant == "specified in RFC 4122"


def test_receipts_of_one_moment_differ_by_source_and_entry() -> None:
    ids = {
        receipt_id(source, entry, 5)
        for source, entry in [("a", "b"), ("b", "a"), ("a/b", ""), ("a", "/b"), ("", "a/b")]
    }

    assert len(ids) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (position_id("a", "BTCUSDT", "BOTH", 1), position_id("a", "BTCUSDT", "BOTH", 2)),
        (position_id("a", "BTCUSDT", "BOTH", 1), position_id("a", "BTCUSDT", "LONG", 1)),
        (plan_id(NAMESPACE), decision_id(NAMESPACE, 1)),
        (decision_id(NAMESPACE, 1), decision_id(NAMESPACE, 11)),
    ],
)
def test_different_things_have_different_ids(one: UUID, other: UUID) -> None:
    assert one != other
