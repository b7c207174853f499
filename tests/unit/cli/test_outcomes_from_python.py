"""`ExitBrain.outcomes`: the numbers of `whatif --candles`, bit for bit, and its verdicts."""

import asyncio
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exitbrain import (
    AsyncExitBrain,
    ExitBrain,
    Interval,
    InvalidValue,
    LaboratoryMissing,
    LabOutcomes,
    MarketUnreadable,
    Selection,
    UnknownPolicy,
)
from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.every_kind import write_every_kind

STORE = "sqlite:///exitbrain.db"
SWEEP = ("--set", "clamp_max=0.03", "--sweep", "base_sl=0.004:0.02:0.008")
WIDER = {"clamp_max": 0.03}
VARIANTS = [{**WIDER, "base_sl": base_sl} for base_sl in (0.004, 0.012, 0.02)]
WHATIF = ("whatif", "--policy", "v3.6", "--candles", "candles", "--table", "t.arrow", "--legs", "--json")


@pytest.fixture
def brain(tmp_path: Path, exitbrain: Exitbrain) -> Iterator[ExitBrain]:
    """Open a store with a position of each kind."""
    write_every_kind(tmp_path)
    assert exitbrain("ingest", "messages.jsonl", "--policy", "v3.6").code == 0
    with ExitBrain.open(STORE) as opened:
        yield opened


def written(name: str) -> pa.Table:
    with pa.memory_map(name) as source:
        return pa.ipc.open_file(source).read_all()


def test_a_family_has_the_tables_and_the_judgement_of_the_command(
    brain: ExitBrain, exitbrain: Exitbrain
) -> None:
    family = exitbrain(*WHATIF, *SWEEP).report["family"]

    outcomes = brain.outcomes("v3.6", *VARIANTS, candles="candles")

    assert outcomes.table().equals(written("t.arrow"), check_metadata=True)
    assert outcomes.policies().equals(written("t.policies.arrow"), check_metadata=True)
    assert outcomes.legs().equals(written("t.legs.arrow"), check_metadata=True)
    verdict, best = outcomes.verdict(), outcomes.best()
    judged = family["walk_forward"]["judgement"]
    assert (verdict.evidence.verdict, verdict.evidence.reason) == (judged["verdict"], judged["reason"])
    assert (verdict.unit, verdict.policy, verdict.difference) == ("committed", None, None)
    highest = max(family["policies"], key=lambda member: member["difference"]["lower"])
    assert (best.policy, best.difference) == (highest["policy"], Interval(**highest["difference"]))
    assert best.number == family["policies"].index(highest) + 1
    assert best.evidence.reason == highest["judgement"]["reason"]
    assert [each.field for each in outcomes.assumptions] == [each["field"] for each in family["assumptions"]]


ANSWERS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("--judge", "r", "--baseline", "v3.5"), {"judge": "r", "baseline": "v3.5"}),
    (
        ("--unknown-closes", "exits", "--after-close", "horizon", "--horizon", "7"),
        {"unknown_closes": "exits", "after_close": "horizon", "horizon": timedelta(minutes=7)},
    ),
    (
        ("--fee-bps", "4", "--slippage-bps", "1.5", "--tp-execution", "limit", "--maker-fee-bps", "-1"),
        {"fee_bps": 4, "slippage_bps": 1.5, "tp_execution": "limit", "maker_fee_bps": -1},
    ),
    (
        ("--break-even", "--trailing", "0.004:0.003", "--time-stop", "9", "--rule-interval", "2m"),
        {
            "break_even": "cost",
            "trailing": (0.004, 0.003),
            "time_stop": timedelta(minutes=9),
            "rule_interval": timedelta(minutes=2),
        },
    ),
    (
        ("--break-even", "0.001", "--symbol", "BTCUSDT", "--seed", "3"),
        {"break_even": 0.001, "selection": Selection(symbol="BTCUSDT"), "seed": 3},
    ),
    (
        ("--include-off-market", "--mark", "candles", "--finer", "candles", "--working-type", "mark"),
        {"include_off_market": True, "mark": "candles", "finer": Path("candles"), "working_type": "mark"},
    ),
]


