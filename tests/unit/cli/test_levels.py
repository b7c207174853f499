"""`levels`: what a user gives, within the ranges that messages have, and what comes back."""

import json
import sys
from pathlib import Path

import pytest

from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.message import TradeIntent
from exitbrain.domain.policies.formulas.registry import SHIPPED, compute
from exitbrain.domain.values import Origin, Side
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.cli.conftest import Exitbrain

CONTRACT = (
    "policy",
    "unit",
    "lsf",
    "lsf_adjusted",
    "pnl_factor",
    "tp1",
    "tp2",
    "tp3",
    "sl",
    "harvest",
    "binding",
    "guards",
)
RULES = {
    "BTCUSDT": {
        "tick_size": "0.1",
        "step_size": "0.001",
        "min_notional": "5",
        "taker_fee_bps": 4,
        "brackets": [[0, 50000, 0.004, 125], [50000, 600000, 0.005, 100]],
    }
}
OLD_ENGINE = "foreign:exitbrain:AdaptiveLeverageEngine"


@pytest.fixture
def instruments(tmp_path: Path) -> str:
    file = tmp_path / "instruments.json"
    file.write_text(json.dumps(RULES), encoding="utf-8")
    return str(file)


def test_the_recorded_output_of_the_old_system_comes_out_to_the_bit(exitbrain: Exitbrain) -> None:
    report = exitbrain("levels", "--leverage", "20", "--volatility", "1.5", "--json").report

    assert report["tp1"] == 0.847247979309735
    assert (report["sl"], report["policy"], report["unit"]) == (0.02, "v3.5", "percent")
    assert report["binding"] == [
        {"level": "sl", "constraint": "clamp_max", "before": report["binding"][0]["before"], "after": 0.02}
    ]


def test_every_key_of_the_contract_is_there(exitbrain: Exitbrain) -> None:
    report = exitbrain("levels", "--leverage", "20", "--json").report

    assert set(CONTRACT) <= set(report)
    assert {
        "name": "stop_wider_than_costs",
        "state": "failed",
        "detail": "stop 0.02 % is inside round-trip cost 0.10 %",
    } in report["guards"]


def test_every_flag_reaches_the_formula(exitbrain: Exitbrain) -> None:
    flags = "--side short --volatility 1.3 --funding 0.001 --divergence 0.4 --confidence 0.3 --avg-pnl -0.2"
    costs = "--base-tp 0.012 --base-sl 0.004 --fee-bps 3 --slippage-bps 2 --policy v3.6"
    inputs = LevelInputs(
        Side.SHORT, 33.0, False, 1.3, 0.001, 0.4, 0.3, -0.2, 0.012, 0.004, 3.0, 2.0, None, None
    )

    report = exitbrain("levels", "--leverage", "33", *flags.split(), *costs.split(), "--json").report

    raw = compute(SHIPPED["v3.6"], inputs)
    assert [report[level] for level in ("tp1", "tp2", "tp3", "sl")] == [raw.tp1, raw.tp2, raw.tp3, raw.sl]
    assert (report["lsf_adjusted"], report["pnl_factor"]) == (raw.lsf_adjusted, raw.pnl_factor)
    assert report["assumptions"] == []


def test_a_default_that_stood_in_is_an_assumption(exitbrain: Exitbrain) -> None:
    report = exitbrain("levels", "--leverage", "20", "--volatility", "1", "--json").report

    assert {assumed["field"]: assumed["value"] for assumed in report["assumptions"]} == {
        "side": "LONG",
        "funding": "0.0",
        "divergence": "0.0",
        "confidence": "0.8",
        "average_pnl": "0.0",
    }


