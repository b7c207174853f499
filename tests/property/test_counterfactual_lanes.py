"""What other policies would have said is the same in columns as row by row, whatever the decisions are."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording import opening
from exitbrain.application.whatif.decisions import Counterfactual, LeftOut, RowCounterfactual
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.events import Record
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5, V3_5_FRACTION, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.values import changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.lab.column_builder import columns_of
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.sweep import Sweep
from exitbrain.infrastructure.lab.sweep_rows import RecordedRows
from tests.effort import share_of
from tests.property.recorded_brackets import recorded_brackets
from tests.property.recorded_decisions import decided, harvesting, random_decisions, stored
from tests.unit.domain.example import inputs_for
from tests.world import THIS_STORE, StoppedClock

VARIANTS = (
    *SHIPPED.values(),
    variant_of(V3_5, {"base_tp": 1.2, "base_sl": 40.0}),
    variant_of(V3_5_FRACTION, {"clamp_max": 0.05, "low_leverage": 25.0}),
    variant_of(V3_6, {"liquidation_share": 0.3, "tp_costs": 1.0}),
    variant_of(V3_6, {"sl_costs": 0.5, "sl_min": 0.0001, "base_sl": 0.0004}),
    variant_of(V3_6, {"harvest1_low": 0.8, "harvest2_low": 0.1, "harvest3_low": 0.1}),
    variant_of(V3_6, harvesting(1.0, 0.0, 0.0)),
    variant_of(V3_6, harvesting(0.5, 0.0, 0.5)),
    # A target that is not placed may lie anywhere: TP1 beyond TP3, TP2 before TP1, TP3 before both.
    variant_of(V3_5_FRACTION, {**harvesting(0.0, 0.5, 0.5), "tp1_offset": 9.0}),
    variant_of(V3_5_FRACTION, {**harvesting(0.6, 0.0, 0.4), "tp2_offset": -0.9, "tp_min": 0.0001}),
    variant_of(V3_5_FRACTION, {**harvesting(0.0, 1.0, 0.0), "tp3_offset": -0.2, "tp_min": 0.0001}),
    changed(V3_6, name="v3.6 blind", ignores=("divergence", "funding")),
)


@pytest.fixture
def instruments(shared_data: Path) -> list[Instrument]:
    brackets = recorded_brackets(shared_data)
    return [
        Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), Decimal(100), 5.0, brackets["BTC/USDT:USDT"]),
        Instrument("ETHUSDT", Decimal("0.05"), Decimal("0.5"), None, None, brackets["ETH/USDT:USDT"][:3]),
        Instrument("SOLUSDT"),
        Instrument("XRPUSDT", tick_size=Decimal("0.25"), brackets=brackets["XRP/USDT:USDT"]),
        Instrument("ADAUSDT", step_size=Decimal("0.001"), min_notional=Decimal(5)),
        Instrument("FINEUSDT", tick_size=Decimal("1e-12"), brackets=brackets["XRP/USDT:USDT"]),
    ]


def by_row(
    policies: Sequence[Policy], decisions: Sequence[Decision], instruments: Sequence[Instrument]
) -> Counterfactual:
    ledger = InMemoryLedger()
    opening.begin(ledger, StoppedClock(), "test", store_id=THIS_STORE)
    ledger.save([Record(id_of_snapshot(each), 1, InstrumentSnapshotTaken(each)) for each in instruments])
    for number, decision in enumerate(decisions, start=1):
        ledger.save([Record(UUID(int=number), 1, decision)])
    return RowCounterfactual(
        Policies(ledger), Snapshots(ledger), DecodedDecisions(ledger), BuiltInFormulas()
    ).run(policies)


def in_columns(
    policies: Sequence[Policy],
    decisions: Sequence[Decision],
    instruments: Sequence[Instrument],
    parts: int = 1,
) -> Counterfactual:
    sweep = Sweep(policies)
    by_hash = {each.content_hash: each for each in instruments}
    size = -(-len(decisions) // parts)
    for start in range(0, len(decisions), size):
        columns = columns_of(stored(decisions[start : start + size]))
        recorded = tuple(SHIPPED[name] for name in columns.policy.values)
        snapshots = SnapshotColumns.of([by_hash[name] for name in columns.snapshot.values])
        sweep.take(RecordedRows(columns, recorded, columns.policy.codes.astype(np.int64), snapshots))
    return sweep.answer(LeftOut(0, 0, 0))


def test_columns_answer_as_rows_do(instruments: list[Instrument]) -> None:
    decisions = [
        decision
        for number, policy in enumerate(SHIPPED.values())
        for decision in random_decisions(policy, [None, *instruments], seed=60 + number, count=share_of(500))
    ]
    expected = by_row(VARIANTS, decisions, instruments)

    assert in_columns(VARIANTS, decisions, instruments) == expected
    assert in_columns(VARIANTS, decisions, instruments, parts=7) == expected
    assert any(answer.became_unsafe for answer in expected.answers)
    assert any(answer.became_safe for answer in expected.answers)
    assert any(answer.refused_after for answer in expected.answers)


def test_prices_on_the_grid_are_left_to_the_row_judge_and_come_out_the_same(
    instruments: list[Instrument],
) -> None:
    round_prices = [Decimal(50_000), Decimal("1000.0"), Decimal(100), Decimal("2.5"), Decimal("61250.5")]
    decisions = [
        decided(V3_6, changed(inputs_for(V3_6, leverage=leverage), entry_price=price), instrument)
        for instrument in instruments
        for price in round_prices
        for leverage in (1.0, 10.0, 30.0, 75.0)
    ]
    policies = [
        variant_of(V3_6, {"base_sl": stop, "base_tp": target})
        for stop in (0.0001, 0.001, 0.005, 0.02)
        for target in (0.0001, 0.01)
    ]

    assert in_columns(policies, decisions, instruments) == by_row(policies, decisions, instruments)


def test_a_policy_asked_about_its_own_decisions_changes_nothing(instruments: list[Instrument]) -> None:
    for policy in SHIPPED.values():
        decisions = [
            decided(policy, inputs_for(policy, leverage=leverage), instruments[0])
            for leverage in (1.0, 20.0, 56.5, 125.0)
        ]
        (answer,) = in_columns([policy], decisions, instruments).answers

        assert (answer.decisions, answer.changed) == (4, 0)
        assert answer.guards_before == answer.guards_after
        assert (answer.became_safe, answer.became_unsafe) == (0, 0)


@pytest.mark.parametrize("lane", [by_row, in_columns])
@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (V3_6, {"base_tp": 1e308, "tp1_offset": 1e308}),
        (V3_6, {"base_tp": 1e17}),
        (V3_6, {"base_tp": -0.01, "tp_min": -0.01, "tp_costs": 0.0}),
        (V3_5_FRACTION, {"base_tp": -0.01, "tp_min": -0.01}),
        (V3_5_FRACTION, {"clamp_max": 0.0}),
        (V3_5_FRACTION, {"sl_min": -0.001, "clamp_min": -0.001}),
    ],
)
def test_a_policy_that_gives_what_is_no_level_is_refused(
    lane: type, base: Policy, changes: dict[str, float], instruments: list[Instrument]
) -> None:
    policy = variant_of(base, changes)
    with pytest.raises(InvalidValue, match="a level that is not a finite number above 0"):
        lane([V3_6, policy], [decided(V3_6, inputs_for(V3_6))], instruments)
