"""Millions of decisions as segments of a mirror, made by the kernels and checked in samples against the scalar way."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exitbrain.domain.decision import judge_levels
from exitbrain.domain.formulas.registry import SHIPPED, compute
from exitbrain.domain.guards import GUARDS, Freshness
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.arrays import InputColumns, LevelColumns
from exitbrain.infrastructure.lab.decision_columns import INPUTS, OUTPUTS, PLAN_ID, Coded, DecisionColumns
from exitbrain.infrastructure.lab.formula_rows import compute_rows, formula_rows
from exitbrain.infrastructure.lab.judgement import (
    FACTOR,
    SEED,
    TRIGGERS,
    bound_word,
    closing_word,
    guard_states,
    guard_word,
    judgement_of,
    reason_bits,
)
from exitbrain.infrastructure.lab.segment import write_segment
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns

ROWS = 500_000
SYMBOLS, PRICES, SIZES = 500, 20_000, 1_000
CHECKED = 40
POLICY = SHIPPED["v3.5"]
START_US = 1_767_225_600_000_000
MAX_AGE_S = 300.0

Doubles = npt.NDArray[np.float64]


def write_segments(
    folder: Path, store_id: str, register: PolicyRegister, rows: int, *, distinct: bool
) -> None:
    """Write decisions under v3.5 as a mirror of a store; the leverages are all distinct, or 125 whole numbers."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(20260101)
    for first in range(1, rows + 1, ROWS):
        count = min(ROWS, rows - first + 1)
        columns = _decided(draw, register, first, count, distinct=distinct)
        write_segment(folder, store_id, first, first + count - 1, columns, "0" * 64)


def _decided(
    draw: np.random.Generator, register: PolicyRegister, first: int, count: int, *, distinct: bool
) -> DecisionColumns:
    prices = tuple(str(Decimal(tick) / 100) for tick in range(1_000_000, 1_000_000 + PRICES))
    sizes = tuple(str(Decimal(step) / 1000) for step in range(1, SIZES + 1))
    price_codes, size_codes = (draw.integers(0, high, count).astype(np.int32) for high in (PRICES, SIZES))
    leverage = (
        draw.uniform(1.0, 125.0, count) if distinct else draw.integers(1, 126, count).astype(np.float64)
    )
    x = InputColumns(
        leverage=leverage,
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
    levels = compute_rows(
        POLICY, formula_rows(x, POLICY.ignores, np.full(count, -1), SnapshotColumns.of([]).ladders)
    )
    states, judgement = _judged(x, levels)
    columns = _recorded(
        draw, register, first, x, levels, states, judgement, (prices, price_codes), (sizes, size_codes)
    )
    for row in draw.integers(0, count, CHECKED).tolist():
        _check(columns, row)
    return columns


def _judged(x: InputColumns, levels: LevelColumns) -> tuple[int, npt.NDArray[np.uint64]]:
    """Return what the guards find: under v3.5 every stop is held at its clamp, inside of the costs."""
    out, count = levels.outputs, len(x.leverage)
    (bound,) = [bound for bound in levels.bounds if np.any(bound.binds)]
    if (bound.level, bound.constraint) != ("sl", "clamp_max") or not np.all(bound.binds):
        raise AssertionError("the decisions are not as they were meant to be")
    cost = 2.0 * (x.fee_bps + x.slippage_bps) / 10000.0
    reasons = (
        reason_bits("stop_inside_liquidation", "no leverage brackets")
        | reason_bits("levels_on_distinct_ticks", "no tick size")
        | reason_bits("slices_placeable", "no step size")
    )
    stop = out.sl / 100
    words: list[int | Doubles] = [
        bound_word("sl", "clamp_max"),
        bound.before,
        bound.after,
        closing_word(1, reasons),
        guard_word("stop_wider_than_costs", 0b111),
        stop,
        cost,
        2.0 * cost,
        TRIGGERS,
        *(x.entry_price * (1 + x.direction * (target / 100)) for target in (out.tp1, out.tp2, out.tp3)),
        x.entry_price * (1 - x.direction * stop),
    ]
    digest = np.full(count, SEED)
    for word in words:
        digest ^= np.uint64(word) if isinstance(word, int) else np.ascontiguousarray(word).view(np.uint64)
        digest = ((digest << np.uint64(27)) | (digest >> np.uint64(37))) * FACTOR
    failed = {"stop_wider_than_costs": 1}
    unknown = {"stop_inside_liquidation": 2, "levels_on_distinct_ticks": 2, "slices_placeable": 2}
    return _states({**failed, **unknown}), digest


def _states(found: dict[str, int]) -> int:
    return sum(found.get(guard, 0) << 2 * place for place, guard in enumerate(GUARDS))


def _recorded(
    draw: np.random.Generator,
    register: PolicyRegister,
    first: int,
    x: InputColumns,
    levels: LevelColumns,
    states: int,
    judgement: npt.NDArray[np.uint64],
    price: tuple[tuple[str, ...], npt.NDArray[np.int32]],
    size: tuple[tuple[str, ...], npt.NDArray[np.int32]],
) -> DecisionColumns:
    count = len(x.leverage)
    ref = register.policies[POLICY.name].ref
    out = levels.outputs
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
        guard_states=np.full(count, states, dtype=np.int32),
        judgement=judgement,
    )


def _check(columns: DecisionColumns, row: int) -> None:
    """Compare one decision with what the scalar formula and the domain's guards say of its inputs."""
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
    levels = judge_levels(POLICY.unit, inputs, raw, None, Freshness(1.0, MAX_AGE_S))
    same = (
        [float(getattr(columns, name)[row]) for name in OUTPUTS] == [getattr(raw, name) for name in OUTPUTS]
        and int(columns.judgement[row]) == judgement_of(levels)
        and int(columns.guard_states[row]) == guard_states(levels.guards)
    )
    if not same:
        raise AssertionError(f"row {row} is not what the scalar formula gives")
