"""The drop-in for the old engine gives its numbers, and fails where the old one was misused."""

import csv
import json
from math import log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain import AdaptiveLevels, AdaptiveLeverageEngine, InvalidValue

_NAN, _INF = float("nan"), float("inf")


def by_hand(
    base_tp: float, base_sl: float, leverage: float, vol: float, funding: float, div: float
) -> list[float]:
    """Return tp1, tp2, tp3 and sl as the specification writes lsf-3.5, with the logarithm of the platform."""
    lsf = 1 / (1 + log(max(leverage, 1) + 1))
    scale = 1 + 0.8 * funding
    targets = [
        base_tp * (0.6 + lsf) * scale,
        base_tp * (1.2 + lsf / 2) * scale,
        base_tp * (1.8 + lsf / 4) * scale,
    ]
    stop = base_sl * (1 + (1 - lsf) * 0.8) * (1 + 0.4 * div + 0.2 * vol)
    return [*(max(target, 0.003) for target in targets), min(max(stop, 0.0015, 0.001), 0.02)]


def levels_of(levels: AdaptiveLevels) -> list[float]:
    return [levels.tp1_pct, levels.tp2_pct, levels.tp3_pct, levels.sl_pct]


@given(
    st.floats(0.0, 0.1),
    st.floats(0.0, 0.1),
    st.floats(0.0, 500.0),
    st.floats(0.0, 5.0),
    st.floats(-0.1, 0.1),
    st.floats(0.0, 1.0),
)
def test_levels_are_those_of_the_formula(
    base_tp: float, base_sl: float, leverage: float, vol: float, funding: float, div: float
) -> None:
    levels = AdaptiveLeverageEngine().compute_levels(base_tp, base_sl, leverage, vol, funding, div)

    assert levels_of(levels) == pytest.approx(
        by_hand(base_tp, base_sl, leverage, vol, funding, div), rel=1e-14
    )


def test_recorded_output_of_the_old_system_comes_out_bit_for_bit(shared_data: Path) -> None:
    lines = (shared_data / "intents" / "adaptive-levels.jsonl").read_text(encoding="utf-8").splitlines()
    payload = json.loads(json.loads(lines[0])["fields"]["payload"])
    recorded = payload["adaptive_levels"]

    levels = AdaptiveLeverageEngine(1.0, 0.5).compute_levels(
        1.0, 0.5, payload["leverage"], payload["volatility_factor"]
    )

    assert levels_of(levels) == [recorded[name] for name in ("tp1", "tp2", "tp3", "sl")]
    assert levels.lsf == recorded["LSF"]
    assert levels.harvest_scheme == recorded["harvest_scheme"]