@pytest.mark.parametrize(("flags", "options"), ANSWERS, ids=[flags[0] for flags, _ in ANSWERS])
def test_every_option_gives_what_its_flag_gives(
    flags: tuple[str, ...], options: dict[str, Any], brain: ExitBrain, exitbrain: Exitbrain
) -> None:
    ended = exitbrain(*WHATIF, "--set", "base_sl=0.02", *flags)
    assert ended.code == 0, ended.stderr

    outcomes = brain.outcomes("v3.6", {"base_sl": 0.02}, candles=Path("candles"), **options)

    assert outcomes.table().equals(written("t.arrow"), check_metadata=True)
    assert outcomes.policies().equals(written("t.policies.arrow"), check_metadata=True)
    outcome, judged = ended.report["outcome"], outcomes.verdict()
    assert judged == outcomes.best()
    assert judged.policy == outcome["policy"]
    assert judged.difference == Interval(**outcome["difference"])
    assert judged.unit == outcome["unit"]
    assert judged.evidence.resampling.seed == outcome["judgement"]["seed"]


def test_a_table_of_reasons_is_that_of_the_settings_or_the_one_given(
    brain: ExitBrain, tmp_path: Path
) -> None:
    (tmp_path / "reasons.json").write_text('{"moon phase": "venue"}')

    def ended_by(opened: ExitBrain, **options: Any) -> set[str]:
        outcomes = opened.outcomes("v3.6", candles="candles", **options)
        return {row for row in outcomes.table()["ended_by"].to_pylist() if row is not None}

    assert "venue" not in ended_by(brain)
    assert "venue" in ended_by(brain, reasons="reasons.json")
    with ExitBrain.open(STORE, reasons=Path("reasons.json")) as opened:
        assert "venue" in ended_by(opened)


def test_the_outcomes_come_in_batches_and_as_a_data_frame(brain: ExitBrain, exitbrain: Exitbrain) -> None:
    exitbrain(*WHATIF[:-4], "--table", "t.parquet")

    outcomes = brain.outcomes("v3.6", candles="candles")

    assert pa.Table.from_batches(outcomes.batches()) == outcomes.table() == pq.read_table("t.parquet")
    frame = outcomes.to_pandas()
    assert list(frame["net_first_pessimistic"].dropna()) == [
        net for net in outcomes.table()["net_first_pessimistic"].to_pylist() if net is not None
    ]


def test_the_awaitable_twin_gives_the_same(brain: ExitBrain) -> None:
    async def asked() -> LabOutcomes:
        async with AsyncExitBrain.open(STORE) as twin:
            return await twin.outcomes("v3.6", *VARIANTS, candles="candles", baseline="v3.5", judge="r")

    there = brain.outcomes("v3.6", *VARIANTS, candles="candles", baseline="v3.5", judge="r")
    here = asyncio.run(asked())
    assert here.table().equals(there.table(), check_metadata=True)
    assert here.verdict() == there.verdict()


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"judge": "percent"}, InvalidValue, "judge is 'percent'; allowed: committed, r, quote or first"),
        ({"horizon": timedelta(0)}, InvalidValue, "horizon is '0:00:00'; allowed: a timedelta of a milli"),
        ({"horizon": 5}, TypeError, "horizon is 5 (int); wanted: a timedelta"),
        ({"trailing": 0.01}, InvalidValue, "trailing is 0.01; allowed: (activation, distance)"),
        ({"trailing": (0.01, 2)}, InvalidValue, "trailing distance is 2.0"),
        ({"break_even": "soon"}, InvalidValue, "break_even is 'soon'; allowed: a number from -1 to 1"),
        ({"fee_bps": 20_000}, InvalidValue, "fee_bps is 20000"),
        ({"seed": -1}, InvalidValue, "seed is -1; allowed: 0 or more"),
        ({"include_off_market": "yes"}, TypeError, "include_off_market is 'yes' (str)"),
        ({"mark": 3}, TypeError, "mark is 3 (int); wanted: the path"),
        ({"fees": 3}, TypeError, "outcomes() has no option fees; known: judge"),
        ({"baseline": "v9"}, UnknownPolicy, "v9"),
        ({"baseline": 9}, TypeError, "baseline is 9 (int)"),
        ({"candles": "nowhere"}, MarketUnreadable, "nowhere does not exist"),
        ({"candles": 3}, TypeError, "candles is 3 (int)"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    options: dict[str, Any], error: type[Exception], said: str, brain: ExitBrain
) -> None:
    with pytest.raises(error, match=re.escape(said)) as raised:
        brain.outcomes("v3.6", **{"candles": "candles", **options})

    assert "\n" not in str(raised.value)


def test_without_the_laboratory_one_sentence_names_the_extra(
    brain: ExitBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("exitbrain.infrastructure.lab.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(LaboratoryMissing, match=r"^outcomes need the extra exitbrain\[lab\]: .*pyarrow"):
        brain.outcomes("v3.6", candles="candles")
