"""`simulate`: what a user gives, what comes back, and what is said of what cannot be used."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Exitbrain

T0 = 1_760_130_000_000
MINUTE = 60_000
OF_A_POSITION = (
    "symbol", "side", "entry_price", "opened_at", "first_candle", "entry_off_market", "levels", "triggers",
    "pessimistic", "optimistic", "ambiguous", "refined", "holes",
)  # fmt: skip


def at(minute: float) -> str:
    return datetime.fromtimestamp((T0 + minute * MINUTE) / 1000, UTC).isoformat()


def candle_file(
    folder: Path, *rows: tuple[float, float, float, float, float], name: str = "BTCUSDT.csv"
) -> None:
    folder.mkdir(exist_ok=True)
    lines = [f"{T0 + int(minute * MINUTE)},{o},{h},{low},{c}" for minute, o, h, low, c in rows]
    (folder / name).write_text("\n".join(["open_time_ms,open,high,low,close", *lines]) + "\n")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder of candles, the second of which touches everything, and a file with one long at 20x."""
    candle_file(
        tmp_path / "candles", (0, 100, 100.1, 99.95, 100), (1, 100, 103, 97, 100), (2, 100, 100, 100, 100)
    )
    positions(tmp_path, {})
    return tmp_path


def positions(folder: Path, *changes: dict[str, Any]) -> None:
    line = {"symbol": "BTCUSDT", "side": "LONG", "entry_price": 100, "opened_at": at(0), "leverage": 20}
    text = "\n".join(json.dumps({**line, **change}) for change in changes)
    (folder / "positions.jsonl").write_text(text + "\n")


SIMULATE = ("simulate", "--positions", "positions.jsonl", "--candles", "candles", "--policy", "v3.6")


def test_the_report_has_every_key_of_the_contract(world: Path, exitbrain: Exitbrain) -> None:
    report = exitbrain(*SIMULATE, "--json").report

    [position] = report["positions"]
    assert report["policy"] == "v3.6"
    assert set(OF_A_POSITION) <= set(position)
    assert set(position["pessimistic"]) >= {"legs", "gross", "net"}
    assert set(position["pessimistic"]["legs"][0]) >= {"level", "fraction", "price", "at"}
    assert set(position["levels"]) == set(position["triggers"]) == {"tp1", "tp2", "tp3", "sl"}
    assert position["opened_at"] == at(0).replace("+00:00", "Z")


def test_a_candle_that_touches_everything_gives_the_stop_and_all_targets_as_bounds(
    world: Path, exitbrain: Exitbrain
) -> None:
    report = exitbrain(*SIMULATE, "--json").report

    [position] = report["positions"]
    triggers = position["triggers"]
    assert [(leg["level"], leg["price"], leg["at"]) for leg in position["pessimistic"]["legs"]] == [
        ("SL", triggers["sl"], T0 + MINUTE)
    ]
    assert [leg["level"] for leg in position["optimistic"]["legs"]] == ["TP1", "TP2", "TP3"]
    assert (position["ambiguous"], position["ambiguous_candles"]) == (True, 1)
    assert position["uncertainty"] == position["optimistic"]["net"] - position["pessimistic"]["net"]
    assert position["pessimistic"]["return_on_margin"] == 20 * position["pessimistic"]["net"]
    assert report["totals"]["pessimistic"] == position["pessimistic"]["net"]
    assert report["totals"]["optimistic"] == position["optimistic"]["net"]


def test_an_off_market_entry_is_named_and_counted_only_when_asked_for(
    world: Path, exitbrain: Exitbrain
) -> None:
    positions(world, {}, {"entry_price": 101})

    left_out = exitbrain(*SIMULATE, "--json").report["totals"]
    counted = exitbrain(*SIMULATE, "--include-off-market", "--json").report["totals"]
    text = exitbrain(*SIMULATE).stdout

    assert (left_out["positions"], left_out["off_market"]) == (1, 1)
    assert (counted["positions"], counted["off_market"]) == (2, 1)
    assert "Off market, left out of the totals: BTCUSDT LONG at 101" in text
    assert "positions.jsonl line 2" in text


