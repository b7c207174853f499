"""What cannot be walked ends no run: it is left out by name, and --strict makes it an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.messages import FIRST_MS, intent, write

MINUTE = 60_000
T0 = FIRST_MS // MINUTE * MINUTE
HOURS = 3_600_000


def candles(folder: Path, name: str, *prices: float, step: int = MINUTE) -> None:
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{T0 + n * step},{p},{p * 1.001},{p * 0.999},{p}\n" for n, p in enumerate(prices))
    (folder / name).write_text("open_time_ms,open,high,low,close\n" + rows)


def position(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "side": "LONG",
        "entry_price": 100,
        "opened_at": T0,
        "leverage": 20,
        **changes,
    }


def positions(folder: Path, *lines: object) -> None:
    (folder / "p.jsonl").write_text(
        "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines) + "\n"
    )


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Candles of a good symbol, a broken one, one without and one of hours; a position in each, and three bad ones."""
    candles(tmp_path / "c", "BTCUSDT-1m.csv", *[100.0] * 5)
    candles(tmp_path / "c", "ETHUSDT-1m.csv", 100.0, -1.0, 100.0)
    candles(tmp_path / "c", "SOLUSDT-1h.csv", 100.0, 100.0, step=HOURS)
    positions(
        tmp_path,
        position(),
        position(side="CLOSE"),
        "{",
        position(symbol="ETHUSDT"),
        position(symbol="XRPUSDT"),
        position(opened_at=T0 + 100 * MINUTE),
        position(symbol="SOLUSDT"),
        position(opened_at=T0 + MINUTE),
    )
    return tmp_path


SIMULATE = ("simulate", "--positions", "p.jsonl", "--candles", "c", "--policy", "v3.6", "--time-stop", "1h")
REASONS = {
    "p.jsonl line 2": "side is 'CLOSE'; allowed: BUY, LONG, SELL or SHORT",
    "p.jsonl line 3": "is '{'; allowed: a JSON object on each line",
    "p.jsonl line 4": "c/ETHUSDT-1m.csv line 3: open is -1.0; allowed: a finite price above 0",
    "p.jsonl line 5": "no candles of XRPUSDT in c; there: BTCUSDT, ETHUSDT, SOLUSDT",
    "p.jsonl line 6": "opened_at is '2",
    "p.jsonl line 7": "rule interval in ms is 60000; allowed: the candle interval of 3600000 ms",
}


def test_all_that_can_not_be_walked_is_listed_and_the_rest_is_walked(
    world: Path, exitbrain: Exitbrain
) -> None:
    ended = exitbrain(*SIMULATE, "--json")
    alone = world / "alone"
    alone.mkdir()
    positions(alone, position(), position(opened_at=T0 + MINUTE))

    assert ended.code == 0
    assert [one["symbol"] for one in ended.report["positions"]] == ["BTCUSDT", "BTCUSDT"]
    found = {one["where"]: one["reason"] for one in ended.report["left_out"]}
    assert found.keys() == REASONS.keys()
    for where, reason in REASONS.items():
        assert found[where].startswith(reason)
    same = exitbrain("simulate", "--positions", "alone/p.jsonl", *SIMULATE[3:], "--json").report
    assert same["totals"] == ended.report["totals"]
    assert same["left_out"] == []


def test_the_text_and_the_page_name_what_was_left_out(world: Path, exitbrain: Exitbrain) -> None:
    text = exitbrain(*SIMULATE, "--report", "page.html").stdout

    for where, reason in REASONS.items():
        assert f"Left out: {where}: {reason}" in text
    assert "2 positions under v3.6" in text
    page = (world / "page.html").read_text()
    assert f"<summary>Left out of the files: {len(REASONS)}</summary>" in page
    assert "<td>p.jsonl line 5</td><td>no candles of XRPUSDT in c" in page


def test_strict_turns_it_into_an_exit_code(world: Path, exitbrain: Exitbrain) -> None:
    assert exitbrain(*SIMULATE, "--strict").code == 1
    positions(world, position())
    assert exitbrain(*SIMULATE, "--strict").code == 0


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        ([position(side="CLOSE"), position(symbol="XRPUSDT")], 2, "p.jsonl line 1: side is 'CLOSE'"),
        ([position(symbol="XRPUSDT"), position(symbol="ETHUSDT")], 3, "no candles of XRPUSDT"),
    ],
)
def test_where_nothing_is_left_the_first_reason_ends_the_run_and_all_are_listed(
    lines: list[Any], code: int, says: str, world: Path, exitbrain: Exitbrain
) -> None:
    positions(world, *lines)

    ended = exitbrain(*SIMULATE)

    assert (ended.code, ended.stdout) == (code, "")
    first, second, last = ended.stderr.splitlines()
    assert (first[:24], second[:24]) == ("Left out: p.jsonl line 1", "Left out: p.jsonl line 2")
    assert says in last


