"""`whatif --candles` on recorded closes: who made them, who goes on, and how much the verdict depends on it."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.messages import intent, line, write
from tests.unit.cli.test_whatif_on_candles import CALM, DAY, MINUTE, Row, candle_file

WIDE = (
    "whatif",
    "--policy",
    "v3.6",
    "--set",
    "base_sl=0.02",
    "--set",
    "clamp_max=0.03",
    "--candles",
    "candles",
)
DIP: list[Row] = [(100.0, 100.0, 98.5, 98.6), *[(98.6, 98.7, 98.5, 98.6)] * 4, (98.6, 106.0, 98.6, 106.0)]
TOP: list[Row] = [(106.0, 106.1, 105.9, 106.0)] * 20


def close(number: int, symbol: str, price: str, reason: str) -> str:
    return line("trade.closed", number, {"symbol": symbol, "exit_price": price, "reason": reason})


@pytest.fixture
def stopped(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """Three longs from 100 through a dip to 98.5 and a rise: closed by the stop, a signal and for no known reason."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    reasons = ("stop_loss (R=-1.0)", "signal", "moon phase")
    messages = [intent(number, symbol, "BUY") for number, symbol in enumerate(symbols)]
    messages += [
        close(560 + n, symbol, "98.6", reason)
        for n, (symbol, reason) in enumerate(zip(symbols, reasons, strict=True))
    ]
    write(tmp_path / "messages.jsonl", messages)
    for symbol in symbols:
        candle_file(tmp_path / "candles", symbol, [*CALM[:8], *DIP, *TOP])
    exitbrain("ingest", "messages.jsonl", "--policy", "v3.6")
    return exitbrain


def test_a_wider_stop_survives_a_close_by_the_stop_and_the_output_says_that_it_went_on(
    stopped: Exitbrain,
) -> None:
    outcome = stopped(*WIDE, "--json").report["outcome"]
    text = stopped(*WIDE).stdout

    by_stop, by_signal, unknown = outcome["details"]
    ends = [[leg["level"] for leg in each["candidate"]["pessimistic"]["legs"]] for each in outcome["details"]]
    assert ends == [["TP1", "TP2", "TP3"], ["EXTERNAL"], ["EXTERNAL"]]
    assert [each["candidate"]["went_on"] for each in outcome["details"]] == [True, False, False]
    assert [by_stop["ended_by"], by_signal["ended_by"], unknown["ended_by"]] == ["exits", "trader", "unknown"]
    assert unknown["taken_for"] == "trader"
    closes = outcome["closes"]
    assert closes["ended_by"] == {"exits": 1, "trader": 1, "venue": 0, "unknown": 1}
    assert (closes["went_on"], closes["unmatched_reasons"]) == (1, ["moon phase"])
    assert len(closes["reason_table"]) == 64
    assert len(closes["readings"]) == 4
    assert "1 position went on after the recorded close" in text
    assert "Reasons that no row of the table matches: 'moon phase'." in text
    assert f"(reason table {closes['reason_table'][:12]})" in text
    assert (
        "unknown_closes trader: positions whose reasons do not say who made a close or a reduction: 1" in text
    )


def test_a_table_of_reasons_of_the_settings_is_read_and_named(
    stopped: Exitbrain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = stopped(*WIDE, "--json").report["outcome"]["closes"]["reason_table"]
    (tmp_path / "reasons.json").write_text(json.dumps({"moon phase": "exits"}))
    monkeypatch.setenv("EXITBRAIN_REASONS", "reasons.json")

    outcome = stopped(*WIDE, "--json").report["outcome"]

    assert outcome["closes"]["ended_by"]["exits"] == 2
    assert outcome["closes"]["unmatched_reasons"] == []
    assert outcome["closes"]["reason_table"] != shipped
    (tmp_path / "reasons.json").write_text(json.dumps({"moon phase": "nobody"}))
    assert stopped(*WIDE).code == 2


def test_unknown_closes_and_the_horizon_are_read_as_asked(stopped: Exitbrain) -> None:
    as_exits = stopped(*WIDE, "--unknown-closes", "exits", "--json").report["outcome"]
    short = stopped(*WIDE, "--horizon", "3m", "--after-close", "horizon", "--json").report["outcome"]

    assert as_exits["details"][2]["candidate"]["pessimistic"]["legs"][0]["level"] == "TP1"
    assert as_exits["closes"]["went_on"] == 2
    (leg,) = short["details"][0]["candidate"]["pessimistic"]["legs"]
    assert (leg["level"], leg["price"]) == ("OPEN", 98.6)
    assert short["closes"]["horizon_ms"] == 3 * MINUTE


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [
        (("--horizon", "0"), "minutes, or a number"),
        (("--after-close", "never"), "next-entry or horizon"),
        (("--unknown-closes", "me"), "trader, exits or infer"),
        (("--judge", "percent"), "committed, r, quote or first"),
    ],
)
def test_a_flag_that_cannot_be_read_is_one_sentence(
    stopped: Exitbrain, flags: tuple[str, str], allowed: str
) -> None:
    found = stopped(*WIDE, *flags)

    assert (found.code, allowed in found.stderr) == (2, True)


