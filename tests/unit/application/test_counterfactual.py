"""Counterfactual: other policies on the recorded decisions, each with everything else as it was."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.whatif.decisions import (
    Pair,
    RowCounterfactual,
    WhatIf,
    rebased,
)
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.events import Record
from exitbrain.domain.levels.guard_rules import GUARDS
from exitbrain.domain.levels.instrument import InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.levels.levels import LEVELS_AND_LSF, fractions_of
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.values import changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from tests.property.recorded_decisions import NOON, decided
from tests.unit.domain.example import BTCUSDT, inputs_for
from tests.world import World


def asking(world: World) -> RowCounterfactual:
    return RowCounterfactual(
        Policies(world.ledger), Snapshots(world.ledger), DecodedDecisions(world.ledger), BuiltInFormulas()
    )


def ask(world: World, *policies: Policy, **how: Any) -> tuple[WhatIf, ...]:
    return asking(world).run(policies, **how).answers


@pytest.fixture
def world() -> World:
    world = World()
    for number, leverage in enumerate((5, 20, 40)):
        symbol = "BTCUSDT" if number < 2 else "ETHUSDT"
        world.intent(symbol=symbol, side="BUY", leverage=leverage, volatility_factor=1.5)
    return world


def test_the_policy_in_force_would_have_said_the_same(world: World) -> None:
    (answer,) = ask(world, V3_5)

    assert (answer.decisions, answer.changed, answer.compared) == (3, 0, 3)
    assert {change.changed for change in answer.fields.values()} == {0}
    assert answer.guards_before == answer.guards_after


def test_changes_are_those_of_the_levels_as_fractions(world: World) -> None:
    (answer,) = ask(world, V3_6)

    changes: dict[str, list[float]] = {field: [] for field in LEVELS_AND_LSF}
    for decision in DecodedDecisions(world.ledger).decisions():
        inputs = decision.inputs  # type: ignore[union-attr]  # all can be read
        before = fractions_of(V3_5.unit, compute(V3_5, inputs))
        given = changed(inputs, base_tp=0.01, base_sl=0.005)
        after = fractions_of(V3_6.unit, compute(V3_6, given))
        for field in ("tp1", "tp2", "tp3", "sl"):
            changes[field].append(getattr(after, field) - getattr(before, field))
    for field in ("tp1", "tp2", "tp3", "sl"):
        total = 0.0
        for change in changes[field]:
            total += change
        found = answer.fields[field]
        assert (found.min, found.max) == (min(changes[field]), max(changes[field]))
        assert found.mean == total / 3
    assert answer.fields["sl"].changed == answer.changed == 3
    assert answer.fields["tp1"].changed == 0  # the same but for the rounding of percents
    assert answer.guards_before["stop_wider_than_costs"].failed == 3
    assert answer.guards_after["stop_wider_than_costs"].passed == 3
    assert set(answer.guards_after) == set(GUARDS)


def test_a_base_that_was_the_policys_own_becomes_the_candidates() -> None:
    given = rebased(inputs_for(V3_5), V3_5, variant_of(V3_6, {"base_tp": 0.02}))

    assert (given.base_tp, given.base_sl) == (0.02, 0.005)


@pytest.mark.parametrize(
    ("recorded", "candidate", "base", "expected"),
    [
        (V3_5, V3_6, 2.0, 0.02),
        (V3_6, V3_5, 0.02, 2.0),
        (V3_6, V3_5_FRACTION, 0.02, 0.02),
        (V3_5, variant_of(V3_5, {"base_tp": 3.0}), 2.0, 2.0),
    ],
)
def test_a_base_of_the_decisions_own_stays_the_same_distance(
    recorded: Policy, candidate: Policy, base: float, expected: float
) -> None:
    assert rebased(inputs_for(recorded, base_tp=base), recorded, candidate).base_tp == expected


def test_decisions_are_selected_by_symbol_and_time(world: World) -> None:
    (of_symbol,) = ask(world, V3_6, selection=Selection(symbol="ETHUSDT"))
    (of_time,) = ask(world, V3_6, selection=Selection(since=NOON.replace(year=2030)))

    assert of_symbol.decisions == 1
    assert of_time.decisions == 0
    assert of_time.fields["sl"].mean is None


def test_decisions_that_nothing_can_be_said_about_are_counted_and_left_out(world: World) -> None:
    known = decided(V3_6, inputs_for(V3_6))
    unknown = changed(known, policy=changed(known.policy, parameters_hash="other"))
    without_snapshot = decided(V3_6, inputs_for(V3_6), BTCUSDT)
    guards = changed(known.levels.guards, passed=known.levels.guards.passed[1:])
    altered = changed(known, levels=changed(known.levels, guards=guards))
    for number, decision in enumerate((unknown, without_snapshot, altered)):
        world.ledger.save([Record(UUID(int=number), 1, decision)])

    found = asking(world).run([V3_6])

    left_out = found.left_out
    assert (left_out.unknown_policy, left_out.missing_snapshot, left_out.unreadable) == (1, 1, 1)
    assert found.answers[0].decisions == 3


def test_a_plan_becomes_safe_when_the_guards_on_its_levels_pass_and_unsafe_when_one_does_not() -> None:
    world = World()
    world.ledger.save([Record(UUID(int=2), 1, decided(V3_6, inputs_for(V3_6), None))])
    stale = decided(V3_5, inputs_for(V3_5), BTCUSDT, age_s=1e6)
    sound = decided(V3_6, inputs_for(V3_6), BTCUSDT, revision=2)
    world.ledger.save([Record(id_of_snapshot(BTCUSDT), 1, InstrumentSnapshotTaken(BTCUSDT))])
    for number, decision in enumerate((stale, sound), start=3):
        world.ledger.save([Record(UUID(int=number), 1, decision)])

    to_v36, to_v35 = ask(world, V3_6, V3_5)

    assert (to_v36.safe_before, to_v36.safe_after) == (1, 2)
    assert (to_v36.became_safe, to_v36.became_unsafe) == (1, 0)
    assert (to_v35.safe_after, to_v35.became_safe, to_v35.became_unsafe) == (0, 0, 1)


def test_refused_levels_change_no_field_and_count_as_changed(world: World) -> None:
    narrow = variant_of(V3_6, {"clamp_max": 0.0001})

    (answer,) = ask(world, narrow)

    assert (answer.refused_before, answer.refused_after) == (0, 3)
    assert (answer.changed, answer.compared) == (3, 0)
    assert answer.guards_after["targets_increasing"].unknown == 3
    assert answer.fields["tp1"].changed == 0


def test_every_answer_is_told_as_a_pair_in_log_order(world: World) -> None:
    pairs: list[Pair] = []

    ask(world, V3_6, V3_5_FRACTION, pairs=pairs.append)

    assert [pair.policy.name for pair in pairs] == ["v3.6", "v3.5-fraction"] * 3
    assert [pair.decision.inputs.leverage for pair in pairs[::2]] == [5.0, 20.0, 40.0]
    before, after = pairs[0].before, pairs[0].after
    assert before is not None
    assert after is not None
    assert before[3] == 0.0002
    assert after[3] > 0.002
    assert "stop_wider_than_costs" in pairs[0].guards_before.failed
    assert "stop_wider_than_costs" in pairs[0].guards_after.passed


def test_a_policy_of_an_unknown_formula_is_refused(world: World) -> None:
    with pytest.raises(UnknownPolicy):
        ask(world, changed(V3_6, formula="lsf-9"))


def test_quantities_and_prices_stay_those_of_the_decision() -> None:
    given = rebased(inputs_for(V3_5, quantity=Decimal("0.125")), V3_5, V3_6)

    assert (given.quantity, given.entry_price) == (Decimal("0.125"), Decimal("43250.5"))
