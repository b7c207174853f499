"""A verdict in columns is EXACT only where the record comes out again to the bit, and then always."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exitbrain.domain.exit_plan import Decision
from exitbrain.domain.formulas.registry import SHIPPED, V3_6
from exitbrain.domain.formulas.variant import variant_of
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.policy import Policy
from exitbrain.infrastructure.lab.column_builder import columns_of
from exitbrain.infrastructure.lab.decision_columns import COLUMNS, DecisionColumns
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.verdict_kernel import exact_rows
from tests.property.recorded_brackets import recorded_brackets
from tests.property.recorded_decisions import harvesting, random_decisions, stored

policies = pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)


@pytest.fixture
def instruments(shared_data: Path) -> dict[str, Instrument]:
    brackets = recorded_brackets(shared_data)
    known = (
        Instrument("BTCUSDT", brackets=brackets["BTC/USDT:USDT"]),
        Instrument("ETHUSDT", brackets=brackets["ETH/USDT:USDT"][:3]),
        Instrument("SOLUSDT"),
        Instrument("XRPUSDT", tick_size=Decimal("0.0001"), brackets=brackets["XRP/USDT:USDT"]),
        Instrument("ADAUSDT", step_size=Decimal("0.001"), min_notional=Decimal(5)),
    )
    return {instrument.content_hash: instrument for instrument in known}


def verdicts(policy: Policy, columns: DecisionColumns, instruments: dict[str, Instrument]) -> list[bool]:
    snapshots = SnapshotColumns.of([instruments[name] for name in columns.snapshot.values])
    return [bool(exact) for exact in exact_rows(policy, columns, snapshots)]


def rounded_in_decimal(decision: Decision, instruments: dict[str, Instrument]) -> bool:
    """Return whether prices or quantities of a decision lie on a grid, so that it is no matter of columns."""
    instrument = instruments.get(decision.context.snapshot or "", Instrument("none"))
    x, levels = decision.inputs, decision.levels
    if levels.raw.refusal is not None or x.entry_price is None:
        return False
    return instrument.tick_size is not None or (instrument.step_size is not None and x.quantity is not None)


@policies
def test_every_recorded_decision_that_columns_can_judge_is_exact(
    policy: Policy, instruments: dict[str, Instrument]
) -> None:
    decisions = list(random_decisions(policy, [None, *instruments.values()], seed=8, count=3_000))

    found = verdicts(policy, columns_of(stored(decisions)), instruments)

    assert found == [not rounded_in_decimal(decision, instruments) for decision in decisions]
    states = {name for decision in decisions for name in decision.levels.guards.failed}
    assert len(states) >= 8 if policy.formula == "lsf-3.6" else len(states) >= 6


def test_decisions_of_plans_with_fewer_targets_are_exact_in_columns(
    instruments: dict[str, Instrument],
) -> None:
    """TP1 has no share and lies beyond TP3, which no rule minds; TP3 has none, so nothing is open after TP2."""
    policy = variant_of(V3_6, {**harvesting(0.0, 1.0, 0.0), "tp1_offset": 0.1, "tp3_offset": 0.1})
    decisions = list(random_decisions(policy, [*instruments.values()], seed=9, count=1_000))

    found = verdicts(policy, columns_of(stored(decisions)), instruments)

    judged = [not rounded_in_decimal(decision, instruments) for decision in decisions]
    # The figures of a nearest target that is not TP1 have no digest: the row judge looks.
    within_costs = ["targets_beyond_costs" in decision.levels.guards.failed for decision in decisions]
    assert found == [one and not failed for one, failed in zip(judged, within_costs, strict=True)]
    assert any("stop_inside_liquidation" in decision.levels.guards.passed for decision in decisions)


def another_bit(column: Any, row: int) -> None:
    if column.dtype == np.bool_:
        column[row] = not column[row]
    else:
        column.view(np.uint8).reshape(len(column), -1)[row, 0] ^= 1


JUDGED = (
    *("lsf", "pnl_factor", "lsf_adjusted", "tp1", "tp2", "tp3", "sl", "harvest1", "harvest2", "harvest3"),
    *("floor", "cap", "refusal", "refused", "guard_states", "judgement", "regular"),
)


@policies
@pytest.mark.parametrize("field", JUDGED)
def test_one_altered_bit_of_a_recorded_output_is_not_exact(
    policy: Policy, field: str, instruments: dict[str, Instrument]
) -> None:
    decisions = list(random_decisions(policy, [None], seed=9, count=40))
    columns = columns_of(stored(decisions))
    altered = DecisionColumns(**{name: getattr(columns, name) for name in COLUMNS})
    another_bit(getattr(altered, field), 17)

    found = verdicts(policy, altered, instruments)

    assert [row for row, exact in enumerate(found) if not exact] == [17]


@pytest.mark.parametrize(
    "alter",
    [
        lambda d: replace(d, inputs=replace(d.inputs, leverage=d.inputs.leverage / 2 + 1)),
        lambda d: replace(d, inputs=replace(d.inputs, leverage_assumed=not d.inputs.leverage_assumed)),
        lambda d: replace(d, context=replace(d.context, max_intent_age_s=0.5)),
        lambda d: replace(d, inputs=replace(d.inputs, entry_price=Decimal("1.5"))),
    ],
)
def test_an_altered_input_is_not_exact(
    alter: Callable[[Decision], Decision], instruments: dict[str, Instrument]
) -> None:
    policy = SHIPPED["v3.6"]
    decisions = list(random_decisions(policy, [None], seed=10, count=20))
    decisions[5] = alter(decisions[5])

    found = verdicts(policy, columns_of(stored(decisions)), instruments)

    assert [row for row, exact in enumerate(found) if not exact] == [5]


def test_decisions_of_another_policy_are_not_exact(instruments: dict[str, Instrument]) -> None:
    decisions = list(random_decisions(SHIPPED["v3.5-fraction"], [None], seed=11, count=50))

    assert not any(verdicts(SHIPPED["v3.6"], columns_of(stored(decisions)), instruments))
