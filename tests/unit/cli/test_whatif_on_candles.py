"""`whatif --candles`: recorded positions on market data, from the flags to the report."""

import random
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.messages import FIRST_MS, intent, line, write

MINUTE = 60_000
T0 = FIRST_MS // MINUTE * MINUTE
DAY = 1440

Row = tuple[float, float, float, float]


def candle_file(folder: Path, symbol: str, rows: list[Row], *, interval: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    lines = [
        f"{T0 + number * interval * MINUTE},{opened},{high},{low},{close}"
        for number, (opened, high, low, close) in enumerate(rows)
    ]
    text = "\n".join(["open_time_ms,open,high,low,close", *lines]) + "\n"
    (folder / f"{symbol}.csv").write_text(text)


CALM: list[Row] = [(100.0, 100.1, 99.9, 100.0)] * 20
WILD: Row = (100.0, 103.0, 97.0, 100.0)


@pytest.fixture
def recorded(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """Three recorded positions: one in a wild candle, one closed from outside, one without candles."""
    write(
        tmp_path / "messages.jsonl",
        [
            intent(1, "BTCUSDT", "BUY"),
            intent(2, "ETHUSDT", "SELL"),
            intent(3, "XRPUSDT", "BUY"),
            line(
                "trade.closed",
                400,
                {"symbol": "ETHUSDT", "exit_price": "99.9", "pnl_percent": "0.1", "order_id": "7"},
            ),
        ],
    )
    candle_file(tmp_path / "candles", "BTCUSDT", [*CALM[:5], WILD, *CALM])
    candle_file(tmp_path / "candles", "ETHUSDT", [(100.0, 100.01, 99.9, 100.0)] * 20)
    assert exitbrain("ingest", "messages.jsonl").code == 0
    return exitbrain


WHATIF = ("whatif", "--policy", "v3.6", "--candles", "candles")


def test_the_report_has_every_key_of_the_contract(recorded: Exitbrain) -> None:
    report = recorded(*WHATIF, "--json").report

    assert {"policy", "decisions", "changed", "fields", "guards", "outcome"} <= set(report)
    outcome = report["outcome"]
    assert {"pessimistic", "optimistic", "difference", "ambiguous", "holes"} <= set(outcome)
    assert set(outcome["difference"]) == {"lower", "upper"}
    assert outcome["baseline_policy"] == "as recorded"
    assert outcome["open_loop"] is True
    assert outcome["positions"] == 2


def test_an_ambiguous_position_has_bounds_and_its_effects_sum_to_them(recorded: Exitbrain) -> None:
    outcome = recorded(*WHATIF, "--json").report["outcome"]

    btc, eth = outcome["details"]
    assert btc["symbol"] == "BTCUSDT"
    assert btc["difference"]["lower"] < btc["difference"]["upper"]
    assert outcome["ambiguous"] == 1
    assert [leg["level"] for leg in eth["candidate"]["pessimistic"]["legs"]] == ["EXTERNAL"]
    for end in ("lower", "upper"):
        effects = dict(outcome["attribution"][end])
        total = float(effects.pop("total"))
        assert total == pytest.approx(sum(map(float, effects.values())), abs=1e-15)
        assert total == pytest.approx(outcome["difference"][end], abs=1e-15)


def test_two_positions_prove_nothing(recorded: Exitbrain) -> None:
    judged = recorded(*WHATIF, "--json", "--seed", "5").report["outcome"]["judgement"]

    assert (judged["verdict"], judged["reason"]) == ("inconclusive", "too_few_days")
    assert (judged["days"], judged["seed"], judged["interval"]) == (1, 5, None)


def test_what_is_not_walked_is_named(recorded: Exitbrain) -> None:
    report = recorded(*WHATIF, "--json").report["outcome"]
    text = recorded(*WHATIF).stdout

    assert [(each["symbol"], each["because"]) for each in report["left_out"]] == [("XRPUSDT", "no_candles")]
    assert "Left out, no candles" in text
    assert "XRPUSDT LONG" in text


def test_the_text_tells_the_outcome_what_made_it_and_what_it_proves(recorded: Exitbrain) -> None:
    text = recorded(*WHATIF).stdout

    for part in (
        "2 recorded positions: v3.6 against as recorded",
        "What made the difference",
        "given back of the MFE,",
        "regret, in hindsight",
        "Verdict on v3.6, judged in committed: INCONCLUSIVE, 1.0 effective days; 30 are needed.",
        "Open loop",
        "liquidation not walked: no brackets given",
    ):
        assert part in text


def test_a_policy_compared_with_itself_differs_by_nothing(recorded: Exitbrain) -> None:
    outcome = recorded(*WHATIF, "--baseline", "v3.6", "--json").report["outcome"]

    assert outcome["baseline_policy"] == "v3.6"
    assert outcome["difference"] == {"lower": 0.0, "upper": 0.0}
    assert outcome["pessimistic"] < outcome["optimistic"]


def test_slippage_makes_every_market_exit_dearer(recorded: Exitbrain) -> None:
    free = recorded(*WHATIF, "--json").report["outcome"]
    dear = recorded(*WHATIF, "--slippage-bps", "20", "--json").report["outcome"]

    assert dear["pessimistic"] == pytest.approx(free["pessimistic"] - 0.002, abs=1e-4)


def test_a_sweep_is_judged_as_a_family(recorded: Exitbrain) -> None:
    grid = ("--sweep", "base_sl=0.004:0.006:0.001")
    report = recorded(*WHATIF, *grid, "--json").report
    text = recorded(*WHATIF, *grid).stdout

    family = report["family"]
    assert len(report["policies"]) == len(family["policies"]) == 3
    assert family["policies"][0]["policy"] == "v3.6 base_sl=0.004"
    assert {each["judgement"]["verdict"] for each in family["policies"]} == {"inconclusive"}
    assert family["p_value"] is None
    assert "outcome" not in report
    assert "3 policies against as recorded on 2 recorded positions" in text
    assert "Whole family: not tested" in text
    assert "Walk forward" in text


def test_several_policies_are_judged_as_a_family(recorded: Exitbrain) -> None:
    """Each with every change: of no policy that was named the answer is missing."""
    several = ("whatif", "--policy", "v3.5", "--policy", "v3.6", "--candles", "candles")

    report = recorded(*several, "--sweep", "base_sl=0.004:0.006:0.002", "--json").report
    plain = recorded(*several, "--json").report
    text = recorded(*several).stdout
    alone = [
        recorded("whatif", "--policy", name, "--candles", "candles", "--json").report
        for name in ("v3.5", "v3.6")
    ]

    assert [each["policy"] for each in report["family"]["policies"]] == [
        "v3.5 base_sl=0.004", "v3.5 base_sl=0.006", "v3.6 base_sl=0.004", "v3.6 base_sl=0.006",
    ]  # fmt: skip
    assert [(each["policy"], each["parameters"]) for each in report["policies"]][1:3] == [
        ("v3.5", {"base_sl": 0.006}),
        ("v3.6", {"base_sl": 0.004}),
    ]
    assert "outcome" not in plain
    for one, member in zip(alone, plain["family"]["policies"], strict=True):
        assert member["difference"] == one["outcome"]["difference"]
    assert "2 variants of v3.5, v3.6 on 3 recorded decisions" in text
    assert "2 policies against as recorded on 2 recorded positions" in text


def test_a_family_on_many_days_is_corrected_for_its_size(tmp_path: Path, exitbrain: Exitbrain) -> None:
    """The stop of v3.6 survives every dip, that of v3.5 is hit by each: one of the two is superior."""
    asked = days_of_positions(tmp_path, exitbrain, 40)

    family = asked(
        *("whatif", "--policy", "v3.5", "--policy", "v3.6", "--candles", "candles", "--json")
    ).report["family"]

    assert [(each["policy"], each["superior"]) for each in family["policies"]] == [
        ("v3.5", False),
        ("v3.6", True),
    ]
    assert family["p_value"] < 0.05


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--policy", "v3.6"), "--policy v3.6 is given more than once"),
        (("--policy", "v3.5", "--export", "pairs.csv"), "it takes one policy; --policy is given 2 times"),
        (("--policy", "v3.5", "--report", "page.html"), "it takes one policy; --policy is given 2 times"),
        (("--policy", "v9"), "policy 'v9' is not known"),
        (("--policy", "v3.5-fraction", "--set", "spacing=1.2"), "parameter of v3.5-fraction is 'spacing'"),
    ],
)
def test_what_makes_no_family_is_one_sentence(flags: tuple[str, ...], says: str, recorded: Exitbrain) -> None:
    ended = recorded("whatif", "--policy", "v3.6", *flags)

    assert ended.code == 2
    assert says in ended.stderr


