"""A message made from the joined text of an entry equals that made field by field, whatever the entry holds."""

from hashlib import sha1

from hypothesis import given
from hypothesis import strategies as st

from exitbrain.infrastructure.wire.stream_entry import digest_of, from_content, from_entry
from tests.names import TRADE_INTENTS

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(str.encode)
BINARY = st.binary(max_size=12)
PART = st.one_of(TEXT, TEXT, TEXT, BINARY)
PAIRS = st.lists(st.tuples(PART, PART), min_size=1, max_size=6, unique_by=lambda pair: pair[0])
IDS = st.one_of(
    st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), st.just((2**63 - 1, 2**63 - 1))
)


@given(pairs=PAIRS, entry_id=IDS, max_bytes=st.one_of(st.integers(0, 60), st.just(65_536)))
def test_joined_and_field_by_field_give_the_same_message_and_digest(
    pairs: list[tuple[bytes, bytes]], entry_id: tuple[int, int], max_bytes: int
) -> None:
    parts = [part for pair in pairs for part in pair]
    content = parts if any(b"\0" in part for part in parts) else b"\0".join(parts)
    text = f"{entry_id[0]}-{entry_id[1]}"
    message, digest = from_content(TRADE_INTENTS, text, content, max_bytes=max_bytes)
    assert message == from_entry(TRADE_INTENTS, text, dict(pairs), max_bytes=max_bytes)
    assert digest == digest_of(dict(pairs))


def test_a_name_that_comes_twice_has_its_last_value_and_the_digest_of_all() -> None:
    joined = b"\0".join([b"a", b"1", b"b", b"2", b"a", b"3"])
    message, digest = from_content(TRADE_INTENTS, "1-0", joined, max_bytes=100)
    assert message == from_entry(TRADE_INTENTS, "1-0", {b"a": b"3", b"b": b"2"}, max_bytes=100)
    assert (list(message.fields.values), digest) == (
        ["a", "b"],
        sha1(joined, usedforsecurity=False).hexdigest(),
    )


def test_an_entry_without_content_was_trimmed() -> None:
    message, digest = from_content(TRADE_INTENTS, "1-0", [], max_bytes=100)
    assert (message, digest) == (from_entry(TRADE_INTENTS, "1-0", {}, max_bytes=100), digest_of({}))