def test_totals_with_and_without_off_market_entries_stand_beside_each_other(
    world: Path, exitbrain: Exitbrain
) -> None:
    """Everything at TP1, 1 % away: a long at 100 brings 0.8995 %, one at 90, off market, that or the fill at the open."""
    candle_file(world / "candles", (0, 100, 100, 100, 100), (1, 100, 102, 100, 102), (2, 102, 102, 102, 102))
    positions(world, {}, {"entry_price": 90})
    one = (*SIMULATE[:5], "--policy", "foreign:tests.foreign_engines:FirstTarget")
    honest = 0.01 - 0.0005 - 0.0005 * 1.01
    dear = 10 / 90 - 0.0005 - 0.0005 * 100 / 90

    plain = exitbrain(*one, "--json").report["totals"]
    both = exitbrain(*one, "--include-off-market", "--json").report["totals"]
    texts = [exitbrain(*one).stdout, exitbrain(*one, "--include-off-market").stdout]
    quiet = (100, 100, 100, 100)
    candle_file(world / "candles", (0, *quiet), (2, 100, 102, 100, 102), (3, *quiet), (4, *quiet))
    positions(world, {}, {"entry_price": 90}, {"opened_at": at(1.5)})
    holed = exitbrain(*one, "--json").report["totals"]

    for totals, main in ((plain, "without_off_market"), (both, "with_off_market")):
        assert (totals["off_market"], totals["off_market_unknown"]) == (1, 0)
        assert totals["pessimistic"] == totals[main]["pessimistic"]
        assert totals["with_off_market"]["positions"] == totals["without_off_market"]["positions"] + 1
    assert plain["without_off_market"]["pessimistic"] == both["without_off_market"]["pessimistic"]
    off = [plain["with_off_market"][bound] - plain[bound] for bound in ("pessimistic", "optimistic")]
    assert off == pytest.approx([honest, dear], abs=1e-12)
    assert plain["pessimistic"] == pytest.approx(honest, abs=1e-12)
    assert "with off-market entries  " in texts[0]
    assert "without off-market entries  " in texts[1]
    assert (holed["off_market"], holed["off_market_unknown"]) == (1, 1)


def test_a_position_of_which_no_slice_can_be_placed_is_not_walked(world: Path, exitbrain: Exitbrain) -> None:
    """0.5 of steps of 1: targets could close nothing, so nothing is walked; 7 of them can be placed."""
    rules = {"BTCUSDT": {"step_size": "1"}}
    (world / "rules.json").write_text(json.dumps(rules))
    positions(world, {"quantity": 0.5}, {"quantity": 7})

    report = exitbrain(*SIMULATE, "--instruments", "rules.json", "--json").report
    text = exitbrain(*SIMULATE, "--instruments", "rules.json", "--report", "page.html").stdout

    small, placeable = report["positions"]
    assert (small["not_walked"], small["failed_guards"]) == ("not_placeable", ["slices_placeable"])
    assert (small["shares"], small["pessimistic"], small["triggers"]) == (None, None, None)
    assert (placeable["not_walked"], placeable["failed_guards"]) == (None, [])
    assert (report["totals"]["positions"], report["totals"]["not_placeable"]) == (1, 1)
    said = "Not placeable, left out of the totals: BTCUSDT LONG at 100"
    assert said in text
    assert "of 0.5 only 0 can be placed, in 0 slices." in text
    page = (world / "page.html").read_text(encoding="utf-8")
    assert "<summary>Positions left out: 1</summary>" in page
    assert "<td>not placeable</td>" in page


