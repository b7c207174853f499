"""`--table`: every position under every policy, with the numbers of the command bit for bit."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from exitbrain import ExitBrain, incoming_message
from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.every_kind import write_every_kind
from tests.unit.cli.messages import FIRST_MS, line, write
from tests.unit.cli.test_whatif_closes import DIP, TOP
from tests.unit.cli.test_whatif_on_candles import CALM, WILD, candle_file

Rows = list[dict[str, Any]]

UNITS = ("committed", "r", "quote", "first")
SWEEP = (
    *("whatif", "--policy", "v3.6", "--set", "clamp_max=0.03", "--sweep", "base_sl=0.004:0.02:0.008"),
    *("--candles", "candles", "--slippage-bps", "1"),
)
CANDIDATES = (1, 2, 3)


@pytest.fixture
def kinds(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """A store with one position of each kind."""
    write_every_kind(tmp_path)
    assert exitbrain("ingest", "messages.jsonl", "--policy", "v3.6").code == 0
    return exitbrain


def rows(name: str) -> Rows:
    found: Rows = pq.read_table(name).to_pylist()
    return found


def of(table: Rows, policy: int) -> Rows:
    return [row for row in table if row["policy"] == policy and row["counted"]]


def total(rows: Iterable[dict[str, Any]], column: str) -> float:
    """Return the sum of a column in the order of the rows, as the command adds."""
    added = 0.0
    for row in rows:
        if row[column] is not None:
            added += row[column]
    return added


def sums(table: Rows, policy: int, unit: str) -> dict[str, Any]:
    ours = of(table, policy)
    return {
        "pessimistic": total(ours, f"net_{unit}_pessimistic"),
        "optimistic": total(ours, f"net_{unit}_optimistic"),
        "difference": {end: total(ours, f"difference_{unit}_{end}") for end in ("lower", "upper")},
    }


@pytest.mark.parametrize("unit", ["committed", "r", "first"])
def test_the_rows_of_a_family_sum_to_its_totals_bit_for_bit(kinds: Exitbrain, unit: str) -> None:
    family = kinds(*SWEEP, "--judge", unit, "--table", "t.parquet", "--json").report["family"]
    table = rows("t.parquet")

    for number, member in zip(CANDIDATES, family["policies"], strict=True):
        assert sums(table, number, unit) == {key: member[key] for key in sums(table, number, unit)}
    assert family["policies"][0]["pessimistic"] != family["policies"][2]["pessimistic"]
    baseline = sums(table, 0, unit)
    assert family["baseline"] == {key: baseline[key] for key in ("pessimistic", "optimistic")}
    assert len(of(table, 1)) == family["positions"] == 4


def test_amounts_sum_to_the_totals_of_each_currency_bit_for_bit(kinds: Exitbrain) -> None:
    family = kinds(*SWEEP, "--table", "t.parquet", "--json").report["family"]
    one = kinds(*SWEEP, "--judge", "quote", "--symbol", "ETHUSDT", "--table", "eth.parquet", "--json").report
    table, eth = rows("t.parquet"), rows("eth.parquet")

    for number, member in zip(CANDIDATES, family["policies"], strict=True):
        assert [each["currency"] for each in member["quote"]] == ["USDC", "USDT"]
        for each in member["quote"]:
            ours = [row for row in table if row["quote_currency"] == each["currency"]]
            found = sums(ours, number, "quote")
            assert found == {key: each[key] for key in found}
    found = sums(eth, 1, "quote")
    member = one["family"]["policies"][0]
    assert found == {key: member[key] for key in found}


def test_the_fills_as_traded_sum_to_their_total(kinds: Exitbrain) -> None:
    family = kinds(*SWEEP, "--table", "t.parquet", "--json").report["family"]
    traded = of(rows("t.parquet"), -1)

    assert family["as_traded"]["positions"] == len(traded) == 3
    assert family["as_traded"]["net"] == total(traded, "net_committed_pessimistic")
    for row in traded:
        ends = [(column, row[column]) for column in row if column.endswith("_optimistic")]
        assert all(row[column.replace("optimistic", "pessimistic")] == value for column, value in ends)
        assert row["difference_committed_lower"] is None


def test_a_single_candidate_has_the_numbers_of_its_details(kinds: Exitbrain) -> None:
    single = (*SWEEP[:5], "--set", "base_sl=0.02", *SWEEP[7:])
    outcome = kinds(*single, "--table", "t.parquet", "--json").report["outcome"]
    table = rows("t.parquet")

    for policy, under in ((0, "baseline"), (1, "candidate")):
        for row, detail in zip(of(table, policy), outcome["details"], strict=True):
            walked = detail[under]
            assert row["position_id"] == detail["position_id"]
            assert (row["ambiguous"], row["went_on"]) == (walked["ambiguous"], walked["went_on"])
            for bound in ("pessimistic", "optimistic"):
                history, last = walked[bound], walked[bound]["legs"][-1]
                assert row[f"net_first_{bound}"] == history["net"]
                assert row[f"gross_first_{bound}"] == history["gross"]
                assert row[f"net_r_{bound}"] == history["r"]
                assert row[f"net_r_own_{bound}"] == history["r_own"]
                assert row[f"targets_hit_{bound}"] == history["targets_hit"]
                assert row[f"end_level_{bound}"] == last["level"]
                assert row[f"end_at_{bound}"].timestamp() * 1000 == last["at"]
                for measure in ("mfe", "mae"):
                    ends = {end: row[f"{measure}_{bound}_{end}"] for end in ("lower", "upper")}
                    assert ends == last[measure]
            assert row["committed"] == detail["sizes"]["committed"]
            assert row["at_risk"] == detail["sizes"]["at_risk"]


def test_what_is_left_out_is_a_row_with_the_reason_and_the_numbers_that_it_has(kinds: Exitbrain) -> None:
    family = kinds(*SWEEP, "--judge", "committed", "--table", "t.parquet", "--json").report["family"]
    table = rows("t.parquet")

    left_out = [row for row in table if not row["counted"]]
    assert [(row["symbol"], row["policy"], row["left_out"]) for row in left_out] == [
        *(("XRPUSDT", policy, "no_candles") for policy in (0, 1, 2, 3)),
        *(("DOGEUSDT", policy, "off_market") for policy in (-1, 0, 1, 2, 3)),
    ]
    assert {row["left_out_detail"] for row in left_out} == {each["detail"] for each in family["left_out"]}
    assert all(row["net_first_pessimistic"] is None for row in left_out if row["symbol"] == "XRPUSDT")
    assert [row["first_notional"] for row in left_out if row["policy"] == 0] == [200.0, 200.0]
    for number, member in zip(CANDIDATES, family["policies"], strict=True):
        walked = [row for row in table if row["policy"] == number]
        with_all = member["with_off_market"]
        assert total(walked, "net_committed_pessimistic") == with_all["pessimistic"]
        assert total(walked, "difference_committed_upper") == with_all["difference"]["upper"]


def test_a_position_without_a_result_in_the_unit_judged_has_its_numbers_and_is_not_counted(
    kinds: Exitbrain,
) -> None:
    kinds(*SWEEP, "--judge", "quote", "--symbol", "SOLUSDT", "--table", "t.parquet")

    table = rows("t.parquet")
    assert [(row["counted"], row["left_out"]) for row in table] == [(False, "no_quantity")] * 4
    assert all(row["net_first_pessimistic"] is not None for row in table)
    assert all(row["net_quote_pessimistic"] is None for row in table)


def test_who_ended_a_position_and_who_went_on_is_said(kinds: Exitbrain) -> None:
    kinds(*SWEEP, "--table", "t.parquet")

    said = {(row["symbol"], row["policy"]): row for row in rows("t.parquet")}
    assert [said["BTCUSDT", policy]["went_on"] for policy in (-1, 0, 1, 2, 3)] == [False] * 3 + [True] * 2
    assert {symbol: row["ended_by"] for (symbol, _), row in said.items()} == {
        "BTCUSDT": "exits",
        "ETHUSDT": "trader",
        "SOLUSDT": None,
        "XRPUSDT": None,
        "DOGEUSDT": "trader",
        "ADAUSDC": "unknown",
    }
    assert said["BTCUSDT", 0]["close_reason"] == "stop_loss (R=-1.0)"


def test_policies_and_legs_stand_beside_the_table(kinds: Exitbrain) -> None:
    family = kinds(*SWEEP, "--break-even", "--table", "t.parquet", "--legs", "--json").report["family"]

    policies = rows("t.policies.parquet")
    names = [member["policy"] for member in family["policies"]]
    assert [row["name"] for row in policies] == ["as traded", "as recorded", *names]
    assert [json.loads(row["parameters"]).get("base_sl") for row in policies[2:]] == [0.004, 0.012, 0.02]
    assert json.loads(policies[2]["rules"])["break_even"] == "cost"
    table, legs = rows("t.parquet"), rows("t.legs.parquet")
    for row in table:
        for bound in ("pessimistic", "optimistic"):
            its = [
                leg
                for leg in legs
                if (leg["position_id"], leg["policy"], leg["bound"])
                == (row["position_id"], row["policy"], bound)
            ]
            assert [leg["leg"] for leg in its] == list(range(1, len(its) + 1))
            assert (its[-1]["level"] if its else None) == row[f"end_level_{bound}"]


def test_the_table_names_the_unit_the_baseline_and_the_table_of_reasons(kinds: Exitbrain) -> None:
    family = kinds(*SWEEP, "--judge", "r", "--baseline", "v3.5", "--table", "t.parquet", "--json").report[
        "family"
    ]

    said = pq.read_schema("t.parquet").metadata
    assert said[b"exitbrain.judged_unit"] == b"r"
    assert said[b"exitbrain.baseline"] == b"v3.5"
    assert said[b"exitbrain.reasons"].decode() == family["closes"]["reason_table"]


def test_the_columns_asked_for_are_written_and_the_file_is_named(kinds: Exitbrain, tmp_path: Path) -> None:
    columns = ("--columns", "symbol,policy,net_committed_pessimistic")

    printed = kinds(*SWEEP, "--table", "t.csv", *columns)
    asked = kinds(*SWEEP, "--table", "folder", *columns, "--json")

    assert (tmp_path / "t.csv").read_text().splitlines()[0] == '"symbol","policy","net_committed_pessimistic"'
    assert "Table of outcomes: t.csv" in printed.stderr
    assert asked.report["table"] == "folder"
    assert (tmp_path / "folder" / "outcomes" / "part-000000.parquet").exists()
    assert "table" not in kinds(*SWEEP, "--json").report


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ("--candles", "candles", "--columns", "symbol"),
            "--columns is about the table of outcomes; give --table",
        ),
        (("--candles", "candles", "--legs"), "--legs is about the table of outcomes; give --table too"),
        (("--table", "t.parquet"), "--table is about positions on market data; give --candles too"),
        (("--candles", "candles", "--table", "messages.jsonl"), "table is 'messages.jsonl'"),
        (("--candles", "candles", "--table", "exitbrain.db"), "allowed: a file name that ends in .parquet"),
        (("--candles", "nowhere", "--table", "there.csv"), "a new path, but there.csv exists"),
        (("--candles", "nowhere", "--table", "t.csv", "--columns", "symbol,nett"), "columns is 'nett'"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused_before_anything_is_walked(
    flags: tuple[str, ...], said: str, kinds: Exitbrain, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    before = sorted(tmp_path.iterdir())

    found = kinds("whatif", "--policy", "v3.6", *flags)

    assert (found.code, found.stdout, said in found.stderr) == (2, "", True), found.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_in_the_walk_leaves_no_table(kinds: Exitbrain, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())

    found = kinds(*SWEEP, "--symbol", "XRPUSDT", "--table", "t.parquet", "--legs")

    assert found.code == 3
    assert sorted(tmp_path.iterdir()) == before


RECORD_ONLY = {
    *("position_id", "account", "closed_at", "close_reason", "ended_by", "close_price"),
}
"""What a record knows of a position and a file does not, and its name."""

ENTRIES = {
    "BTCUSDT": {"side": "BUY", "entry_price": "100", "quantity": "2", "leverage": "10"},
    "ETHUSDT": {
        "side": "SELL",
        "entry_price": "100",
        "quantity": "0.7",
        "leverage": "25",
        "volatility_factor": "1.4",
    },
    "SOLUSDT": {"side": "BUY", "entry_price": "100", "leverage": "5", "confidence": "0.9"},
    "XRPUSDT": {"side": "BUY", "entry_price": "100", "quantity": "3", "leverage": "10"},
}
COSTS = ("--fee-bps", "4", "--slippage-bps", "1", "--candles", "candles", "--table")


def entered_at(number: int) -> str:
    return datetime.fromtimestamp(FIRST_MS / 1000 + number, UTC).isoformat()


@pytest.fixture
def three_ways(tmp_path: Path, exitbrain: Exitbrain) -> dict[str, Rows]:
    """The same entries imported, handled live and simulated, each written as a table."""
    candle_file(tmp_path / "candles", "BTCUSDT", [*CALM[:8], *DIP, *TOP])
    candle_file(tmp_path / "candles", "ETHUSDT", [*CALM[:5], WILD, *CALM])
    candle_file(tmp_path / "candles", "SOLUSDT", CALM)
    messages = [
        {"symbol": symbol, **fields, "timestamp": entered_at(number)}
        for number, (symbol, fields) in enumerate(ENTRIES.items())
    ]
    write(tmp_path / "messages.jsonl", [line("trade.intent", n, each) for n, each in enumerate(messages)])
    exitbrain("ingest", "messages.jsonl", "--policy", "v3.6", "--store", "sqlite:///imported.db")
    with ExitBrain.open("sqlite:///live.db", policy="v3.6", account="other") as brain:
        for number, each in enumerate(messages):
            brain.handle(incoming_message("trade.intent", each, entry_id=f"{FIRST_MS + 1000 * number}-0"))
        closed = {"symbol": "BTCUSDT", "exit_price": "106", "reason": "signal"}
        at = f"{FIRST_MS + 1_800_000}-0"
        brain.handle(incoming_message("trade.closed", closed, entry_id=at))
    given = [{**each, "opened_at": each["timestamp"]} for each in messages]
    write(tmp_path / "positions.jsonl", [json.dumps(each) for each in given])
    for name in ("imported", "live"):
        store = ("--store", f"sqlite:///{name}.db")
        assert exitbrain("whatif", "--policy", "v3.6", *COSTS, f"{name}.parquet", *store).code == 0
    simulate = ("simulate", "--positions", "positions.jsonl", "--policy", "v3.6")
    assert exitbrain(*simulate, *COSTS, "simulated.parquet").code == 0
    return {
        name: [row for row in rows(f"{name}.parquet") if row["policy"] == 0]
        for name in ("imported", "live", "simulated")
    }


def test_imported_live_and_simulated_positions_have_the_same_row(three_ways: dict[str, Rows]) -> None:
    shared = {
        name: [{key: row[key] for key in row if key not in RECORD_ONLY} for row in found]
        for name, found in three_ways.items()
    }

    assert shared["imported"] == shared["live"] == shared["simulated"]
    imported, live, simulated = three_ways.values()
    assert [row["symbol"] for row in imported] == list(ENTRIES)
    assert [row["end_level_pessimistic"] for row in imported] == ["SL", "SL", "OPEN", None]
    assert [row["left_out"] for row in imported] == [None, None, None, "no_candles"]
    assert (live[0]["ended_by"], imported[0]["ended_by"]) == ("trader", None)
    assert (live[0]["account"], simulated[0]["account"]) == ("other", None)


def test_rows_of_a_simulation_sum_to_its_totals_and_name_what_could_not_be_walked(
    tmp_path: Path, exitbrain: Exitbrain
) -> None:
    candle_file(tmp_path / "candles", "BTCUSDT", [*CALM[:8], *DIP, *TOP])
    candle_file(tmp_path / "candles", "ETHUSDT", [*CALM[:5], WILD, *CALM])
    one = {
        "symbol": "BTCUSDT",
        "side": "LONG",
        "entry_price": 100,
        "opened_at": entered_at(1),
        "leverage": 10,
    }
    given = [
        one,
        {**one, "symbol": "ETHUSDT", "quantity": 0.3},
        {**one, "entry_price": 150},
        {**one, "symbol": "XRPUSDT"},
        {**one, "opened_at": "2020-01-01T00:00:00Z"},
        {"symbol": "BTCUSDT"},
    ]
    write(tmp_path / "positions.jsonl", [json.dumps(each) for each in given])

    simulate = ("simulate", "--positions", "positions.jsonl", "--policy", "v3.6", "--candles", "candles")
    report = exitbrain(*simulate, "--table", "t.parquet", "--legs", "--json").report

    table, totals = rows("t.parquet"), report["totals"]["with_open"]
    for bound in ("pessimistic", "optimistic"):
        assert total(of(table, 0), f"net_first_{bound}") == totals[bound]
    assert [row["left_out"] for row in table] == [None, None, "off_market", "unfit", "no_candles", "unfit"]
    assert [row["symbol"] for row in table] == [
        *("BTCUSDT", "ETHUSDT", "BTCUSDT"),  # walked
        *(None, "XRPUSDT", "BTCUSDT"),
    ]
    assert [row["net_first_pessimistic"] is None for row in table] == [False] * 3 + [True] * 3
    assert report["table"] == "t.parquet"
    assert {leg["position_id"] for leg in rows("t.legs.parquet")} == {row["position_id"] for row in table[:3]}
    assert [row["name"] for row in rows("t.policies.parquet")] == ["v3.6"]
    assert pq.read_schema("t.parquet").metadata[b"exitbrain.reasons"] == b""
    assert exitbrain(*simulate, "--legs").code == 2
    assert exitbrain(*simulate, "--table", "t.parquet").code == 2
