"""`book close`: an operator ends a position that is open in the record alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Ended, Exitbrain

SHORT = messages.intent(1, "ETHUSDT", "SELL", leverage="25")
SAYS = ("--why", "closed by hand at the venue", "--by", "alice")


@pytest.fixture
def held(exitbrain: Exitbrain) -> Exitbrain:
    """Return a way to run commands where the default store holds a SHORT of 2 ETHUSDT at 100."""
    ingest(exitbrain)
    return exitbrain


def ingest(exitbrain: Exitbrain, *flags: str) -> None:
    exitbrain("ingest", str(messages.write(Path("short.jsonl"), [SHORT])), *flags)


def positions(held: Exitbrain) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = held("positions", "--all", "--json").report["positions"]
    return found


def events(held: Exitbrain) -> str:
    """Return how many events the store holds, as doctor says."""
    checks = held("doctor", "--json").report["checks"]
    return next(str(check["detail"]) for check in checks if check["name"] == "store")


def close(held: Exitbrain, *flags: str, symbol: str = "ETHUSDT") -> Ended:
    return held("book", "close", symbol, *SAYS, *flags)


def test_the_position_ends_with_its_plan_at_the_price_that_was_given(held: Exitbrain) -> None:
    ended = close(held, "--price", "95", "--json")

    report, (position,) = ended.report, positions(held)
    assert ended.code == 0
    assert (report["outcome"], report["side"], report["exit_price"]) == ("ACCEPTED", "SHORT", "95")
    assert (report["account"], report["symbol"], report["pnl_percent"]) == ("default", "ETHUSDT", "5.00")
    assert (report["position_id"], report["plan_id"]) == (position["position_id"], position["plan_id"])
    assert (position["state"], position["reason"], position["pnl_percent"]) == (
        "closed",
        "BOOK_CLOSE",
        "5.00",
    )
    assert held("plan", report["plan_id"], "--json").report["state"] == "cancelled"


def test_people_read_what_has_ended(held: Exitbrain) -> None:
    ended = close(held, "--price", "95")

    first, *others = ended.stdout.splitlines()
    assert first == "SHORT ETHUSDT of account default ended at 95; entry 100, result 5.00 %."
    assert [line.split()[0] for line in others] == ["position", "plan", "receipt"]


def test_without_a_price_the_result_is_unknown(held: Exitbrain) -> None:
    ended = close(held)

    assert ended.code == 0
    assert "ended at an unknown price; entry 100, result unknown." in ended.stdout
    assert positions(held)[0]["pnl_percent"] is None


def test_who_said_so_and_why_is_kept_in_a_receipt_like_any_other(held: Exitbrain) -> None:
    receipt_id = close(held, "--price", "95", "--json").report["receipt_id"]

    receipt = held("receipt", receipt_id, "--json").report
    assert (receipt["source"], receipt["stream"], receipt["origin"]) == ("book.close", "book.close", "LIVE")
    assert receipt["fields"] | {"timestamp": ""} == {
        "symbol": "ETHUSDT",
        "price": "95",
        "why": "closed by hand at the venue",
        "by": "alice",
        "timestamp": "",
    }
    assert [effect["event"] for effect in receipt["effects"]] == ["PositionClosed", "ExitPlanCancelled"]


def test_every_replay_stays_exact(held: Exitbrain) -> None:
    close(held, "--price", "95")

    assert held("replay", "--from-receipts", "--context").code == 0


def test_the_same_command_again_is_another_message_and_finds_nothing_open(held: Exitbrain) -> None:
    first = close(held, "--price", "95", "--json").report
    again = close(held, "--price", "95", "--json")

    assert (again.code, again.report["outcome"], again.report["reason"]) == (1, "IGNORED", "NO_OPEN_POSITION")
    assert again.report["receipt_id"] != first["receipt_id"]


def test_where_nothing_is_open_one_sentence_says_so_and_the_receipt_what_it_met(held: Exitbrain) -> None:
    ended = close(held, symbol="BTCUSDT")

    assert (ended.code, ended.stdout) == (1, "")
    sentence, receipt_id = ended.stderr.rstrip().split("; receipt ")
    assert sentence == "exitbrain: account default has no open position in BTCUSDT"
    met = held("receipt", receipt_id, "--json").report["ignored_exit"]
    assert (met["symbol"], met["open"], met["last"], met["held_by"]) == ("BTCUSDT", None, None, None)


@pytest.mark.parametrize(("holds", "asked"), [("default", "second"), ("second", "default")])
def test_the_account_that_holds_the_symbol_is_named(exitbrain: Exitbrain, holds: str, asked: str) -> None:
    ingest(exitbrain, "--account", holds)

    ended = close(exitbrain, "--account", asked)

    assert ended.code == 1
    assert (
        f"account {asked} has no open position in ETHUSDT, account {holds} has one (--account {holds})"
        in ended.stderr
    )
    assert close(exitbrain, "--account", holds).code == 0


@pytest.mark.parametrize("price", ["0", "-1", "nan", "inf", "1_000", "1e5", "9" * 31, "", "٣", "cheap"])
def test_a_price_that_is_none_is_refused_before_anything_is_recorded(held: Exitbrain, price: str) -> None:
    before = events(held)

    ended = close(held, f"--price={price}")

    assert ended.code == 2
    assert ended.stderr.startswith("exitbrain: --price is ")
    assert ended.stderr.endswith("a number above 0 and up to 1e15, written like 90000.5\n")
    assert events(held) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--why", " ", "--by", "alice"], "--why is ' '; allowed: 1 to 256 characters"),
        (["--why", "gone", "--by", ""], "--by is ''; allowed: 1 to 256 characters"),
        (["--why", "gone" * 65, "--by", "alice"], "--why is 'gonegone"),
        (["--why", "gone", "--by", "\udcff"], "--by is "),
        (["--by", "alice"], "--why"),
        (["--why", "gone"], "--by"),
    ],
)
def test_without_a_reason_and_a_name_nothing_is_recorded(
    held: Exitbrain, flags: list[str], said: str
) -> None:
    before = events(held)

    ended = held("book", "close", "ETHUSDT", *flags)

    assert ended.code == 2
    assert said in ended.stderr
    assert events(held) == before


@pytest.mark.parametrize("symbol", ["", " ", "BTC\x00USDT", "B" * 65])
def test_a_symbol_that_can_not_be_read_is_refused_before_anything_is_recorded(
    held: Exitbrain, symbol: str
) -> None:
    before = events(held)

    ended = close(held, symbol=symbol)

    assert ended.code == 2
    assert "symbol" in ended.stderr
    assert events(held) == before


def test_no_store_is_begun(exitbrain: Exitbrain) -> None:
    ended = close(exitbrain)

    assert ended.code == 3
    assert "does not exist" in ended.stderr
    assert not Path("exitbrain.db").exists()