def test_a_position_that_fails_a_guard_is_walked_named_and_totalled_with_and_without(
    world: Path, exitbrain: Exitbrain
) -> None:
    """A stop and a target of 1 %: enough for a round trip of 0.1 %, too little for one of 1.2 %."""
    positions(world, {}, {"symbol": "ETHUSDT"})
    candle_file(world / "candles", (0, 100, 101, 100, 101), (1, 101, 101, 101, 101), name="ETHUSDT.csv")
    dear = {symbol: {"taker_fee_bps": fee} for symbol, fee in (("BTCUSDT", 5), ("ETHUSDT", 60))}
    (world / "rules.json").write_text(json.dumps(dear))
    asked = (
        *SIMULATE[:5],
        "--policy",
        "foreign:tests.foreign_engines:FirstTarget",
        "--instruments",
        "rules.json",
    )

    report = exitbrain(*asked, "--json").report
    text = exitbrain(*asked, "--report", "page.html").stdout

    sound, failing = report["positions"]
    assert sound["failed_guards"] == []
    assert failing["failed_guards"] == ["stop_wider_than_costs", "targets_beyond_costs"]
    totals = report["totals"]
    assert (totals["positions"], totals["failed_guards"]) == (2, 1)
    assert totals["without_failed_guards"] == {
        "positions": 1,
        "pessimistic": sound["pessimistic"]["net"],
        "optimistic": sound["optimistic"]["net"],
    }
    assert totals["pessimistic"] == sound["pessimistic"]["net"] + failing["pessimistic"]["net"]
    assert "without failed guards" in text
    assert "targets_beyond_costs fails, simulated anyway: ETHUSDT LONG at 100" in text
    assert "stop_wider_than_costs, targets_beyond_costs" in (world / "page.html").read_text(encoding="utf-8")


def test_what_is_still_open_and_what_crossed_a_hole_is_totalled_apart(
    world: Path, exitbrain: Exitbrain
) -> None:
    quiet = (100, 100.1, 99.9, 100)
    candle_file(world / "candles", (0, *quiet), (2, *quiet), (3, 100, 101, 99.9, 101), (4, *quiet))
    positions(world, {"opened_at": at(0)}, {"opened_at": at(3)})

    report = exitbrain(*SIMULATE, "--fee-bps", "0", "--json").report

    totals = report["totals"]
    first, second = report["positions"]
    assert [leg["level"] for leg in first["pessimistic"]["legs"]] == ["TP1", "OPEN"]
    assert (first["holes"], second["holes"]) == (1, 0)
    gain = first["triggers"]["tp1"] / 100 - 1
    assert totals["pessimistic"] == pytest.approx(2 * 0.4 * gain)
    assert totals["without_holes"] == {
        "positions": 1,
        "pessimistic": pytest.approx(0.4 * gain),
        "optimistic": pytest.approx(0.4 * gain),
    }
    assert totals["open"]["positions"] == 2
    assert totals["with_open"]["pessimistic"] == pytest.approx(
        totals["pessimistic"] + totals["open"]["pessimistic"]
    )


def test_a_default_that_stood_in_is_listed_with_the_position(world: Path, exitbrain: Exitbrain) -> None:
    positions(world, {"leverage": None})

    [position] = exitbrain(*SIMULATE, "--break-even", "--time-stop", "2", "--json").report["positions"]

    assumed = {one["field"]: one["value"] for one in position["assumptions"]}
    assert assumed == {
        "leverage": "1.0",
        "volatility": "1.0",
        "funding": "0.0",
        "divergence": "0.0",
        "confidence": "0.8",
        "average_pnl": "0.0",
        "fee_bps": "5.0",
        "slippage_bps": "0.0",
        "break_even": "0.001",
        "rule_interval": "1m",
        "liquidation": "not walked",
        "funding_paid": "0.0",
    }
    assert position["pessimistic"]["return_on_margin"] is None


@pytest.mark.parametrize(
    ("flags", "levels"),
    [
        ((), ["TP1", "OPEN"]),
        (("--break-even",), ["TP1", "BREAK_EVEN"]),
        (("--break-even", "0.002", "--json"), ["TP1", "BREAK_EVEN"]),
        (("--trailing", "0.005:0.003"), ["TP1", "TRAIL"]),
        (("--time-stop", "2m"), ["TP1", "TIME"]),
        (("--set", "base_tp=0.02"), ["OPEN"]),
        (("--set", "base_sl=0.0001"), ["SL"]),
    ],
)
def test_each_rule_ends_a_position_in_its_own_way(
    flags: tuple[str, ...], levels: list[str], world: Path, exitbrain: Exitbrain
) -> None:
    candle_file(
        world / "candles",
        (0, 100, 100, 99.7, 100),
        (1, 100, 101, 100, 101),
        (2, 101, 101, 100.05, 100.5),
    )

    report = exitbrain(*SIMULATE, *flags, *(() if "--json" in flags else ("--json",))).report

    assert [leg["level"] for leg in report["positions"][0]["optimistic"]["legs"]] == levels