def test_an_instrument_brings_ticks_slices_its_fee_and_the_liquidation_price(
    exitbrain: Exitbrain, instruments: str
) -> None:
    of_btc = ("--instruments", instruments, "--symbol", "btcusdt", "--policy", "v3.6")

    report = exitbrain(
        "levels", "--leverage", "20", "--entry", "60000", "--quantity", "0.01", *of_btc, "--json"
    ).report

    assert report["trigger_prices"]["tp1"].partition(".")[2] in {"", *"0123456789"}
    assert [part["quantity"] for part in report["slices"]] == ["0.004", "0.004", "0.002"]
    assert {guard["state"] for guard in report["guards"]} == {"passed"}
    assert report["floor"] == 0.0016, "twice the round trip of the instrument's own fee"


def test_a_refused_plan_has_no_levels_and_says_both_numbers(exitbrain: Exitbrain, instruments: str) -> None:
    narrow = ("--leverage", "125", "--slippage-bps", "20", "--policy", "v3.6", "--symbol", "BTCUSDT")

    report = exitbrain("levels", *narrow, "--instruments", instruments, "--json").report
    text = exitbrain("levels", *narrow, "--instruments", instruments).stdout

    assert report["refusal"] == "NO_STOP_FITS"
    assert report["sl"] is None
    assert report["cap"] < report["floor"] == 0.0096
    assert "at least 0.96 % (costs)" in text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--leverage", "200"], "--leverage is 200.0; allowed: a number from 1 to 125"),
        (["--leverage", "0.5"], "--leverage is 0.5; allowed: a number from 1 to 125"),
        (["--leverage", "nan"], "--leverage is nan; allowed: a number from 1 to 125"),
        ([], "--leverage is missing; allowed: 1 to 125"),
        (
            ["--leverage", "5", "--volatility", "-1"],
            "--volatility is -1.0; allowed: a number from 0 to 1e+15",
        ),
        (
            ["--leverage", "5", "--fee-bps", "10000"],
            "--fee-bps is 10000.0; allowed: a number from 0 to below 10000",
        ),
        (["--leverage", "5", "--side", "up"], "--side is 'up'; allowed: buy, long, sell or short"),
        (["--leverage", "5", "--entry", "0"], "--entry is '0'; allowed: a number from 1e-15 to 1e+15"),
        (["--leverage", "5", "--entry", "abc"], "--entry is 'abc'; allowed: a number from 1e-15 to 1e+15"),
        (
            ["--leverage", "5", "--policy", "v9"],
            "policy 'v9' is not known; known: v3.5, v3.5-fraction, v3.6, foreign:MODULE:CLASS",
        ),
        (
            ["--leverage", "5", "--instruments", "x.json"],
            "--instruments needs --symbol, to say which symbol of the file",
        ),
        (
            ["--leverage", "5", "--unit", "percent"],
            "--unit says how to read your own engine, --policy foreign:MODULE:CLASS",
        ),
        (
            ["--leverage", "5", "--policy", "foreign:exitbrain"],
            "policy is 'foreign:exitbrain'; allowed: foreign:package.module:Class",
        ),
        (
            ["--leverage", "5", "--policy", OLD_ENGINE, "--unit", "bps"],
            "--unit is 'bps'; allowed: fraction or percent",
        ),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(
    exitbrain: Exitbrain, flags: list[str], sentence: str
) -> None:
    ended = exitbrain("levels", *flags)

    assert ended == (2, "", f"exitbrain: {sentence}\n")


@pytest.mark.parametrize(
    ("engine", "slices"),
    [
        ("First", [("tp1", "0.05")]),
        ("Second", [("tp2", "0.05")]),
        ("Last", [("tp3", "0.05")]),
        ("Halves", [("tp1", "0.025"), ("tp2", "0.025")]),
        ("LateHalves", [("tp2", "0.025"), ("tp3", "0.025")]),
    ],
)
@pytest.mark.parametrize("command", ["levels", "explain"])
def test_a_plan_with_fewer_targets_is_computed_sliced_and_judged(
    exitbrain: Exitbrain, instruments: str, command: str, engine: str, slices: list[tuple[str, str]]
) -> None:
    """A long of 0.05 BTC at 64123.4 and 20x, targets 1, 2 and 3 %, stop 1 %: no guard on the levels minds."""
    asked = (command, "--leverage", "20", "--policy", f"foreign:tests.foreign_engines:{engine}Target")
    priced = ("--entry", "64123.4", "--quantity", "0.05", "--instruments", instruments, "--symbol", "BTCUSDT")

    report = exitbrain(*asked, *priced, "--json").report
    text = exitbrain(*asked, *priced)

    assert text.code == 0
    assert "not placed" in text.stdout
    assert [(part["level"], part["quantity"]) for part in report["slices"]] == slices
    assert [guard["state"] for guard in report["guards"]] == ["passed"] * 10


