"""What policy v3.6 promises for every leverage and every recorded bracket ladder."""

import struct
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.levels.instrument import Bracket, brackets_with_amounts
from exitbrain.domain.levels.levels import LEVERAGE_NOT_IN_BRACKET, NO_STOP_FITS, LevelInputs
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed
from tests.property.array_formulas import compute_levels
from tests.property.level_inputs import plain
from tests.property.recorded_brackets import recorded_brackets

usual = st.builds(
    lambda **changes: plain(V3_6, **changes),
    side=st.sampled_from(Side),
    leverage=st.floats(1.0, 125.0),
    volatility=st.floats(0.0, 10.0),
    funding=st.floats(-0.05, 0.05),
    divergence=st.floats(0.0, 20.0),
    confidence=st.floats(0.0, 1.0),
    average_pnl=st.floats(-10.0, 10.0),
    base_tp=st.floats(1e-4, 0.1),
    base_sl=st.floats(1e-4, 0.1),
    fee_bps=st.floats(0.0, 30.0),
    slippage_bps=st.floats(0.0, 20.0),
    entry_price=st.none() | st.decimals("0.0001", "100000", places=4),
    quantity=st.none() | st.decimals("0.001", "100000", places=3),
)
ladders = st.sampled_from(
    [
        (),
        brackets_with_amounts([(0.0, 1e12, 0.004, 125.0)]),
        brackets_with_amounts([(0.0, 50_000.0, 0.01, 75.0), (50_000.0, 1e7, 0.05, 10.0)]),
        brackets_with_amounts([(0.0, 5_000.0, 0.5, 1.0)]),
    ]
)


@given(inputs=usual, brackets=ladders)
def test_levels_keep_their_limits_or_are_refused(inputs: LevelInputs, brackets: tuple[Bracket, ...]) -> None:
    raw = compute(V3_6, inputs, brackets)

    if raw.refusal is None:
        assert 0 < raw.tp1 < raw.tp2 < raw.tp3
        assert raw.floor <= raw.sl <= raw.cap
        cost = 2 * (inputs.fee_bps + inputs.slippage_bps) / 10000
        assert raw.tp1 >= 3 * cost
        assert raw.sl >= 2 * cost
    elif raw.refusal == NO_STOP_FITS:
        assert raw.cap < raw.floor
    else:
        assert raw.refusal == LEVERAGE_NOT_IN_BRACKET
        allowed = [b for b in brackets if inputs.leverage <= b.max_leverage]
        assert not allowed or inputs.quantity is not None


@pytest.mark.parametrize("sized", [False, True])
def test_every_leverage_keeps_its_limits_in_every_recorded_ladder(shared_data: Path, sized: bool) -> None:
    rows = [
        plain(
            V3_6,
            side=side,
            leverage=float(leverage),
            entry_price=Decimal("2.5") if sized else None,
            quantity=Decimal(37 * leverage * leverage) if sized else None,
        )
        for side in Side
        for leverage in range(1, 126)
    ]
    ladders = recorded_brackets(shared_data)
    assert len(ladders) == 318
    computed = refused = 0

    for symbol, brackets in ladders.items():
        out = compute_levels(V3_6, rows, brackets).outputs
        given = out.code == 0.0
        assert np.all((out.tp1 < out.tp2) & (out.tp2 < out.tp3)), symbol
        assert np.all((out.floor <= out.sl) & (out.sl <= out.cap) | ~given), symbol
        assert np.all((out.cap < out.floor) | (out.code != 1.0)), symbol
        too_high = np.array([row.leverage > brackets[0].max_leverage for row in rows])
        assert np.all((out.code == 2.0) | ~too_high), symbol
        computed += int(np.count_nonzero(given))
        refused += int(np.count_nonzero(~given))

    assert computed > 10_000
    assert refused > 10_000


def _bits(policy: Policy, inputs: LevelInputs) -> bytes:
    raw = compute(policy, inputs)
    numbers = (
        raw.lsf,
        raw.pnl_factor,
        raw.lsf_adjusted,
        raw.tp1,
        raw.tp2,
        raw.tp3,
        raw.sl,
        raw.floor,
        raw.cap,
    )
    return struct.pack(f"<{len(numbers)}d", *numbers)


@given(inputs=usual)
def test_a_short_that_pays_funding_mirrors_a_long_that_pays_it(inputs: LevelInputs) -> None:
    long = changed(inputs, side=Side.LONG)
    short = changed(inputs, side=Side.SHORT, funding=-inputs.funding)

    assert _bits(V3_6, long) == _bits(V3_6, short)


@given(inputs=usual, policy=st.sampled_from([SHIPPED["v3.5"], SHIPPED["v3.5-fraction"]]))
def test_v3_5_does_not_look_at_the_side(inputs: LevelInputs, policy: Policy) -> None:
    assert _bits(policy, changed(inputs, side=Side.LONG)) == _bits(policy, changed(inputs, side=Side.SHORT))


@given(inputs=usual)
def test_the_paying_side_harvests_no_later(inputs: LevelInputs) -> None:
    paying = compute(V3_6, changed(inputs, side=Side.LONG, funding=abs(inputs.funding)))
    receiving = compute(V3_6, changed(inputs, side=Side.LONG, funding=-abs(inputs.funding)))

    assert paying.tp1 <= receiving.tp1
    assert paying.tp3 <= receiving.tp3
    assert paying.sl == receiving.sl


@given(inputs=usual)
def test_past_losses_do_not_move_the_stop(inputs: LevelInputs) -> None:
    losing = compute(V3_6, changed(inputs, average_pnl=-1.0, confidence=0.1))
    winning = compute(V3_6, changed(inputs, average_pnl=1.0, confidence=0.9))

    assert losing.sl == winning.sl
    assert losing.lsf_adjusted < winning.lsf_adjusted