@pytest.mark.parametrize(
    ("engine", "legs", "net"),
    [
        ("First", [("TP1", 1.0, 101.0)], 0.008995),
        ("Second", [("TP2", 1.0, 102.0)], 0.01899),
        ("Last", [("TP3", 1.0, 103.0)], 0.028985),
        ("Halves", [("TP1", 0.5, 101.0), ("TP2", 0.5, 102.0)], 0.0139925),
        ("LateHalves", [("TP2", 0.5, 102.0), ("TP3", 0.5, 103.0)], 0.0239875),
    ],
)
def test_a_plan_with_fewer_targets_closes_everything_there(
    engine: str, legs: list[tuple[str, float, float]], net: float, world: Path, exitbrain: Exitbrain
) -> None:
    """A long at 100 in a candle up to 104: what its targets gain, less 5 bps of what is bought and of what is sold."""
    candle_file(world / "candles", (0, 100, 104, 100, 103), (1, 103, 103, 103, 103))
    own = ("--policy", f"foreign:tests.foreign_engines:{engine}Target")

    [position] = exitbrain(*SIMULATE[:5], *own, "--json").report["positions"]

    closed = position["pessimistic"]
    assert [(leg["level"], leg["fraction"], leg["price"]) for leg in closed["legs"]] == legs
    assert closed["net"] == pytest.approx(net, abs=1e-12)
    assert position["ambiguous"] is False


def test_a_scheme_of_one_target_can_be_set(world: Path, exitbrain: Exitbrain) -> None:
    one = [f"--set=harvest{target}_middle={share}" for target, share in ((1, 1), (2, 0), (3, 0))]

    report = exitbrain(*SIMULATE, *one, "--json").report

    assert report["policy"] == "v3.6 harvest1_middle=1 harvest2_middle=0 harvest3_middle=0"
    assert report["positions"][0]["shares"] == [1.0, 0.0, 0.0]
    assert [leg["level"] for leg in report["positions"][0]["optimistic"]["legs"]] == ["TP1"]


def test_lower_timeframe_candles_decide_the_order(world: Path, exitbrain: Exitbrain) -> None:
    finer = [(0, 100, 100.1, 99.95, 100), (0.5, 100, 100, 100, 100)]
    finer += [(1, 100, 103, 99.9, 101), (1.5, 101, 101, 97, 100)]
    candle_file(world / "finer", *finer)

    [position] = exitbrain(*SIMULATE, "--finer", "finer", "--json").report["positions"]

    assert (position["ambiguous"], position["refined"], position["unrefined"]) == (False, 1, 0)
    assert [leg["level"] for leg in position["pessimistic"]["legs"]] == ["TP1", "TP2", "TP3"]


def test_brackets_bring_ticks_slices_and_liquidation(world: Path, exitbrain: Exitbrain) -> None:
    rules = {"BTCUSDT": {"tick_size": "0.1", "step_size": "1", "brackets": [[0, 50000, 0.004, 125]]}}
    (world / "rules.json").write_text(json.dumps(rules))
    positions(world, {"leverage": 100, "quantity": 7})

    v3_5 = ("simulate", "--positions", "positions.jsonl", "--candles", "candles", "--policy", "v3.5-fraction")
    [position] = exitbrain(*v3_5, "--instruments", "rules.json", "--json").report["positions"]

    assert position["shares"] == [3 / 7, 2 / 7, 2 / 7]
    assert all(round(price * 10) == pytest.approx(price * 10) for price in position["triggers"].values())
    [leg] = position["pessimistic"]["legs"]
    assert (leg["level"], leg["price"]) == ("LIQUIDATION", 99.0)
    assert {"mark", "funding_paid"} <= {one["field"] for one in position["assumptions"]}


def test_levels_that_the_policy_refuses_are_named_and_left_out(world: Path, exitbrain: Exitbrain) -> None:
    rules = {"BTCUSDT": {"brackets": [[0, 50000, 0.02, 10]]}}
    (world / "rules.json").write_text(json.dumps(rules))

    report = exitbrain(*SIMULATE, "--instruments", "rules.json", "--json").report
    text = exitbrain(*SIMULATE, "--instruments", "rules.json").stdout

    [position] = report["positions"]
    assert (position["refusal"], position["pessimistic"]) == ("LEVERAGE_NOT_IN_BRACKET", None)
    assert (report["totals"]["positions"], report["totals"]["refused"]) == (0, 1)
    assert "Refused, left out of the totals: BTCUSDT LONG at 100" in text