@pytest.fixture
def doubtful(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """Three longs at 100 in a calm market: one closed off market at 110, one of half a step, one without a doubt."""
    symbols = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
    lines = [
        intent(number, symbol, "BUY", quantity="0.5" if symbol == "ETHUSDT" else "2")
        for number, symbol in enumerate(symbols, start=1)
    ]
    closed = {"symbol": "BTCUSDT", "exit_price": "110", "pnl_percent": "10", "order_id": "7"}
    write(tmp_path / "messages.jsonl", [*lines, line("trade.closed", 400, closed)])
    (tmp_path / "rules.json").write_text('{"ETHUSDT": {"step_size": "1"}}', encoding="utf-8")
    for symbol in symbols:
        candle_file(tmp_path / "candles", symbol, CALM)
    assert exitbrain("ingest", "messages.jsonl", "--policy", "v3.6", "--instruments", "rules.json").code == 0
    return exitbrain


def test_closes_off_market_and_what_can_not_be_placed_are_named_and_totalled_apart(
    doubtful: Exitbrain,
) -> None:
    """The close at 110 brings 10 % less fees; its candle goes up to 100.1."""
    plain = doubtful(*WHATIF, "--json").report["outcome"]
    both = doubtful(*WHATIF, "--include-off-market", "--json").report["outcome"]
    text, other = doubtful(*WHATIF).stdout, doubtful(*WHATIF, "--include-off-market").stdout
    family = doubtful(*WHATIF, "--policy", "v3.5-fraction", "--json").report["family"]

    assert [(each["symbol"], each["because"]) for each in plain["left_out"]] == [
        ("BTCUSDT", "off_market"),
        ("ETHUSDT", "not_placeable"),
    ]
    assert plain["left_out"][0]["detail"] == "outside the candle of its time: close 110"
    assert [each["positions"] for each in (plain, plain["with_off_market"], plain["without_off_market"])] == [
        1,
        2,
        1,
    ]
    gain = plain["with_off_market"]["pessimistic"] - plain["without_off_market"]["pessimistic"]
    assert gain == pytest.approx(0.1 - 0.0005 - 0.0005 * 1.1, abs=1e-12)
    assert (both["positions"], both["off_market"], both["off_market_unknown"]) == (2, 1, 0)
    assert both["pessimistic"] == both["with_off_market"]["pessimistic"]
    [entry, close] = both["details"][0]["prices"]
    assert (entry["what"], entry["off_market"]) == ("entry", False)
    assert (close["what"], close["price"], close["off_market"]) == ("close", 110.0, True)
    assert "with off-market prices (2)" in text
    assert "Left out, not placeable" in text
    assert "without off-market prices (1)" in other
    for member in family["policies"]:
        assert [member[name]["positions"] for name in ("with_off_market", "without_off_market")] == [2, 1]


def test_levels_that_fail_a_guard_are_named_with_their_policy(recorded: Exitbrain) -> None:
    """Recorded under v3.5, whose stop of 0.02 % is within the costs; that of v3.6 is not."""
    outcome = recorded(*WHATIF, "--json").report["outcome"]
    text = " ".join(recorded(*WHATIF, "--report", "page.html").stdout.split())

    for position in outcome["details"]:
        assert position["baseline"]["failed_guards"] == ["stop_wider_than_costs"]
        assert position["candidate"]["failed_guards"] == []
    assert (outcome["positions"], outcome["without_failed_guards"]["positions"]) == (2, 0)
    assert "without failed guards (0)" in text
    assert "stop_wider_than_costs fails as recorded, simulated anyway: all." in text
    page = Path("page.html").read_text(encoding="utf-8")
    assert "as recorded fails stop_wider_than_costs" in page
    assert "without failed guards on the levels" in page


def days_of_positions(folder: Path, exitbrain: Exitbrain, days: int) -> Exitbrain:
    """Record a long on each of many days, in a market that falls half a percent after noon and rises 2 % every day."""
    draw = random.Random(3)
    rows: list[Row] = []
    for _ in range(days):
        dip = 100.0 * (1 - draw.uniform(0.002, 0.006))
        rows += [(100.0, 100.05, 99.99, 100.0)] * 6
        rows += [(100.0, 100.0, dip, dip), (dip, 102.5, dip, 102.5)]
        rows += [(100.0, 100.05, 99.99, 100.0)] * 16
    candle_file(folder / "candles", "BTCUSDT", rows, interval=60)
    messages = []
    for day in range(days):
        at = 60 * (24 * day + 2)
        messages.append(intent(at * 60, "BTCUSDT", "BUY"))
        fields = {"symbol": "BTCUSDT", "exit_price": "100", "pnl_percent": "0", "order_id": str(day)}
        messages.append(line("trade.closed", (at + 8 * 60) * 60, fields))
    write(folder / "messages.jsonl", messages)
    assert exitbrain("ingest", "messages.jsonl").code == 0
    return exitbrain


def test_a_stop_that_survives_every_dip_is_adopted(tmp_path: Path, exitbrain: Exitbrain) -> None:
    """As recorded the stop stands at 0.02 % and is hit by each dip, and none of v3.6 is."""
    asked = days_of_positions(tmp_path, exitbrain, 60)
    grid = ("--sweep", "base_sl=0.003:0.006:0.003")

    one = asked(*WHATIF, "--json").report["outcome"]
    family = asked(*WHATIF, *grid, "--json").report["family"]
    again = asked(*WHATIF, *grid, "--json").report["family"]

    assert (one["judgement"]["verdict"], one["judgement"]["days"]) == ("adopt", 60)
    assert one["judgement"]["interval"]["lower"] > 0
    assert [each["judgement"]["verdict"] for each in family["policies"]] == ["adopt", "adopt"]
    assert all(each["superior"] for each in family["policies"])
    assert family["p_value"] < 0.05
    assert [fold["purged"] for fold in family["walk_forward"]["folds"]] == [0] * 5
    assert family["walk_forward"]["judgement"]["verdict"] == "adopt"
    assert again == family


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--slippage-bps", "3"), 2, "--slippage-bps is about positions on market data; give --candles too"),
        (("--baseline", "v3.5"), 2, "--baseline is about positions on market data; give --candles too"),
        (("--candles", "nowhere"), 3, "nowhere does not exist"),
        (("--candles", "candles", "--seed", "-1"), 2, "--seed is -1; allowed: 0 or more"),
        (("--candles", "candles", "--baseline", "v9"), 2, "policy 'v9' is not known"),
        (("--candles", "candles", "--fee-bps", "-1"), 2, "fee_bps is -1.0; allowed: 0 up to 10000"),
        (("--candles", "candles", "--trailing", "1"), 2, "--trailing is '1'; allowed: ACTIVATION:DISTANCE"),
        (("--candles", "candles", "--time-stop", "5m", "--rule-interval", "30s"), 2, "rule interval in ms"),
        (("--candles", "broken"), 3, "BTCUSDT.csv line 4: high"),
        (("--candles", "elsewhere"), 3, "the candles hold none of the 3 recorded positions"),
    ],
)
def test_what_can_not_be_used_is_one_sentence(
    flags: tuple[str, ...], code: int, says: str, recorded: Exitbrain, tmp_path: Path
) -> None:
    candle_file(tmp_path / "broken", "BTCUSDT", [*CALM[:2], (100.0, float("nan"), 99.0, 100.0)])
    candle_file(tmp_path / "elsewhere", "SOLUSDT", CALM)

    ended = recorded("whatif", "--policy", "v3.6", *flags)

    assert ended.code == code
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_off_market_entries_count_when_asked_for(tmp_path: Path, exitbrain: Exitbrain) -> None:
    write(tmp_path / "messages.jsonl", [intent(1, "BTCUSDT", "BUY", entry_price="101")])
    candle_file(tmp_path / "candles", "BTCUSDT", CALM)
    exitbrain("ingest", "messages.jsonl")

    left_out = exitbrain(*WHATIF, "--json").report["outcome"]
    counted = exitbrain(*WHATIF, "--include-off-market", "--json").report["outcome"]
    text = exitbrain(*WHATIF).stdout

    assert [each["because"] for each in left_out["left_out"]] == ["off_market"]
    assert (left_out["positions"], counted["positions"]) == (0, 1)
    assert counted["details"][0]["entry_off_market"] is True
    assert "No recorded position is counted; there is no outcome." in text
