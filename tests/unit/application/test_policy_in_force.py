"""A policy is registered and put in force by a message with a receipt, and by nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.messages.message import POLICY_ACTIVATE
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.messages.result import PolicyInForce
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegistered
from exitbrain.domain.values import Origin, changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.activation import activation_message
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.world import MAX_BYTES, NOON, World

LONG: dict[str, Any] = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
HOUSE = changed(V3_6, name="house", parameters={**V3_6.parameters, "tp_costs": 4.0})


def register_events(world: World) -> list[Any]:
    return [record.event for record in world.ledger.history(REGISTER_ID)][len(SHIPPED) + 1 :]


def refusal(done: PolicyInForce) -> tuple[str, str]:
    assert done.outcome.disposition is Disposition.REFUSED
    assert done.outcome.refusal is not None
    assert done.open_plans == 0
    return done.outcome.refusal.field, done.outcome.refusal.allowed


def test_a_new_policy_is_registered_and_in_force_with_one_receipt_for_both() -> None:
    world = World()
    before = world.ledger.head()

    done = world.put_in_force(HOUSE, by="risk desk", why="costs went up")

    entries = list(world.ledger.log(before))
    receipt, registered, activated = (entry.event for entry in entries)
    assert isinstance(receipt, MessageReceived)
    assert (receipt.source, receipt.disposition, receipt.touched) == (
        POLICY_ACTIVATE,
        Disposition.ACCEPTED,
        (REGISTER_ID,),
    )
    assert (receipt.fields.values["by"], receipt.fields.values["why"]) == ("risk desk", "costs went up")
    assert entries[0].stream_id == done.outcome.receipt_id
    assert registered == PolicyRegistered(
        "house",
        HOUSE.formula,
        HOUSE.unit,
        HOUSE.parameters,
        HOUSE.ignores,
        HOUSE.parameters_hash,
        fingerprint(HOUSE),
        "risk desk",
        NOON,
        done.outcome.receipt_id,
    )
    assert activated == PolicyActivated("house", "*", "risk desk", NOON, done.outcome.receipt_id)


def test_the_next_decision_uses_it_and_every_replay_is_exact() -> None:
    world = World()
    first = world.intent(symbol="BTCUSDT", **LONG)
    world.put_in_force(HOUSE)
    second = world.intent(symbol="BTCUSDT", **LONG)
    other = world.another_recorder()
    third = other.handle(world.message("trade.intent", {"symbol": "ETHUSDT", **LONG}))
    world.put_in_force("v3.5", scope="ETHUSDT")

    used = [world.decision_of(outcome).policy.name for outcome in (first, second, third)]
    assert used == ["v3.5", "house", "house"]
    world.check_every_replay_is_exact()


def test_a_policy_of_the_store_is_not_registered_again() -> None:
    world = World()
    done = world.put_in_force("v3.6", scope="BTCUSDT", by="ann")
    assert register_events(world) == [
        PolicyActivated("v3.6", "BTCUSDT", "ann", NOON, done.outcome.receipt_id)
    ]


def test_a_scope_is_spelled_as_the_symbols_of_messages_are() -> None:
    world = World()
    world.put_in_force("v3.6", scope=" eth/usdt:usdt ")
    decided = world.decision_of(world.intent(symbol="ETHUSDT", **LONG))
    assert decided.policy.name == "v3.6"
    world.check_every_replay_is_exact()


def test_what_is_in_force_already_is_ignored() -> None:
    world = World()
    ignored = world.put_in_force("v3.5")
    assert (ignored.outcome.disposition, ignored.outcome.reason) == (
        Disposition.IGNORED,
        Reason.ALREADY_IN_FORCE,
    )
    assert register_events(world) == []
    pinned = world.put_in_force(
        "v3.5", scope="BTCUSDT"
    )  # that of the symbol stays when the global one changes
    assert pinned.outcome.disposition is Disposition.ACCEPTED
    world.check_every_replay_is_exact()


def test_the_same_message_twice_is_a_duplicate() -> None:
    world = World()
    world.put_in_force(HOUSE)
    head = world.ledger.head()
    again = world.put_in_force(HOUSE)
    assert again.outcome.duplicate
    assert world.ledger.head() == head


def test_the_open_plans_of_its_scope_are_counted() -> None:
    world = World()
    for symbol, account in (("BTCUSDT", "a"), ("ETHUSDT", "a"), ("ETHUSDT", "b"), ("SOLUSDT", "a")):
        world.intent(symbol=symbol, account=account, **LONG)
    world.closed(symbol="SOLUSDT", account="a")

    assert world.put_in_force("v3.5", scope="BTCUSDT").open_plans == 1
    assert world.put_in_force(HOUSE).open_plans == 2  # BTCUSDT has one of its own
    assert world.put_in_force("v3.6", scope="ETHUSDT").open_plans == 2
    assert world.put_in_force("v3.6", scope="XRPUSDT").open_plans == 0


def without(name: str) -> Policy:
    return changed(HOUSE, parameters={k: v for k, v in HOUSE.parameters.items() if k != name})


def with_parameters(**given: float) -> Policy:
    return changed(HOUSE, parameters={**HOUSE.parameters, **given})


@pytest.mark.parametrize(
    ("policy", "field", "allowed"),
    [
        (changed(V3_5, name="v3.6"), "name", "another name"),
        (changed(HOUSE, name="v3.6"), "name", "another name"),
        (changed(HOUSE, name=""), "name", "1 to 256 characters"),
        (changed(HOUSE, name=" house"), "name", "no space around"),
        (changed(HOUSE, formula="lsf-9"), "formula", "lsf-3.5, lsf-3.6"),
        (changed(HOUSE, formula="foreign:house:Engine"), "formula", "lsf-3.5, lsf-3.6"),
        (without("base_tp"), "parameter base_tp", "a finite double"),
        (with_parameters(leverage_cap=3.0), "parameter", "base_tp, base_sl"),
        (with_parameters(base_tp=1e308), "tp1 at leverage 1", "up to 1e15"),
        (with_parameters(base_tp=-1.0, tp_min=-1.0, tp_costs=0.0), "tp1 at leverage 1", "above 0"),
        (with_parameters(harvest1_low=0.5), "harvest at leverage 1", "sum to 1"),
    ],
)
def test_a_policy_that_can_not_be_used_is_refused_with_a_receipt(
    policy: Policy, field: str, allowed: str
) -> None:
    world = World()
    refused_field, refused_allowed = refusal(world.put_in_force(policy))
    assert refused_field == field
    assert allowed in refused_allowed
    assert register_events(world) == []
    world.check_every_replay_is_exact()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"by": ""}, "by"),
        ({"by": "x" * 257}, "by"),
        ({"why": "  "}, "why"),
        ({"scope": ""}, "scope"),
        ({"scope": "BTC\nUSDT"}, "scope"),
        ({"scope": "none"}, "scope"),
    ],
)
def test_who_why_and_for_what_are_needed(said: dict[str, str], field: str) -> None:
    world = World()
    assert refusal(world.put_in_force(HOUSE, **said))[0] == field
    assert register_events(world) == []
    world.check_every_replay_is_exact()


@pytest.mark.parametrize("origin", list(Origin))
@pytest.mark.parametrize("stream_id", [None, "1767268800001-0"])
def test_nobody_else_can_send_that_message(origin: Origin, stream_id: str | None) -> None:
    world = World()
    fields = activation_message(HOUSE, scope="*", by="a producer", why="more", at=NOON).fields.values
    for stream in (POLICY_ACTIVATE, f"quantum:stream:{POLICY_ACTIVATE}"):
        outcome = world.recorder.handle(
            from_fields(stream, stream_id, fields, origin=origin, max_bytes=MAX_BYTES)
        )
        assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.UNKNOWN_STREAM)
    assert register_events(world) == []
    world.check_every_replay_is_exact()


class Overtaken(InMemoryLedger):
    """A ledger on which somebody else is faster, once."""

    def __init__(self) -> None:
        super().__init__()
        self.before_next: Callable[[], object] | None = None

    def save(self, records: Any, **kwargs: Any) -> int:
        if self.before_next is not None and any(r.event.TOPIC == MessageReceived.TOPIC for r in records):
            meanwhile, self.before_next = self.before_next, None
            meanwhile()
        return super().save(records, **kwargs)


@pytest.mark.parametrize("policy", [V3_5, V3_6])
def test_whoever_is_slower_decides_again(policy: Policy) -> None:
    """What is ignored rests on what is in force as much as what is done."""
    ledger = Overtaken()
    world = World(ledger=ledger)
    other = World(ledger=ledger)
    ledger.before_next = lambda: other.put_in_force(HOUSE, by="somebody else")

    done = world.put_in_force(policy)

    assert done.outcome.disposition is Disposition.ACCEPTED
    assert [(type(event), event.name) for event in register_events(world)] == [
        (PolicyRegistered, "house"),
        (PolicyActivated, "house"),
        (PolicyActivated, policy.name),
    ]
    assert world.recorder.conflicts == 1
    world.check_every_replay_is_exact()
