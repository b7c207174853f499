"""The synthetic messages are the same everywhere, say what they are, and are of every kind."""

import json
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.infrastructure.demo import synthetic
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.world import MAX_BYTES, World


def _all_bytes(**given: Any) -> bytes:
    return b"".join(synthetic.lines(400, **given))


def _content(message: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of an intent, or the flat fields of a close."""
    fields = message["fields"]
    return dict(json.loads(fields["payload"]) if "payload" in fields else fields)


def _outcomes(count: int, **given: Any) -> list[MessageResult]:
    messages = list(read_messages(synthetic.lines(count, **given), max_bytes=MAX_BYTES))
    return World().recorder.handle_batch(messages)


def test_a_seed_gives_the_same_bytes_on_every_python_and_machine() -> None:
    assert (
        sha256(_all_bytes(seed=1)).hexdigest()
        == "cef58489002b4bf9b255c2483c56dff41a8aabd7d997f8a3d920afcefad3cd09"
    )


def test_another_seed_gives_other_messages() -> None:
    assert _all_bytes(seed=1) != _all_bytes(seed=2)


def test_a_longer_file_begins_with_the_shorter_one() -> None:
    assert list(synthetic.messages(400))[:100] == list(synthetic.messages(100))


def test_every_message_says_that_it_is_synthetic() -> None:
    assert {message["fields"]["source"] for message in synthetic.messages(400)} == {"synthetic"}


def test_stream_ids_grow() -> None:
    ids = [int(message["stream_id"].removesuffix("-0")) for message in synthetic.messages(400)]

    assert all(earlier < later for earlier, later in pairwise(ids))


def test_messages_lead_to_decisions_and_to_ignored_and_refused_ones() -> None:
    outcomes = _outcomes(400)

    counts = Counter(outcome.disposition for outcome in outcomes)
    assert counts[Disposition.REFUSED] == 400 // 47
    assert counts[Disposition.IGNORED] > 0
    assert sum(outcome.decision is not None for outcome in outcomes) > 200
    reasons = {outcome.reason for outcome in outcomes}
    assert {Reason.NOT_AN_ENTRY, Reason.DUPLICATE_CLOSE, Reason.BAD_NUMBER} <= reasons


def test_no_message_is_broken_unless_asked_for() -> None:
    outcomes = _outcomes(400, refused=False)

    assert Disposition.REFUSED not in {outcome.disposition for outcome in outcomes}


def test_more_symbols_than_instruments_are_numbered() -> None:
    symbols = {_content(message)["symbol"] for message in synthetic.messages(400, symbols=20, refused=False)}

    assert len(symbols) == 20
    assert symbols - set(synthetic.instruments()) == {f"S{number}USDT" for number in range(8, 20)}


def test_prices_lie_on_the_tick_grid() -> None:
    instruments = synthetic.instruments()
    for message in synthetic.messages(400, refused=False):
        content = _content(message)
        for name in {"entry_price", "exit_price", "price"} & set(content):
            price, tick = Decimal(str(content[name])), Decimal(instruments[content["symbol"]]["tick_size"])
            assert price % tick == 0, content


@pytest.mark.parametrize("symbol", sorted(synthetic.instruments()))
def test_instruments_have_the_form_of_an_instruments_file(symbol: str, tmp_path: Path) -> None:
    file = tmp_path / "instruments.json"
    file.write_text(json.dumps(synthetic.instruments()), encoding="utf-8")

    instrument = InstrumentsFile(file).instrument(symbol)

    assert instrument is not None
    assert None not in (instrument.tick_size, instrument.step_size, instrument.min_notional)
    assert instrument.brackets
