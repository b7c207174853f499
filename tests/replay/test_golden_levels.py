"""The levels that documents, logs and one recorded stream entry of the old engine state."""

import csv
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas

Compute = Callable[[Policy, LevelInputs], RawLevels]

_TARGETS = ("tp1", "tp2", "tp3")


def _compiled(policy: Policy, inputs: LevelInputs) -> RawLevels:
    return BuiltInFormulas().compute(policy, inputs, ())


interpreters = pytest.mark.parametrize("computed", [compute, _compiled], ids=["floats", "compiled"])


@dataclass(frozen=True, slots=True)
class Golden:
    """A row of the golden table; numbers are the stated or formula text, empty where there is none."""

    text: dict[str, str]

    @property
    def verdict(self) -> str:
        return self.text["verdict"]

    @property
    def has_levels(self) -> bool:
        return bool(self.text["base_tp_fraction"])

    def inputs(self, policy: Policy) -> LevelInputs:
        """Return the inputs of the row: an empty modifier is 0, a missing base that of the policy."""

        def number(column: str, default: float) -> float:
            return float(self.text[column]) if self.text[column] else default

        return changed(
            _inputs(
                policy, leverage=float(self.text["leverage"]), volatility=number("volatility_factor", 0.0)
            ),
            funding=number("funding_delta", 0.0),
            divergence=number("exchange_divergence", 0.0),
            base_tp=number("base_tp_fraction", policy.parameters["base_tp"]),
            base_sl=number("base_sl_fraction", policy.parameters["base_sl"]),
        )

    def stated(self, level: str) -> str:
        return self.text[f"stated_{level}"]


def _inputs(policy: Policy, *, leverage: float, volatility: float) -> LevelInputs:
    return LevelInputs(
        side=Side.LONG,
        leverage=leverage,
        leverage_assumed=False,
        volatility=volatility,
        funding=0.0,
        divergence=0.0,
        confidence=0.8,
        average_pnl=0.0,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
        fee_bps=5.0,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )


def prints_as(value: float, stated: str, scale: int = 1) -> bool:
    """Tell whether a double rounds to a stated number: it lies within half a unit of its last digit."""
    number = Decimal(stated)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(Decimal(value) * scale - number) <= Decimal(1).scaleb(exponent) / 2


def _rows(shared_data: Path) -> list[Golden]:
    with (shared_data / "golden" / "levels-v3.5.csv").open(encoding="utf-8", newline="") as file:
        return [Golden(row) for row in csv.DictReader(file)]


def _of_verdict(shared_data: Path, verdict: str) -> list[Golden]:
    return [row for row in _rows(shared_data) if row.verdict == verdict]


def _harvest(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split("/"))


@interpreters
@pytest.mark.parametrize(
    ("leverage", "volatility", "tp1", "tp3", "sl", "lsf", "harvest"),
    [
        (10.0, 1.0, "0.894", "1.874", "0.020", "0.294", (0.3, 0.3, 0.4)),
        (20.0, 1.5, "0.847", "1.862", "0.020", "0.247", (0.4, 0.4, 0.2)),
        (5.0, 0.7, "0.958", "1.890", "0.020", "0.358", (0.3, 0.3, 0.4)),
        (30.0, 1.2, "0.826", "1.856", "0.020", "0.226", (0.4, 0.4, 0.2)),
    ],
)
def test_deployed_policy_gives_the_table_of_the_status_report(
    computed: Compute,
    leverage: float,
    volatility: float,
    tp1: str,
    tp3: str,
    sl: str,
    lsf: str,
    harvest: tuple[float, ...],
) -> None:
    raw = computed(V3_5, _inputs(V3_5, leverage=leverage, volatility=volatility))

    assert prints_as(raw.tp1, tp1)
    assert prints_as(raw.tp3, tp3)
    assert prints_as(raw.sl, sl)
    assert prints_as(raw.lsf, lsf)
    assert raw.harvest == harvest