def test_agreeing_golden_rows_come_out_to_twelve_digits(shared_data: Path) -> None:
    with (shared_data / "golden" / "levels-v3.5.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["verdict"] == "agrees" and row["base_tp_fraction"]]
    assert len(rows) > 5

    for row in rows:
        modifiers = [
            float(row[f]) if row[f] else None
            for f in ("volatility_factor", "funding_delta", "exchange_divergence")
        ]
        bases = float(row["base_tp_fraction"]), float(row["base_sl_fraction"])
        levels = AdaptiveLeverageEngine().compute_levels(*bases, float(row["leverage"]), *modifiers)
        expected = [float(row[f"formula_{name}_fraction"]) for name in ("tp1", "tp2", "tp3", "sl")]
        assert levels_of(levels) == pytest.approx(expected, abs=6e-13), row["row"]
        assert levels.harvest_scheme == [float(part) for part in row["formula_harvest"].split("/")]


def test_every_modifier_moves_the_levels() -> None:
    def levels(**modifiers: float) -> list[float]:
        return levels_of(AdaptiveLeverageEngine().compute_levels(0.01, 0.005, 10, **modifiers))

    plain = levels()
    assert levels(volatility_factor=1.0)[3] > plain[3]
    assert levels(exchange_divergence=0.5)[3] > plain[3]
    assert levels(funding_delta=0.01)[0] > plain[0]


def test_a_missing_modifier_counts_as_zero() -> None:
    engine = AdaptiveLeverageEngine()

    assert engine.compute_levels(0.01, 0.005, 10) == engine.compute_levels(0.01, 0.005, 10, 0.0, 0.0, 0.0)


def test_bases_are_those_of_the_call_not_those_of_the_constructor() -> None:
    engine = AdaptiveLeverageEngine(base_tp=0.5, base_sl=0.5)

    assert engine.compute_levels(0.01, 0.005, 10) == AdaptiveLeverageEngine().compute_levels(0.01, 0.005, 10)
    assert (engine.base_tp, engine.base_sl) == (0.5, 0.5)


def test_negative_bases_count_as_zero() -> None:
    engine = AdaptiveLeverageEngine()

    levels = engine.compute_levels(-1.0, -1.0, 10, funding_delta=-5.0, exchange_divergence=-9.0)

    assert levels_of(levels) == [0.003, 0.003, 0.003, 0.0015]


def test_missing_base_arguments_are_named() -> None:
    compute: Any = AdaptiveLeverageEngine().compute_levels

    with pytest.raises(TypeError, match="'base_tp_pct' and 'base_sl_pct'"):
        compute(leverage=10, volatility_factor=1.0)


def test_get_harvest_scheme_points_to_harvest_scheme_for() -> None:
    engine: Any = AdaptiveLeverageEngine()

    with pytest.raises(AttributeError, match="get_harvest_scheme; its name is harvest_scheme_for"):
        engine.get_harvest_scheme(10)
    with pytest.raises(AttributeError, match=r"no get_scheme$"):
        engine.get_scheme(10)


@pytest.mark.parametrize(
    ("leverage", "scheme"),
    [
        (1, [0.3, 0.3, 0.4]),
        (10, [0.3, 0.3, 0.4]),
        (10.5, [0.4, 0.4, 0.2]),
        (30, [0.4, 0.4, 0.2]),
        (31, [0.5, 0.3, 0.2]),
    ],
)
def test_harvest_scheme_is_a_list_by_leverage(leverage: float, scheme: list[float]) -> None:
    engine = AdaptiveLeverageEngine()

    assert engine.harvest_scheme_for(leverage) == scheme
    assert engine.compute_levels(0.01, 0.005, leverage).harvest_scheme == scheme


def test_a_changed_harvest_scheme_stays_with_its_owner() -> None:
    engine = AdaptiveLeverageEngine()
    engine.harvest_scheme_for(10).append(1.0)

    assert engine.harvest_scheme_for(10) == [0.3, 0.3, 0.4]


@pytest.mark.parametrize(
    ("average", "confidence", "factor"),
    [
        (0.0, 0.8, 1.0),
        (-0.1, 0.8, 0.9),
        (0.31, 0.8, 1.1),
        (0.3, 0.5, 1.0),
        (0.0, 0.49, 0.95),
        (-1, 0.1, 0.85),
    ],
)
def test_optimize_based_on_pnl_exists_and_gives_the_factor(
    average: float, confidence: float, factor: float
) -> None:
    assert AdaptiveLeverageEngine().optimize_based_on_pnl(average, confidence) == pytest.approx(
        factor, rel=1e-15
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("tp1", "tp1_pct"), ("tp2", "tp2_pct"), ("tp3", "tp3_pct"), ("sl", "sl_pct"), ("LSF", "lsf")],
)
def test_a_wrong_name_of_a_level_points_to_the_right_one(wrong: str, right: str) -> None:
    levels = AdaptiveLeverageEngine().compute_levels(0.01, 0.005, 10)

    with pytest.raises(AttributeError, match=rf"no {wrong}; its name is {right}$"):
        getattr(levels, wrong)
    assert getattr(levels, right) > 0


@pytest.mark.parametrize("leverage", [0, -5, 0.5, 1])
def test_leverage_below_one_counts_as_one(leverage: float) -> None:
    engine = AdaptiveLeverageEngine()

    assert engine.compute_levels(0.01, 0.005, leverage) == engine.compute_levels(0.01, 0.005, 1.0)
    assert engine.compute_lsf(leverage) == engine.compute_lsf(1)


def test_leverage_above_the_venue_s_maximum_is_computed() -> None:
    engine = AdaptiveLeverageEngine()

    assert engine.compute_lsf(200) == pytest.approx(1 / (1 + log(201)))
    assert engine.compute_levels(0.01, 0.005, 200).lsf == engine.compute_lsf(200)


@pytest.mark.parametrize("bad", [_NAN, _INF, -_INF, 1e16, 10**400, None, "10"])
def test_what_is_no_usable_number_is_refused_by_name(bad: Any) -> None:
    engine = AdaptiveLeverageEngine()

    with pytest.raises(InvalidValue, match=r"^leverage is .*; allowed: a number from -1e\+15 to 1e\+15$"):
        engine.compute_levels(0.01, 0.005, bad)
    with pytest.raises(InvalidValue, match=r"^base_tp_pct "):
        engine.compute_levels(bad, 0.005, 10)
    with pytest.raises(InvalidValue, match=r"^base_sl_pct "):
        engine.compute_levels(0.01, bad, 10)
    for lone in (engine.compute_lsf, engine.harvest_scheme_for):
        with pytest.raises(InvalidValue, match=r"^leverage "):
            lone(bad)
    with pytest.raises(InvalidValue, match=r"^confidence "):
        engine.optimize_based_on_pnl(0.0, bad)


@pytest.mark.parametrize("modifier", ["volatility_factor", "funding_delta", "exchange_divergence"])
def test_a_modifier_that_is_no_number_is_refused_by_name(modifier: str) -> None:
    compute: Any = AdaptiveLeverageEngine().compute_levels

    with pytest.raises(InvalidValue, match=rf"^{modifier} is nan"):
        compute(0.01, 0.005, 10, **{modifier: _NAN})


def test_constants_are_those_of_the_old_engine() -> None:
    engine = AdaptiveLeverageEngine

    assert (engine.SL_CLAMP_MIN, engine.SL_CLAMP_MAX, engine.TP_MIN, engine.SL_MIN) == (
        0.001,
        0.02,
        0.003,
        0.0015,
    )