def test_a_wrong_flag_is_one_sentence_however_many_positions_there_are(
    world: Path, exitbrain: Exitbrain
) -> None:
    positions(world, position(), position(opened_at=T0 + MINUTE))

    ended = exitbrain(*SIMULATE, "--fee-bps", "-1")

    assert (ended.code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("flag", "name", "content", "says"),
    [
        ("--funding", "BTCUSDT-funding.csv", f"time,rate\n{T0},7\n", "funding_rate is 7.0"),
        ("--mark", "BTCUSDT-1m-mark.csv", f"{T0},1,1,1,1\n{T0 + 60_000},1,1,1,0\n", "close is 0.0"),
    ],
)
def test_a_symbol_whose_mark_prices_or_funding_are_broken_is_left_out(
    flag: str, name: str, content: str, says: str, world: Path, exitbrain: Exitbrain
) -> None:
    (world / "more").mkdir()
    (world / "more" / name).write_text(content)
    candles(world / "c", "LTCUSDT-1m.csv", *[100.0] * 5)
    positions(world, position(), position(symbol="LTCUSDT"))

    report = exitbrain(*SIMULATE, flag, "more", "--json").report

    assert [one["symbol"] for one in report["positions"]] == ["LTCUSDT"]
    [left_out] = report["left_out"]
    assert (left_out["where"], says in left_out["reason"]) == ("p.jsonl line 1", True)


def test_broken_lower_timeframe_data_are_walked_without_and_said(world: Path, exitbrain: Exitbrain) -> None:
    (world / "finer").mkdir()
    (world / "finer" / "BTCUSDT-trades.csv").write_text(f"time,price\n{T0},x\n")
    positions(world, position())

    ended = exitbrain(*SIMULATE, "--finer", "finer", "--json", "--strict")

    assert ended.code == 1
    assert len(ended.report["positions"]) == 1
    [left_out] = ended.report["left_out"]
    assert left_out["where"] == "BTCUSDT-trades.csv"
    assert left_out["reason"].endswith("line 2: price is 'x'; allowed: a number; BTCUSDT is walked without")


def test_what_was_assumed_of_files_is_said_and_is_no_finding(world: Path, exitbrain: Exitbrain) -> None:
    rows = "".join(f"2025-01-01 00:0{n}:00,1,1,1,1\n" for n in (0, 1, 1, 2))
    (world / "c" / "BTCUSDT-1m.csv").write_text("date,open,high,low,close\n" + rows)
    positions(world, position(opened_at="2025-01-01T00:00:00Z", entry_price=1))

    ended = exitbrain(*SIMULATE, "--json", "--strict")

    assert ended.code == 0
    assert ended.report["remarks"] == [
        "c/BTCUSDT-1m.csv: times without an offset, taken as UTC",
        "c/BTCUSDT-1m.csv line 4: the row repeats another, left out; 1 in all",
    ]
    assert "Note: c/BTCUSDT-1m.csv: times without an offset" in exitbrain(*SIMULATE).stdout


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(position(symbol="X" * 5_000)),
        json.dumps(position(side="X" * 5_000)),
        json.dumps(position(entry_price="X" * 5_000)),
        json.dumps(position(opened_at="X" * 5_000)),
        "X" * 5_000,
        json.dumps(["X" * 5_000]),
    ],
)
def test_no_message_repeats_more_than_a_little_of_a_position(
    line: str, world: Path, exitbrain: Exitbrain
) -> None:
    header = "symbol,side,entry_price,opened_at\n"
    positions(world, position(), line)
    of_json = exitbrain(*SIMULATE).stdout
    (world / "p.jsonl").write_text(header + f"BTCUSDT,LONG,100,{T0}\n" + line.replace(",", ";") + "\n")
    of_csv = exitbrain(*SIMULATE).stdout
    (world / "p.jsonl").write_text(line.replace(",", ";"))
    alone = exitbrain(*SIMULATE).stderr

    for said in (of_json, of_csv, alone):
        assert "X" * 201 not in said
        assert max(len(row) for row in said.splitlines()) < 700


