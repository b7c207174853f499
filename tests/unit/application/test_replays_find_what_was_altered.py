"""Each replay finds what it is there to find: an altered output, an altered intake, an altered context."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from exitbrain.application.replay.decisions import ReplayReport
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived, Reason
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.policies.register import PolicyRegistered
from exitbrain.domain.positions.events import PositionIncreased, PositionOpened
from exitbrain.domain.values import changed
from tests.world import World, rewritten

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


def recorded() -> World:
    world = World()
    world.intent(**LONG)
    world.intent(**{**LONG, "entry_price": 110})
    world.intent(**{**LONG, "side": "SELL", "entry_price": 90})
    world.closed(symbol="BTCUSDT", pnl_percent=2)
    world.intent(**LONG)
    return world


def altered(change: Callable[[Any], Any]) -> World:
    """Return a world on a copy of the record in which the first event that `change` alters is altered."""
    done: list[bool] = []

    def once(event: Any) -> Any:
        if done:
            return None
        changed = change(event)
        if changed is not None:
            done.append(True)
        return changed

    world = recorded()
    copy = rewritten(world.ledger, once)
    assert done, "the change met nothing"
    return World(ledger=copy)


def decision_with(**changes: Any) -> Callable[[Any], Any]:
    return lambda event: changed(event, **changes) if isinstance(event, LevelsComputed) else None


def raw_with(name: str, nudge: float) -> Callable[[Any], Any]:
    def change(event: Any) -> Any:
        if not isinstance(event, LevelsComputed):
            return None
        raw = changed(event.levels.raw, **{name: getattr(event.levels.raw, name) + nudge})
        return changed(event, levels=changed(event.levels, raw=raw))

    return change


@pytest.mark.parametrize(
    "name", ["lsf", "pnl_factor", "lsf_adjusted", "tp1", "tp2", "tp3", "sl", "floor", "cap"]
)
def test_one_altered_bit_of_an_output_is_found_and_named(name: str) -> None:
    world = altered(raw_with(name, 2.3e-16 if name != "floor" else 3e-19))
    report = world.replay()
    assert (report.decisions, report.drift, report.clean) == (4, 1, False)
    assert report.first_drift is not None
    assert report.first_drift.field == f"levels.raw.{name}"
    assert float(report.first_drift.recorded) != float(report.first_drift.recomputed)


def test_the_drifting_decision_is_named_by_its_id() -> None:
    world = altered(raw_with("tp1", 1e-9))
    first = next(
        decision_id(entry.stream_id, entry.event.revision)
        for entry in world.ledger.log()
        if isinstance(entry.event, LevelsComputed)
    )
    drift = world.replay().first_drift
    assert drift is not None
    assert drift.subject == str(first)


def test_altered_inputs_guards_triggers_and_header_are_found() -> None:
    def trigger(event: Any) -> Any:
        if not isinstance(event, LevelsComputed) or event.levels.triggers is None:
            return None
        triggers = changed(event.levels.triggers, sl=Decimal("99.9"))
        return changed(event, levels=changed(event.levels, triggers=triggers))

    def guard(event: Any) -> Any:
        if not isinstance(event, LevelsComputed):
            return None
        return changed(event, levels=changed(event.levels, guards=changed(event.levels.guards, failed={})))

    def leverage(event: Any) -> Any:
        return (
            changed(event, inputs=changed(event.inputs, leverage=11.0))
            if isinstance(event, LevelsComputed)
            else None
        )

    for change in (
        trigger,
        guard,
        leverage,
        decision_with(harvest=(0.5, 0.3, 0.2)),
        decision_with(quantity=None),
    ):
        report = altered(change).replay()
        assert report.drift == 1, change


def test_a_policy_that_is_not_in_the_register_is_unknown() -> None:
    report = altered(decision_with(policy=PolicyRef("v9", "0" * 64, "0" * 64))).replay()
    assert (report.unknown_policy, report.clean) == (1, False)


def test_a_formula_that_this_version_has_not_is_unknown() -> None:
    def other_formula(event: Any) -> Any:
        if isinstance(event, PolicyRegistered) and event.name == "v3.5":
            return changed(event, formula="lsf-9")
        return None

    world = recorded()
    report = World(ledger=rewritten(world.ledger, other_formula)).replay()
    assert (report.unknown_policy, report.exact) == (4, 0)


def intake_drift(change: Callable[[Any], Any]) -> ReplayReport:
    report = altered(change).intake_replay()
    assert not report.clean
    assert report.first_drift is not None
    return report


def test_intake_replay_finds_an_altered_outcome() -> None:
    def ignored(event: Any) -> Any:
        return changed(event, reason=Reason.SUPERSEDED) if isinstance(event, MessageReceived) else None

    drift = intake_drift(ignored).first_drift
    assert drift is not None
    assert "reason" in drift.field


def test_intake_replay_finds_altered_raw_fields() -> None:
    def payload(event: Any) -> Any:
        if not isinstance(event, MessageReceived):
            return None
        values = {name: text.replace("100", "101") for name, text in event.fields.values.items()}
        return changed(event, fields=changed(event.fields, values=values))

    drift = intake_drift(payload).first_drift
    assert drift is not None
    assert (drift.recorded, drift.recomputed) == ("100", "101")


def test_intake_replay_finds_an_altered_position_event() -> None:
    def price(event: Any) -> Any:
        return changed(event, entry_price=Decimal("105.5")) if isinstance(event, PositionIncreased) else None

    drift = intake_drift(price).first_drift
    assert drift is not None
    assert "PositionIncreased" in drift.field


def test_intake_replay_finds_an_altered_opening_once_and_what_was_decided_on_it() -> None:
    def side(event: Any) -> Any:
        return changed(event, leverage=12.0) if isinstance(event, PositionOpened) else None

    report = intake_drift(side)
    assert report.receipts == 5
    assert report.drift >= 1


@pytest.mark.parametrize(
    ("field", "change"),
    [
        (
            "inputs.average_pnl",
            lambda e: (
                changed(e, inputs=changed(e.inputs, average_pnl=0.4))
                if isinstance(e, LevelsComputed)
                else None
            ),
        ),
        (
            "context.window.trades",
            lambda e: (
                changed(e, context=changed(e.context, window=changed(e.context.window, trades=3)))
                if isinstance(e, LevelsComputed)
                else None
            ),
        ),
        (
            "context.register_version",
            lambda e: (
                changed(e, context=changed(e.context, register_version=99))
                if isinstance(e, LevelsComputed)
                else None
            ),
        ),
        (
            "context.snapshot",
            lambda e: (
                changed(e, context=changed(e.context, snapshot="00"))
                if isinstance(e, LevelsComputed)
                else None
            ),
        ),
        (
            "context.position_version",
            lambda e: (
                changed(e, context=changed(e.context, position_version=7))
                if isinstance(e, LevelsComputed)
                else None
            ),
        ),
        (
            "policy.name",
            lambda e: (
                changed(e, policy=changed(e.policy, name="v3.6")) if isinstance(e, LevelsComputed) else None
            ),
        ),
    ],
)
def test_context_audit_finds_an_altered_context(field: str, change: Callable[[Any], Any]) -> None:
    report = altered(change).context_audit()
    assert (report.decisions, report.drift) == (4, 1)
    assert report.first_drift is not None
    assert report.first_drift.field == field
