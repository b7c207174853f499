"""A policy's levels over the whole range of leverage and volatility: the data of a report's surfaces."""

from collections.abc import Sequence
from dataclasses import dataclass

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, fractions_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed

LEVERAGES = (
    1.0,
    2.0,
    3.0,
    5.0,
    7.0,
    10.0,
    10.5,
    15.0,
    20.0,
    30.0,
    30.5,
    40.0,
    50.0,
    60.0,
    75.0,
    100.0,
    125.0,
)
"""The leverages of the grid; those just above 10 and 30 show the steps of the harvest scheme."""

VOLATILITIES = tuple(step / 4.0 for step in range(13))
"""The volatility factors of the grid, 0 to 3."""

Grid = tuple[tuple[float | None, ...], ...]
"""Values by volatility, then by leverage; None if the policy refuses levels."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One policy's adjusted LSF, and its distances of stop and first target as fractions."""

    policy: str
    lsf: Grid
    stop: Grid
    first_target: Grid


def surface_of(
    policy: Policy, engine: LevelEngine, like: LevelInputs, brackets: Sequence[Bracket] = ()
) -> Surface:
    """Return the surface of a policy for these inputs with leverage and volatility replaced."""
    rows = [[_point(policy, engine, like, brackets, x, y) for x in LEVERAGES] for y in VOLATILITIES]

    def grid(place: int) -> Grid:
        return tuple(tuple(None if point is None else point[place] for point in row) for row in rows)

    return Surface(policy.name, grid(0), grid(1), grid(2))


def calm_inputs(policy: Policy) -> LevelInputs:
    """Return the base inputs of a surface: a long without funding, divergence or results."""
    return LevelInputs(
        side=Side.LONG,
        leverage=1.0,
        leverage_assumed=False,
        volatility=1.0,
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


def _point(
    policy: Policy,
    engine: LevelEngine,
    like: LevelInputs,
    brackets: Sequence[Bracket],
    leverage: float,
    volatility: float,
) -> tuple[float, float, float] | None:
    inputs = changed(
        like,
        leverage=leverage,
        volatility=volatility,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
    )
    raw = levels_of(engine, policy, inputs, brackets)
    if raw.refusal is not None:
        return None
    distances = fractions_of(policy.unit, raw)
    return raw.lsf_adjusted, distances.sl, distances.tp1