def test_a_symbol_that_the_file_does_not_know_is_named(exitbrain: Exitbrain, instruments: str) -> None:
    ended = exitbrain("levels", "--leverage", "5", "--instruments", instruments, "--symbol", "nope")

    assert (ended.code, ended.stderr) == (2, f"exitbrain: symbol NOPE is not in {instruments}\n")


@pytest.mark.parametrize("command", ["levels", "explain"])
def test_settings_stand_in_for_flags_that_are_not_given(
    exitbrain: Exitbrain, instruments: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    set_as = {"INSTRUMENTS": instruments, "POLICY": "v3.6", "SLIPPAGE_BPS": "3", "FEE_BPS": "7"}
    asked = (command, "--leverage", "20", "--json")
    flags = ("--policy", "v3.6", "--slippage-bps", "3")
    of_btc = exitbrain(*asked, *flags, "--symbol", "BTCUSDT", "--instruments", instruments).report
    of_no_symbol = exitbrain(*asked, *flags, "--fee-bps", "7").report

    for name, value in set_as.items():
        monkeypatch.setenv(f"EXITBRAIN_{name}", value)

    assert exitbrain(*asked, "--symbol", "BTCUSDT").report == of_btc, "the fee is the instrument's own"
    assert exitbrain(*asked).report == of_no_symbol
    assert of_btc["floor"] == 0.0028
    assert of_no_symbol["floor"] == 0.004


def test_flags_win_over_settings(exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("levels", "--leverage", "20", "--policy", "v3.5-fraction", "--fee-bps", "1", "--json")
    without_settings = exitbrain(*asked).report

    for name, value in {"POLICY": "v3.6", "FEE_BPS": "7"}.items():
        monkeypatch.setenv(f"EXITBRAIN_{name}", value)

    assert exitbrain(*asked).report == without_settings


def test_a_setting_in_a_file_counts_for_levels_too(exitbrain: Exitbrain, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EXITBRAIN_POLICY=v3.6\n", encoding="utf-8")

    assert exitbrain("levels", "--leverage", "20", "--json").report["policy"] == "v3.6"


def test_a_file_of_settings_that_is_not_text_is_named(exitbrain: Exitbrain, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"EXITBRAIN_POLICY=v3.6\xff\n")
    ended = exitbrain("levels", "--leverage", "20")

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("exitbrain: .env cannot be read: it is not UTF-8 (")


def test_an_instruments_file_that_can_not_be_read_is_something_needed(exitbrain: Exitbrain) -> None:
    ended = exitbrain("levels", "--leverage", "5", "--instruments", "nowhere.json", "--symbol", "BTCUSDT")

    assert ended.code == 3
    assert "nowhere.json cannot be read" in ended.stderr


@pytest.mark.parametrize(
    ("flag", "field", "values"),
    [
        ("--leverage", "leverage", ["0.99", "1", "125", "125.01"]),
        ("--volatility", "volatility_factor", ["-0.01", "0", "1e15", "1.1e15"]),
        ("--funding", "funding_rate", ["-1.1e15", "-1e15", "1e15", "1.1e15"]),
        ("--divergence", "exchange_divergence", ["-1.1e15", "-1e15", "1e15", "1.1e15"]),
        ("--confidence", "confidence", ["-5", "1e300"]),
        ("--entry", "entry_price", ["0", "1e-16", "1e-15", "1e15", "1.1e15", "nan"]),
        ("--quantity", "quantity", ["-1", "1e-16", "1e-15", "1e15", "1.1e15"]),
    ],
)
def test_what_a_message_may_say_a_user_may_say_too(
    exitbrain: Exitbrain, flag: str, field: str, values: list[str]
) -> None:
    for value in values:
        said = {"symbol": "BTCUSDT", "side": "BUY", "leverage": "5", field: value}
        message = from_fields("trade.intent", None, said, origin=Origin.IMPORT, max_bytes=65_536)
        translated = WireTranslator().translate(message)
        accepted = isinstance(translated, TradeIntent) and not translated.unusable

        flags = {"--leverage": "5", flag: value}
        ended = exitbrain("levels", *(f"{name}={text}" for name, text in flags.items()))

        assert (ended.code == 0) == accepted, value


def test_the_table_shows_distances_what_bound_and_what_failed(exitbrain: Exitbrain) -> None:
    text = exitbrain("levels", "--leverage", "20", "--volatility", "1.5").stdout

    assert "0.847247979309735" in text
    assert "clamp_max: 1.0414310507589377 → 0.02" in text
    assert "✘ stop_wider_than_costs: stop 0.02 % is inside round-trip cost 0.10 %" in text
    assert "? stop_inside_liquidation: not checkable: no leverage brackets" in text
    assert "v3.5 does not read divergence and funding." in text


def test_an_engine_of_the_users_own_is_judged_like_any_policy(exitbrain: Exitbrain) -> None:
    given = ("levels", "--leverage", "20", "--volatility", "1.5", "--base-sl", "0.02", "--json", "--policy")

    own, shipped = exitbrain(*given, OLD_ENGINE).report, exitbrain(*given, "v3.5-fraction").report

    told_by_our_formula_alone = {"policy", "engine", "floor", "cap", "binding"}
    assert {key for key in own if own[key] != shipped[key]} == told_by_our_formula_alone
    assert (own["policy"], own["floor"], own["cap"], own["binding"]) == (OLD_ENGINE, 0.0, 1.0, [])


def test_an_engine_that_gives_percents_is_read_as_percent(exitbrain: Exitbrain) -> None:
    given = ("levels", "--leverage", "20", "--json", "--policy")

    own, shipped = exitbrain(*given, OLD_ENGINE, "--unit", "percent").report, exitbrain(*given, "v3.5").report

    assert [own[key] for key in ("unit", "tp1", "sl")] == [shipped[key] for key in ("unit", "tp1", "sl")]
    assert own["guards"] == shipped["guards"]


def test_an_engine_in_the_working_folder_is_found_and_what_it_prints_is_no_report(
    exitbrain: Exitbrain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = """from exitbrain import AdaptiveLeverageEngine

print("loading")

class Talking(AdaptiveLeverageEngine):
    def compute_levels(self, *given, **modifiers):
        print("computing")
        return super().compute_levels(*given, **modifiers)
"""
    (tmp_path / "talking_engine.py").write_text(source, encoding="utf-8")

    ended = exitbrain("levels", "--leverage", "20", "--policy", "foreign:talking_engine:Talking", "--json")

    assert ended.report["tp1"] == 0.008472479793097351
    assert ended.stderr == "loading\ncomputing\n"


@pytest.mark.parametrize(
    ("engine", "sentence"),
    [
        ("nowhere:Engine", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("exitbrain:Engine", "cannot be loaded: module exitbrain has no class Engine"),
        ("tests.foreign_engines:Failing", "failed: ValueError: no levels for 20.0"),
    ],
)
def test_an_engine_that_gives_no_levels_is_one_sentence(
    exitbrain: Exitbrain, engine: str, sentence: str
) -> None:
    ended = exitbrain("levels", "--leverage", "20", "--policy", f"foreign:{engine}")

    assert ended == (3, "", f"exitbrain: engine foreign:{engine} {sentence}\n")
