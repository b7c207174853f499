"""`explain` takes every id that leads to a decision, the beginning of one, and a symbol with a time."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

_FIRST, _SECOND = f"{messages.FIRST_MS + 1000}-0", f"{messages.FIRST_MS + 3000}-0"


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story: two decisions of BTCUSDT, one of ETHUSDT."""
    messages.write(Path("story.jsonl"), messages.story())
    assert exitbrain("ingest", "story.jsonl").code == 0
    return exitbrain


@pytest.fixture
def plan(stored: Exitbrain) -> dict[str, Any]:
    """The history of the plan of BTCUSDT."""
    of_btc = next(
        one
        for one in stored("positions", "--all", "--json").report["positions"]
        if one["symbol"] == "BTCUSDT"
    )
    found: dict[str, Any] = stored("plan", of_btc["plan_id"], "--json").report
    return found


def decision_ids(plan: dict[str, Any]) -> list[str]:
    return [event["decision"]["decision_id"] for event in plan["events"] if event["decision"] is not None]


def explained(stored: Exitbrain, *arguments: str) -> Any:
    return stored("explain", *arguments, "--json").report["recorded"]["decision_id"]


def test_an_id_of_every_kind_leads_to_its_decision(stored: Exitbrain, plan: dict[str, Any]) -> None:
    first, latest = decision_ids(plan)
    receipt = stored("receipt", _FIRST, "--json").report["receipt_id"]

    for whole in (first, _FIRST, receipt, receipt.upper(), receipt.replace("-", "")):
        assert explained(stored, whole) == first
    for whole in (latest, _SECOND, plan["plan_id"], plan["position_id"]):
        assert explained(stored, whole) == latest
    for beginning in (latest[:8], plan["plan_id"][:8], plan["position_id"][:8], _SECOND[:-2]):
        assert explained(stored, beginning) == latest


@pytest.mark.parametrize(("second", "revision"), [("01", 0), ("02.999", 0), ("03", 1), ("59", 1)], ids=str)
def test_a_symbol_at_a_time_leads_to_its_latest_decision(
    stored: Exitbrain, plan: dict[str, Any], second: str, revision: int
) -> None:
    assert explained(stored, "btcusdt", "--at", f"2026-01-01T12:00:{second}") == decision_ids(plan)[revision]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("BTCUSDT", "--at", "2026-01-01T12:00:00Z"),
            3,
            "BTCUSDT has no decision up to 2026-01-01T12:00:00+00:00",
        ),
        (("XRPUSDT", "--at", "2026-02-01"), 3, "no decision of symbol 'XRPUSDT'"),
        (("BTCUSDT", "--at", "noon"), 2, "--at is 'noon'; allowed: a time in ISO 8601"),
        (("BTCUSDT",), 3, "give SYMBOL --at TIME"),
        ((f"{messages.FIRST_MS + 5000}-0",), 3, "led to no decision: REFUSED LEVERAGE_OUT_OF_RANGE"),
        ((f"{messages.FIRST_MS + 4000}-0",), 3, "of trade.closed led to no decision: ACCEPTED"),
    ],
)
def test_what_leads_to_no_decision_is_said(
    stored: Exitbrain, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = stored("explain", *arguments)

    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_what_a_beginning_fits_is_listed_before_the_sentence(stored: Exitbrain) -> None:
    ended = stored("explain", str(messages.FIRST_MS)[:6])

    assert (ended.code, ended.stdout) == (2, "")
    *listed, sentence = [line for line in ended.stderr.splitlines() if line]
    assert listed == [
        f"  message {messages.FIRST_MS + 1000 * number}-0 of trade.intent, 2026-01-01T12:00:0{number}+00:00"
        for number in (1, 2, 3)
    ]
    assert sentence.startswith(f"exitbrain: '{str(messages.FIRST_MS)[:6]}' fits 3 of this store (message ")


def test_a_long_list_ends_with_how_many_there_are_more(stored: Exitbrain) -> None:
    ended = stored("explain", "")

    # Three decisions, two plans, two positions and the messages of the three decisions.
    assert ended.code == 2
    assert "fits 10 of this store" in ended.stderr
    assert "\n  decision " in ended.stderr
    assert ": BTCUSDT LONG, revision 2, 2026-01-01T12:00:03+00:00\n" in ended.stderr


def test_the_chain_goes_from_the_message_to_what_is_published(
    stored: Exitbrain, plan: dict[str, Any]
) -> None:
    _, latest = decision_ids(plan)
    receipt = stored("receipt", _SECOND, "--json").report
    position = next(one["log_position"] for one in receipt["effects"] if one["event"] == "LevelsComputed")

    chain = stored("explain", latest, "--chain", "--json").report["chain"]

    assert [(one["entry_id"], one["receipt_id"]) for one in chain["messages"]] == [
        (_SECOND, receipt["receipt_id"])
    ]
    assert (chain["decision_id"], chain["revision"], chain["log_position"]) == (latest, 2, position)
    assert chain["published"] is None
    assert "published  never, because the message was imported" in stored("explain", latest, "--chain").stdout
    assert stored("explain", latest, "--json").report["chain"] is None
