"""Millions of decisions as segments of a mirror, made by the kernels and checked in samples against the scalar way."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.policies.formulas.registry import SHIPPED, compute
from exitbrain.domain.policies.formulas.terms import FormulaOutputs
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.arrays import InputColumns
from exitbrain.infrastructure.lab.decision_columns import INPUTS, OUTPUTS, PLAN_ID, Coded, DecisionColumns
from exitbrain.infrastructure.lab.formula_rows import compute_rows, formula_rows
from exitbrain.infrastructure.lab.segment import write_segment
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns

ROWS = 500_000
SYMBOLS, PRICES, SIZES = 500, 20_000, 1_000
CHECKED = 40
POLICY = SHIPPED["v3.5"]
START_US = 1_767_225_600_000_000
MAX_AGE_S = 300.0

Doubles = npt.NDArray[np.float64]


def write_segments(folder: Path, store_id: str, register: PolicyRegister, rows: int) -> None:
    """Write decisions under v3.5 as a mirror of a store; what guards found on them is left out."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(20260101)
    for first in range(1, rows + 1, ROWS):
        count = min(ROWS, rows - first + 1)
        columns = _decided(draw, register, first, count)
        write_segment(folder, store_id, first, first + count - 1, columns, "0" * 64)


def _decided(draw: np.random.Generator, register: PolicyRegister, first: int, count: int) -> DecisionColumns:
    prices = tuple(str(Decimal(tick) / 100) for tick in range(1_000_000, 1_000_000 + PRICES))
    sizes = tuple(str(Decimal(step) / 1000) for step in range(1, SIZES + 1))
    price_codes, size_codes = (draw.integers(0, high, count).astype(np.int32) for high in (PRICES, SIZES))
    x = InputColumns(
        leverage=draw.uniform(1.0, 125.0, count),
        direction=np.where(draw.random(count) < 0.5, 1.0, -1.0),
        volatility=draw.uniform(0.3, 2.9, count),
        funding=draw.normal(0.0, 0.0002, count),
        divergence=draw.uniform(0.0, 1.0, count),
        confidence=draw.uniform(0.3, 1.0, count),
        average_pnl=draw.normal(0.1, 0.5, count),
        base_tp=np.full(count, POLICY.parameters["base_tp"]),
        base_sl=np.full(count, POLICY.parameters["base_sl"]),
        fee_bps=np.full(count, 5.0),
        slippage_bps=np.zeros(count),
        entry_price=np.array([float(price) for price in prices])[price_codes],
        quantity=np.array([float(size) for size in sizes])[size_codes],
    )
    out = compute_rows(
        POLICY, formula_rows(x, POLICY.ignores, np.full(count, -1), SnapshotColumns.of([]).ladders)
    )
    columns = _recorded(draw, register, first, x, out, (prices, price_codes), (sizes, size_codes))
    for row in draw.integers(0, count, CHECKED).tolist():
        _check(columns, row)
    return columns


def _recorded(
    draw: np.random.Generator,
    register: PolicyRegister,
    first: int,
    x: InputColumns,
    out: FormulaOutputs[Doubles],
    price: tuple[tuple[str, ...], npt.NDArray[np.int32]],
    size: tuple[tuple[str, ...], npt.NDArray[np.int32]],
) -> DecisionColumns:
    count = len(x.leverage)
    ref = register.policies[POLICY.name].ref
    position = np.arange(first, first + count, dtype=np.int64)
    occurred = START_US + position * 137_000

    def everywhere(text: str) -> Coded:
        return Coded(np.zeros(count, dtype=np.int32), (text,))

    return DecisionColumns(
        log_position=position,
        plan_id=np.frombuffer(draw.bytes(16 * count), PLAN_ID),
        revision=np.ones(count, dtype=np.int32),
        readable=np.ones(count, dtype=np.bool_),
        refused=np.zeros(count, dtype=np.bool_),
        regular=np.ones(count, dtype=np.bool_),
        account=everywhere("default"),
        symbol=Coded(
            draw.integers(0, SYMBOLS, count).astype(np.int32), tuple(f"S{n}USDT" for n in range(SYMBOLS))
        ),
        policy=everywhere(ref.name),
        parameters_hash=everywhere(ref.parameters_hash),
        fingerprint=everywhere(ref.fingerprint),
        snapshot=Coded(np.full(count, -1, dtype=np.int32), ()),
        occurred_at_us=occurred,
        recorded_at_us=occurred + draw.integers(1_000, 900_000, count),
        time_known=np.ones(count, dtype=np.bool_),
        max_intent_age_s=np.full(count, MAX_AGE_S),
        direction=x.direction,
        leverage_assumed=np.zeros(count, dtype=np.bool_),
        **{name: getattr(x, name) for name in INPUTS},
        entry_price=x.entry_price,
        quantity=x.quantity,
        entry_price_text=Coded(price[1], price[0]),
        quantity_text=Coded(size[1], size[0]),
        **{name: np.ascontiguousarray(getattr(out, name)) for name in OUTPUTS},
        harvest1=out.harvest1,
        harvest2=out.harvest2,
        harvest3=out.harvest3,
        floor=out.floor,
        cap=out.cap,
        refusal=np.zeros(count, dtype=np.int8),
        guard_states=np.zeros(count, dtype=np.int32),
        judgement=draw.integers(0, 2**64, count, dtype=np.uint64),
    )


def _check(columns: DecisionColumns, row: int) -> None:
    """Compare one decision with what the scalar formula says of its inputs."""
    price, size = columns.entry_price_text.text(row), columns.quantity_text.text(row)
    if price is None or size is None:
        raise AssertionError("a price is missing")
    inputs = LevelInputs(
        side=Side.LONG if columns.direction[row] > 0 else Side.SHORT,
        leverage_assumed=False,
        entry_price=Decimal(price),
        quantity=Decimal(size),
        **{name: float(getattr(columns, name)[row]) for name in INPUTS},
    )
    raw = compute(POLICY, inputs)
    if [float(getattr(columns, name)[row]) for name in OUTPUTS] != [getattr(raw, name) for name in OUTPUTS]:
        raise AssertionError(f"row {row} is not what the scalar formula gives")