@interpreters
def test_agreeing_rows_come_out_to_every_stated_digit(computed: Compute, shared_data: Path) -> None:
    rows = _of_verdict(shared_data, "agrees")
    assert len(rows) == 13

    for row in rows:
        raw = computed(V3_5_FRACTION, row.inputs(V3_5_FRACTION))
        scale = 100 if row.text["stated_unit"] == "percent" else 1
        if row.stated("lsf"):
            assert prints_as(raw.lsf, row.stated("lsf")), row
        for level in (*_TARGETS, "sl"):
            if row.stated(level):
                assert prints_as(getattr(raw, level), row.stated(level), scale), (level, row)
        if row.stated("harvest"):
            assert raw.harvest == _harvest(row.stated("harvest")), row


@interpreters
def test_rows_of_the_unit_error_come_out_as_deployed(computed: Compute, shared_data: Path) -> None:
    rows = _of_verdict(shared_data, "sl-unit-bug")
    assert len(rows) == 13

    for row in rows:
        given = row.inputs(V3_5)
        inputs = changed(given, base_tp=V3_5.parameters["base_tp"], base_sl=V3_5.parameters["base_sl"])
        raw = computed(V3_5, inputs)
        assert prints_as(raw.lsf, row.stated("lsf")), row
        for level in _TARGETS:
            if row.stated(level):
                assert prints_as(getattr(raw, level), row.stated(level)), (level, row)
        assert raw.sl == 0.02, row
        assert Decimal(row.stated("sl")) == Decimal("0.02")
        if row.stated("harvest"):
            assert raw.harvest == _harvest(row.stated("harvest")), row


@interpreters
@pytest.mark.parametrize("verdict", ["agrees", "sl-unit-bug"])
def test_formula_columns_come_out_to_twelve_decimals(
    computed: Compute, shared_data: Path, verdict: str
) -> None:
    for row in _of_verdict(shared_data, verdict):
        raw = computed(V3_5_FRACTION, row.inputs(V3_5_FRACTION))

        assert prints_as(raw.lsf, _twelve_decimals(row.text["formula_lsf"])), row
        assert raw.harvest == _harvest(row.text["formula_harvest"]), row
        for level in (*_TARGETS, "sl"):
            if row.has_levels:
                formula = _twelve_decimals(row.text[f"formula_{level}_fraction"])
                assert prints_as(getattr(raw, level), formula), (level, row)


def _twelve_decimals(text: str) -> str:
    return format(Decimal(text), ".12f")


@interpreters
def test_the_recorded_output_comes_out_bit_for_bit(computed: Compute, shared_data: Path) -> None:
    (line,) = (shared_data / "intents" / "adaptive-levels.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = json.loads(json.loads(line)["fields"]["payload"])
    levels = recorded["adaptive_levels"]

    raw = computed(
        V3_5,
        _inputs(V3_5, leverage=float(recorded["leverage"]), volatility=recorded["volatility_factor"]),
    )

    assert levels["tp1"] == 0.847247979309735
    for name in (*_TARGETS, "sl"):
        assert struct.pack("<d", getattr(raw, name)) == struct.pack("<d", levels[name]), name
    assert struct.pack("<d", raw.lsf_adjusted) == struct.pack("<d", levels["LSF"])
    assert list(raw.harvest) == levels["harvest_scheme"]


@pytest.mark.parametrize(
    ("value", "stated", "scale", "prints"),
    [
        (0.85, "0.85", 1, True),
        (0.8549, "0.85", 1, True),
        (0.8551, "0.85", 1, False),
        (0.0085, "0.85", 100, True),
        (0.0085, "0.85", 1, False),
        (0.24724797930973505, "0.24724797930973505", 1, True),
    ],
)
def test_a_number_prints_as_what_it_rounds_to(value: float, stated: str, scale: int, prints: bool) -> None:
    assert prints_as(value, stated, scale) is prints
