"""Inputs of level computations: random ones from a seed, and those at each threshold and its two neighbours."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from math import exp, inf, log, nextafter
from random import Random
from typing import Any

from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.policies.formulas.registry import compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed


def plain(policy: Policy, **changes: Any) -> LevelInputs:
    """Return ordinary inputs of a long of unknown price, changed as asked."""
    inputs = LevelInputs(
        side=Side.LONG,
        leverage=20.0,
        leverage_assumed=False,
        volatility=1.0,
        funding=0.0001,
        divergence=0.25,
        confidence=0.8,
        average_pnl=0.1,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
        fee_bps=5.0,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )
    return changed(inputs, **changes)


def random_inputs(policy: Policy, seed: int, count: int) -> Iterator[LevelInputs]:
    """Yield inputs over all that is allowed: odd leverages, ratios that are negative, zero or far too large."""
    random = Random(seed)
    leverages = [float(random.randint(1, 125)) for _ in range(60)] + [56.00000000000001, 1.0, 125.0]
    leverages += [min(exp(random.uniform(0.0, log(125.0))), 125.0) for _ in range(600)]

    def ratio(*usual: float, low: float, high: float) -> float:
        far = random.choice((1e3, 1e6, 1e-6)) * random.uniform(low, high)
        return random.choice((*usual, random.uniform(low, high), random.uniform(low, high), far))

    for _ in range(count):
        price_known = random.random() < 0.5
        yield plain(
            policy,
            side=random.choice((Side.LONG, Side.SHORT)),
            leverage=random.choice(leverages),
            volatility=abs(ratio(0.0, 1.0, 1.5, 3.007, low=0.0, high=3.0)),
            funding=ratio(0.0, -0.0, 0.0001, -0.0001, low=-0.01, high=0.01),
            divergence=ratio(0.0, 0.5, 19.04, low=-1.0, high=1.0),
            confidence=ratio(0.5, 0.8, low=0.0, high=1.0),
            average_pnl=ratio(0.0, -0.0, 0.3, 20.0, -50.0, low=-2.0, high=2.0),
            base_tp=policy.parameters["base_tp"] * ratio(1.0, 0.3, 0.1, low=0.01, high=10.0),
            base_sl=policy.parameters["base_sl"] * ratio(1.0, 0.3, 0.1, low=0.01, high=10.0),
            fee_bps=random.choice((0.0, 4.5, 5.0, random.uniform(0.0, 50.0))),
            slippage_bps=random.choice((0.0, 2.0, random.uniform(0.0, 20.0))),
            entry_price=_positive(random, 1e-6, 1e6) if price_known else None,
            quantity=_positive(random, 1e-3, 1e6) if price_known and random.random() < 0.9 else None,
        )


def threshold_inputs(policy: Policy, brackets: Sequence[Bracket]) -> Iterator[LevelInputs]:
    """Yield inputs at each threshold and clamp and at both float neighbours, for both sides."""
    for side in Side:
        base = plain(policy, side=side)
        for leverage in (1.0, 10.0, 30.0, 125.0):
            for near in _around(leverage):
                if 1.0 <= near <= 125.0:
                    yield changed(base, leverage=near)
        for near in _around(0.5):
            yield changed(base, confidence=near)
        for threshold in (0.0, 0.3, -20.0, 20.0):
            for near in _around(threshold):
                yield changed(base, average_pnl=near)
                yield changed(base, average_pnl=near, confidence=0.4)
        for paid in (-0.003125, 0.003125):  # where the harvest shift of v3.6 is limited
            for near in _around(paid):
                yield changed(base, funding=near)
        yield from _where_bounds_change(policy, base, "base_tp", 1e-4, 10.0, ())
        yield from _where_bounds_change(policy, base, "base_sl", 1e-5, 10.0, ())
        yield from _where_bounds_change(policy, base, "base_sl", 1e-5, 10.0, brackets)
        yield from _where_bounds_change(policy, base, "funding", -1.0, 1.0, ())
        yield from _where_bounds_change(policy, base, "fee_bps", 0.0, 60.0, ())
        yield from _where_bounds_change(policy, base, "leverage", 1.0, 125.0, brackets)
        for edge in (edge for bracket in brackets for edge in (bracket.cap, bracket.floor) if edge > 0):
            for near in _around(edge):
                at_edge = changed(base, entry_price=Decimal(1), quantity=Decimal(repr(near)))
                yield changed(at_edge, leverage=2.0)
                yield changed(at_edge, leverage=20.0)
                # The notional at liquidation lies at the edge, not that at the entry.
                yield changed(
                    at_edge, leverage=20.0, quantity=Decimal(repr(near / (1.0 - side.direction / 20)))
                )


def _positive(random: Random, low: float, high: float) -> Decimal:
    return Decimal(repr(exp(random.uniform(log(low), log(high)))))


def _around(value: float) -> tuple[float, float, float]:
    return (nextafter(value, -inf), value, nextafter(value, inf))


def _where_bounds_change(
    policy: Policy, base: LevelInputs, field: str, low: float, high: float, brackets: Sequence[Bracket]
) -> Iterator[LevelInputs]:
    """Yield both sides of each change of what binds (or is refused) while one input grows, and one double more."""

    def at(value: float) -> LevelInputs:
        return changed(base, **{field: value})

    def binds(value: float) -> object:
        raw = compute(policy, at(value), brackets)
        return raw.refusal, [(bound.level, bound.constraint) for bound in raw.bounds]

    grid = [low + (high - low) * (step / 24) ** 3 for step in range(25)]
    for left, right in pairwise(grid):
        if binds(left) != binds(right):
            edge = _bisected(binds, left, right)
            yield from (
                at(value)
                for value in (*_around(edge), nextafter(nextafter(edge, inf), inf))
                if low <= value <= high
            )


def _bisected(binds: Callable[[float], object], left: float, right: float) -> float:
    """Return the last double at which the same binds as at the left."""
    of_left = binds(left)
    while nextafter(left, inf) < right:
        middle = left + (right - left) / 2
        if binds(middle) == of_left:
            left = middle
        else:
            right = middle
    return left