def test_the_text_reads_without_json(world: Path, exitbrain: Exitbrain) -> None:
    text = exitbrain(*SIMULATE).stdout

    for part in (
        "1 positions under v3.6",
        "TP1 TP2 TP3",
        "1 of 1 positions are ambiguous (1 candles)",
        "Assumed",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--policy", "v9"), 2, "policy 'v9' is not known"),
        (("--trailing", "0.01"), 2, "--trailing is '0.01'; allowed: ACTIVATION:DISTANCE"),
        (("--trailing", "0.01:2"), 2, "trailing distance is 2.0"),
        (("--time-stop", "soon"), 2, "--time-stop is 'soon'; allowed: minutes"),
        (("--break-even", "x"), 2, "--break-even is 'x'; allowed: a fraction or a percentage"),
        (("--tp-execution", "maybe"), 2, "--tp-execution is 'maybe'; allowed: market or limit"),
        (("--fee-bps", "-1"), 2, "fee_bps is -1.0"),
        (("--rule-interval", "90s", "--time-stop", "1h"), 2, "rule interval in ms is 90000; allowed: the candle interval"),
        (("--candles", "nowhere"), 3, "nowhere does not exist"),
        (("--positions", "nothing.jsonl"), 3, "nothing.jsonl cannot be read"),
        (("--instruments", "nothing.json"), 3, "nothing.json cannot be read"),
        (("--finer", "nowhere"), 3, "nowhere does not exist"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_one_sentence_and_an_exit_code(
    flags: tuple[str, ...], code: int, says: str, world: Path, exitbrain: Exitbrain
) -> None:
    usual = dict(zip(SIMULATE[1::2], SIMULATE[2::2], strict=True))
    for flag in flags[::2]:
        usual.pop(flag, None)

    ended = exitbrain("simulate", *(word for pair in usual.items() for word in pair), *flags)

    assert (ended.code, ended.stdout) == (code, "")
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_candles_coarser_than_the_rule_interval_are_refused_unless_it_is_raised(
    world: Path, exitbrain: Exitbrain
) -> None:
    candle_file(world / "candles", (0, 100, 100, 99.7, 100), (60, 100, 100, 100, 100))

    refused = exitbrain(*SIMULATE, "--time-stop", "1h")
    raised = exitbrain(*SIMULATE, "--time-stop", "1h", "--rule-interval", "1h", "--json")

    assert refused.code == 2
    assert "allowed: the candle interval of 3600000 ms, or a multiple of it" in refused.stderr
    assert raised.report["positions"][0]["pessimistic"]["legs"][0]["level"] == "TIME"


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"symbol": "ETHUSDT"}, 3, "no candles of ETHUSDT in candles; there: BTCUSDT"),
        ({"opened_at": at(3)}, 2, "positions.jsonl line 1: opened_at is"),
        ({"opened_at": at(-1)}, 2, "where there are candles of BTCUSDT"),
        ({"entry_price": -1}, 2, "positions.jsonl line 1: entry_price is"),
    ],
)
def test_a_position_that_can_not_be_walked_is_named_with_its_line(
    change: dict[str, Any], code: int, says: str, world: Path, exitbrain: Exitbrain
) -> None:
    positions(world, change)

    ended = exitbrain(*SIMULATE)

    assert ended.code == code
    assert says in ended.stderr


def test_a_report_is_written_beside_what_is_printed(world: Path, exitbrain: Exitbrain) -> None:
    ended = exitbrain(*SIMULATE, "--json", "--report", "report.html")

    assert ended.code == 0
    assert ended.report["positions"]
    assert "report.html" in ended.stderr
    page = Path("report.html").read_text()
    assert "Worst, best and most uncertain exits" in page
    assert "stop_wider_than_costs" in page
    assert "BTCUSDT LONG at 100" in page


def test_a_report_that_can_not_be_written_is_one_sentence(world: Path, exitbrain: Exitbrain) -> None:
    ended = exitbrain(*SIMULATE, "--report", "nowhere/report.html")

    assert ended.code == 3
    assert "nowhere/report.html" in ended.stderr
    assert "Traceback" not in ended.stderr