@pytest.mark.parametrize("flag", ["--policy", "--set", "--trailing", "--tp-execution"])
def test_no_message_repeats_more_than_a_little_of_a_flag(
    flag: str, world: Path, exitbrain: Exitbrain
) -> None:
    others = SIMULATE[:5] if flag == "--policy" else SIMULATE  # a second one would be refused
    ended = exitbrain(*others, flag, "X" * 5_000)

    assert ended.code == 2
    assert "X" * 100 in ended.stderr
    assert "X" * 201 not in ended.stderr


def test_an_oversized_cell_is_left_out_like_any_other(world: Path, exitbrain: Exitbrain) -> None:
    good = f"BTCUSDT,LONG,100,{T0}\n"
    (world / "p.jsonl").write_text("symbol,side,entry_price,opened_at\n" + good + "X" * 200_000 + "\n" + good)

    report = exitbrain(*SIMULATE, "--json").report

    assert len(report["positions"]) == 2
    [left_out] = report["left_out"]
    assert left_out["where"] == "p.jsonl line 3"
    assert left_out["reason"].startswith("is 'field larger than field limit (131072)'")


WHATIF = ("whatif", "--policy", "v3.6", "--candles", "c")


@pytest.fixture
def recorded(world: Path, exitbrain: Exitbrain) -> Exitbrain:
    """Recorded positions of the good, of the broken and of the missing symbol."""
    symbols = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
    write(world / "messages.jsonl", [intent(n, symbol, "BUY") for n, symbol in enumerate(symbols, start=1)])
    assert exitbrain("ingest", "messages.jsonl").code == 0
    return exitbrain


def test_whatif_leaves_out_recorded_positions_by_name(recorded: Exitbrain) -> None:
    ended = recorded(*WHATIF, "--json")
    text = recorded(*WHATIF).stdout

    assert ended.code == 0
    outcome = ended.report["outcome"]
    assert outcome["positions"] == 1
    assert [(one["symbol"], one["because"]) for one in outcome["left_out"]] == [
        ("ETHUSDT", "unreadable"),
        ("XRPUSDT", "no_candles"),
    ]
    assert outcome["left_out"][0]["detail"].startswith("c/ETHUSDT-1m.csv line 3: open is -1.0")
    assert "Left out, unreadable (c/ETHUSDT-1m.csv line 3: open is -1.0" in text
    assert recorded(*WHATIF, "--strict").code == 1
    assert recorded("whatif", "--policy", "v3.6", "--strict").code == 2


def test_whatif_says_which_lower_timeframe_data_it_goes_without(recorded: Exitbrain, world: Path) -> None:
    (world / "finer").mkdir()
    (world / "finer" / "BTCUSDT-trades.csv").write_text(f"time,price\n{T0},x\n")

    outcome = recorded(*WHATIF, "--finer", "finer", "--json").report["outcome"]

    assert [one["where"] for one in outcome["data_left_out"]] == ["BTCUSDT-trades.csv"]
    assert "Left out: BTCUSDT-trades.csv: " in recorded(*WHATIF, "--finer", "finer").stdout


def test_lookahead_leaves_out_positions_by_name(world: Path, exitbrain: Exitbrain) -> None:
    lookahead = (
        "lab",
        "lookahead",
        "--positions",
        "p.jsonl",
        "--candles",
        "c",
        "--policy",
        "v3.6",
        "--cuts",
        "1",
    )

    [verdict] = exitbrain(*lookahead, "--json").report["policies"]

    assert len(verdict["left_out"]) >= 5
    assert "p.jsonl line 2: side is 'CLOSE'; allowed: BUY, LONG, SELL or SHORT" in verdict["left_out"]
    positions(world, position(symbol="XRPUSDT"))
    assert exitbrain(*lookahead).code == 3


def test_a_position_finds_the_file_that_is_named_as_it_writes_its_symbol(
    world: Path, exitbrain: Exitbrain
) -> None:
    """Both names mean the perpetual BTCUSDT; a position that says so is left out, since two files may be meant."""
    candles(world / "d", "BTC-USDT-SWAP-1m.csv", *[100.0] * 70)
    candles(world / "d", "BTC_USDT_USDT-1m-futures.csv", *[200.0] * 70)
    lines = [
        {"symbol": symbol, "side": "LONG", "entry_price": price, "opened_at": T0}
        for symbol, price in (("BTC-USDT-SWAP", 100), ("btc/usdt:usdt", 200), ("BTCUSDT", 100))
    ]
    (world / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    report = exitbrain(*(each if each != "c" else "d" for each in SIMULATE), "--json").report

    assert [(one["symbol"], one["entry_off_market"]) for one in report["positions"]] == [
        ("BTCUSDT", False)
    ] * 2
    assert [one["where"] for one in report["left_out"]] == ["p.jsonl line 3"]
