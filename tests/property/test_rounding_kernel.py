"""What doubles are sure of about rounded prices is what the domain finds in Decimal."""

from decimal import Decimal
from math import nextafter
from random import Random
from typing import Any

import numpy as np

from exitbrain.domain.levels.guard_rules import ON_THE_LEVELS
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import Distances, LevelInputs, RawLevels, exact_prices, on_ticks
from exitbrain.domain.plans.decision import judge_levels
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.values import Side, Unit, changed, round_trip_cost
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.rounding_kernel import rounded_guards, stop_point, target_point
from exitbrain.infrastructure.lab.sweep_rows import in_ticks
from tests.unit.domain.example import BRACKETS, inputs_for, raw_levels

HARVESTS = (
    *[(0.3, 0.3, 0.4)] * 6,
    *((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    *((0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
)
ALL_PLACED = (True, True, True)


@jit
def judged(*arguments: Any) -> Any:
    return rounded_guards(*arguments)


@jit
def target(*arguments: Any) -> Any:
    return target_point(*arguments)


@jit
def stop(*arguments: Any) -> Any:
    return stop_point(*arguments)


def distance(chance: Random, entry: Decimal, tick: Decimal) -> float:
    """Return a distance: a round one, one to a grid point or a double beside it, or any."""
    kind = chance.random()
    if kind < 0.3:
        return chance.choice((0.0002, 0.001, 0.002, 0.003, 0.01, 0.02, 0.5))
    if kind < 0.5:
        point = (entry // tick + chance.choice((1, -1)) * chance.randint(1, 50)) * tick
        near = float(abs(point - entry) / entry)
        return chance.choice((near, nextafter(near, 0.0), nextafter(near, 1.0)))
    return chance.choice((0.0005, 0.01, 0.05)) * chance.random()


def cases(seed: int, count: int) -> list[tuple[LevelInputs, RawLevels, Decimal]]:
    """Return positions with levels: usual, tiny, out of order, on grid points and one double beside them."""
    chance = Random(seed)
    made = []
    for _ in range(count):
        tick = Decimal(chance.choice(("0.1", "0.00001", "0.25", "0.5", "3", "1e-7")))
        entry = tick * chance.randint(1, 10 ** chance.randint(1, 7))
        if chance.random() < 0.5:
            entry += tick * Decimal(repr(chance.random()))
        targets = [distance(chance, entry, tick) for _ in range(3)]
        if chance.random() < 0.7:
            targets.sort()
        risk = distance(chance, entry, tick)
        floor = chance.choice((0.002, risk, 0.0, 0.0015))
        side = chance.choice((Side.LONG, Side.SHORT))
        inputs = inputs_for(V3_6, side=side, entry_price=entry, leverage=float(chance.randint(1, 125)))
        tp1, tp2, tp3 = targets
        harvest = chance.choice(HARVESTS)
        raw = raw_levels(tp1=tp1, tp2=tp2, tp3=tp3, sl=risk, floor=floor, harvest=harvest)
        made.append((inputs, raw, tick))
    return made


def test_whatever_is_sure_is_right_and_nearly_all_is_sure() -> None:
    sure = 0
    every = cases(seed=77, count=6_000)
    for inputs, raw, tick in every:
        instrument = Instrument("X", tick_size=tick, brackets=BRACKETS)
        unsized = changed(inputs, quantity=None)
        report = judge_levels(Unit.FRACTION, unsized, raw, instrument, Freshness(1.0, 9.0)).guards
        assert inputs.entry_price is not None
        ratio, phase, whole = in_ticks(inputs.entry_price, tick)
        cost = round_trip_cost(inputs.fee_bps, inputs.slippage_bps)
        found = judged(
            *(share > 0.0 for share in raw.harvest),
            *(float(inputs.side.direction), ratio, phase, whole, cost, np.inf),
            *(raw.tp1, raw.tp2, raw.tp3, raw.sl, raw.floor),
        )
        if found[0]:
            sure += 1
            expected = [name in report.passed for name in ON_THE_LEVELS[:5]]
            assert [bool(found[1]), *map(bool, found[3:])] == [expected[0], *expected[2:]], (
                inputs,
                raw,
                tick,
            )

    assert sure > 0.4 * len(every)


def test_every_sure_grid_point_is_that_of_the_domain() -> None:
    sure = 0
    for inputs, raw, tick in cases(seed=78, count=6_000):
        entry, side = inputs.entry_price, inputs.side
        assert entry is not None
        distances = Distances(raw.tp1, raw.tp2, raw.tp3, raw.sl)
        rounded = on_ticks(exact_prices(entry, side, distances), entry, side, tick, raw.floor)
        up = float(side.direction)
        ratio, phase, whole = in_ticks(entry, tick)
        found = [target(up, ratio, phase, distance) for distance in (raw.tp1, raw.tp2, raw.tp3)]
        found.append(stop(up, ratio, phase, raw.sl, raw.floor))
        for (point, certain), price in zip(
            found, (rounded.tp1, rounded.tp2, rounded.tp3, rounded.sl), strict=True
        ):
            sure += certain
            assert not certain or whole + point == price / tick, (inputs, raw, tick)

    assert sure > 3 * 4_000


def test_a_price_on_a_grid_point_is_not_sure() -> None:
    found = judged(
        *ALL_PLACED,
        1.0,
        *in_ticks(Decimal(50_000), Decimal("0.1")),
        0.001,
        np.inf,
        0.01,
        0.0123456,
        0.02345678,
        0.005,
        0.002,
    )

    assert not found[0]


def test_an_entry_of_very_many_ticks_is_not_sure() -> None:
    ratio, phase, whole = in_ticks(Decimal(50_000), Decimal("1e-12"))

    entry = (1.0, ratio, phase, whole, 0.001, np.inf)
    assert not judged(*ALL_PLACED, *entry, 0.01111, 0.0222, 0.0333, 0.00555, 0.002)[0]
