"""ExitPlan: the levels of one position, through all revisions, until completed or cancelled."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import Stamp
from exitbrain.domain.identity import plan_id, position_id
from exitbrain.domain.levels.levels import Slice, Triggers, WindowReading
from exitbrain.domain.plans.decision import DecisionContext, judge_levels
from exitbrain.domain.plans.exit_plan import (
    ExitPlan,
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    Leg,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.positions.position import BOTH, Position
from exitbrain.domain.values import Cause, EntryId, Origin, Side, TimeOrigin, Unit, changed
from tests.unit.domain.example import FRESH, inputs_for, raw_levels
from tests.unit.domain.specification import Given, given

NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)
STAMP = Stamp(UUID(int=1), "trade.intent", EntryId(1000, 0), NOON, TimeOrigin.PAYLOAD, NOON)
POSITION_ID = position_id("default", "BTCUSDT", BOTH, 1)
OPENED = ExitPlanOpened(POSITION_ID, "default", "BTCUSDT", Side.LONG, Decimal(10), STAMP)
CONTEXT = DecisionContext(
    occurred_at=NOON,
    time_origin=TimeOrigin.PAYLOAD,
    recorded_at=NOON,
    origin=Origin.LIVE,
    position_version=1,
    register_version=4,
    window=WindowReading(0, 0, 0),
    snapshot=None,
    max_intent_age_s=300.0,
    order_id="",
    atr_value=None,
    regime=None,
)

POLICY = PolicyRef("v3.6", "hash", "fingerprint")
TRIGGERS = Triggers(Decimal("101.3"), Decimal("101.8"), Decimal("102.3"), Decimal("99.4"))
SLICES = (Slice("tp1", Decimal(3)), Slice("tp2", Decimal(3)), Slice("tp3", Decimal(4)))
LEVELS = changed(
    judge_levels(Unit.FRACTION, inputs_for(V3_6), raw_levels(), None, FRESH),
    triggers=TRIGGERS,
    slices=SLICES,
)


def decision(revision: int, kind: type[Any] = LevelsComputed, **changes: Any) -> Any:
    plain = kind(
        revision=revision,
        quantity=Decimal(10),
        harvest=(0.3, 0.3, 0.4),
        cause=Cause.INTENT,
        causes=(STAMP.cause_id,),
        position_id=POSITION_ID,
        account="default",
        symbol="BTCUSDT",
        policy=POLICY,
        engine="exitbrain",
        inputs=inputs_for(V3_6),
        context=CONTEXT,
        assumptions=(),
        levels=LEVELS,
    )
    return changed(plain, **changes)


def plan(*events: Any) -> Given[ExitPlan]:
    return given(ExitPlan(plan_id(POSITION_ID)), *events)


def test_a_plan_opens_for_its_position() -> None:
    position = Position.open(
        account="default",
        symbol="BTCUSDT",
        previous=None,
        side=Side.LONG,
        leverage=10.0,
        entry_price=None,
        quantity=Decimal(10),
        in_units=True,
        server=None,
        clock=None,
        stamp=STAMP,
    )

    opened = ExitPlan.open(position, STAMP)

    assert opened.id == plan_id(position.id)
    assert [record.event for record in opened.collect()] == [OPENED]
    assert (opened.revision, opened.harvest, opened.is_open) == (0, None, True)
    assert (opened.policy, opened.triggers, opened.slices) == (None, None, ())
    assert opened.reached == (False, False, False)


def test_the_first_revision_is_1_and_each_follows_the_one_before() -> None:
    revised = plan(OPENED).when(lambda p: p.revise(decision(1))).then(decision(1))

    assert given(revised).when(lambda p: p.revise(decision(2))).then(decision(2)).revision == 2


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_revision_out_of_turn_is_refused(revision: int) -> None:
    plan(OPENED, decision(1)).when(lambda p: p.revise(decision(revision))).then_refused(
        f"is at revision 1; {revision} cannot follow", WrongState
    )


def test_refused_levels_leave_those_before_in_force() -> None:
    refused = decision(
        2,
        LevelsRefused,
        harvest=None,
        quantity=Decimal(20),
        policy=PolicyRef("v3.5", "hash", "fingerprint"),
        levels=changed(LEVELS, triggers=None, slices=()),
    )

    after = plan(OPENED, decision(1)).when(lambda p: p.revise(refused)).then(refused)

    assert (after.revision, after.harvest, after.quantity) == (2, (0.3, 0.3, 0.4), Decimal(20))
    assert (after.policy, after.triggers, after.slices) == (POLICY, TRIGGERS, SLICES)


def test_a_revision_replaces_policy_triggers_and_slices() -> None:
    policy = PolicyRef("v3.5", "hash", "fingerprint")
    levels = changed(LEVELS, triggers=Triggers(2.0, 3.0, 4.0, 1.0), slices=())
    second = decision(2, policy=policy, levels=levels)

    after = plan(OPENED, decision(1)).when(lambda p: p.revise(second)).then(second)

    assert (after.policy, after.triggers, after.slices) == (policy, levels.triggers, ())


def test_slices_that_no_longer_add_up_to_what_is_open_are_gone() -> None:
    before = plan(OPENED, decision(1)).aggregate
    before.resize(Decimal(4), STAMP)

    assert (before.quantity, before.slices, before.triggers) == (Decimal(4), (), TRIGGERS)


def test_the_legs_share_what_is_left_and_together_are_all_of_it() -> None:
    third = 1 / 3
    part, rest = Decimal("0.3333333333333333"), Decimal("0.3333333333333334")

    resized = (
        plan(OPENED, decision(1, harvest=(third, third, third)))
        .when(lambda p: p.resize(Decimal(1), STAMP))
        .then(
            ExitPlanResized(
                Decimal(1),
                (Leg("tp1", third, part), Leg("tp2", third, part), Leg("tp3", third, rest)),
                STAMP,
            )
        )
    )

    assert resized.quantity == Decimal(1)


def test_a_target_without_a_share_has_no_leg() -> None:
    resized = ExitPlanResized(
        Decimal("0.7"),
        (
            Leg("tp1", 1 / 3, Decimal("0.23333333333333331")),
            Leg("tp2", 2 / 3, Decimal("0.46666666666666669")),
        ),
        STAMP,
    )

    plan(OPENED, decision(1, harvest=(1 / 3, 2 / 3, 0.0))).when(
        lambda p: p.resize(Decimal("0.7"), STAMP)
    ).then(resized)


def test_the_legs_of_an_unknown_rest_keep_their_shares() -> None:
    legs = (Leg("tp1", 0.3, None), Leg("tp2", 0.3, None), Leg("tp3", 0.4, None))

    plan(OPENED, decision(1)).when(lambda p: p.resize(None, STAMP)).then(ExitPlanResized(None, legs, STAMP))


def test_a_plan_without_levels_has_no_legs() -> None:
    plan(OPENED).when(lambda p: p.resize(Decimal(1), STAMP)).then(ExitPlanResized(Decimal(1), (), STAMP))


def test_a_close_in_the_market_completes_and_an_intent_cancels() -> None:
    plan(OPENED).when(lambda p: p.complete("tp", STAMP)).then(ExitPlanCompleted("tp", STAMP))
    plan(OPENED).when(lambda p: p.cancel("FLIPPED", STAMP)).then(ExitPlanCancelled("FLIPPED", STAMP))


@pytest.mark.parametrize("end", [ExitPlanCompleted("tp", STAMP), ExitPlanCancelled("FLIPPED", STAMP)])
@pytest.mark.parametrize(
    "command",
    [
        lambda p: p.revise(decision(1)),
        lambda p: p.resize(Decimal(1), STAMP),
        lambda p: p.complete("tp", STAMP),
        lambda p: p.cancel("FLIPPED", STAMP),
    ],
)
def test_an_ended_plan_obeys_nothing(end: Any, command: Any) -> None:
    plan(OPENED, end).when(command).then_refused("has ended", WrongState)


def test_a_copy_has_every_part_of_the_state() -> None:
    original = plan(OPENED, decision(1)).aggregate
    twin = original.copy()

    assert all(getattr(twin, slot) == getattr(original, slot) for slot in ExitPlan.__slots__)


def test_a_copy_is_independent() -> None:
    original = plan(OPENED, decision(1)).aggregate
    twin = original.copy()

    twin.revise(decision(2, harvest=(0.5, 0.3, 0.2)))
    twin.cancel("FLIPPED", STAMP)

    assert (original.version, original.revision, original.harvest) == (2, 1, (0.3, 0.3, 0.4))
    assert original.is_open
    assert original.pending == []