@pytest.fixture
def scaled_in(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """A long of 1 from 100, 30 more at 100.2, closed at 99.3; one in USDC; one of unknown quantity."""
    messages = [
        intent(1, "BTCUSDT", "BUY", quantity="1"),
        intent(2, "ETHUSDC", "BUY", quantity="1"),
        line("trade.intent", 3, {"symbol": "SOLUSDT", "side": "BUY", "entry_price": "100", "leverage": "10"}),
        intent(60, "BTCUSDT", "BUY", entry_price="100.2", quantity="30"),
        *(
            close(300 + n, symbol, "99.3", "signal")
            for n, symbol in enumerate(("BTCUSDT", "ETHUSDC", "SOLUSDT"))
        ),
    ]
    write(tmp_path / "messages.jsonl", messages)
    level: list[Row] = [(100.0, 100.3, 99.9, 100.0)] * DAY
    for symbol in ("BTCUSDT", "ETHUSDC", "SOLUSDT"):
        candle_file(tmp_path / "candles", symbol, level)
    exitbrain("ingest", "messages.jsonl", "--policy", "v3.6")
    return exitbrain


def test_results_of_a_position_that_was_added_to_are_of_the_capital_committed(scaled_in: Exitbrain) -> None:
    """All 31 end at 99.3: 27.7 lost of 3106 committed, of 100 at first; as -27.7 % before it was -0.892 %."""
    flags = (*WIDE, "--fee-bps", "0", "--symbol", "BTCUSDT", "--include-off-market", "--json")

    found = {
        unit: scaled_in(*flags, "--judge", unit).report["outcome"]["pessimistic"]
        for unit in ("first", "committed", "quote")
    }
    (position,) = scaled_in(*flags).report["outcome"]["details"]

    assert found["first"] == pytest.approx(-0.277)
    assert found["quote"] == pytest.approx(-27.7)
    assert found["committed"] == pytest.approx(-27.7 / 3106)
    assert position["sizes"]["committed"] == 3106.0
    assert position["as_traded"] == pytest.approx(-0.277)


def test_amounts_of_different_quote_currencies_are_never_added(scaled_in: Exitbrain) -> None:
    flags = (*WIDE, "--include-off-market")

    outcome = scaled_in(*flags, "--json").report["outcome"]
    refused = scaled_in(*flags, "--judge", "quote")

    assert [(each["currency"], each["positions"]) for each in outcome["quote"]] == [("USDC", 1), ("USDT", 1)]
    assert refused.code == 2
    assert "USDC and USDT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_position_without_quantity_has_no_amount_and_is_named(scaled_in: Exitbrain) -> None:
    outcome = scaled_in(
        *WIDE, "--include-off-market", "--judge", "quote", "--symbol", "SOLUSDT", "--json"
    ).report["outcome"]

    assert [(each["symbol"], each["because"]) for each in outcome["left_out"]] == [("SOLUSDT", "no_quantity")]
    assert outcome["positions"] == 0


def test_every_verdict_names_its_unit(scaled_in: Exitbrain) -> None:
    single = scaled_in(*WIDE, "--include-off-market", "--judge", "r").stdout
    family = scaled_in(
        "whatif",
        "--policy",
        "v3.6",
        "--sweep",
        "base_sl=0.004:0.006:0.001",
        "--candles",
        "candles",
        "--include-off-market",
    ).stdout

    assert "judged in r: INCONCLUSIVE" in single
    assert "judged on what followed in committed: INCONCLUSIVE" in family


def test_a_family_has_a_report_with_its_verdicts_and_how_closes_were_read(
    stopped: Exitbrain, tmp_path: Path
) -> None:
    sweep = [
        "whatif",
        "--policy",
        "v3.6",
        "--set",
        "clamp_max=0.03",
        "--sweep",
        "base_sl=0.01:0.02:0.005",
        "--report",
        "family.html",
    ]

    refused, done = stopped(*sweep), stopped(*sweep, "--candles", "candles")

    assert (refused.code, "leave out --sweep" in refused.stderr) == (2, True)
    assert (done.code, "Report: family.html" in done.stderr) == (0, True)
    page = (tmp_path / "family.html").read_text(encoding="utf-8")
    assert '<div class="card plain"><span>Policies to adopt</span>' in page
    assert "<script" not in page
    for text in (
        "3 policies against as recorded on 3 recorded positions",
        "judged on what followed in committed: INCONCLUSIVE",
        "v3.6 clamp_max=0.03 base_sl=0.01",
        "Reasons that no row of the table matches: &#x27;moon phase&#x27;.",
        "1 position went on after the recorded close",
        "unknown_closes trader",
    ):
        assert text in page
