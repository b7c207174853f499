"""Whatever the register says beyond its beginning, a recorded message has asked for; all else is named."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.policies.register import SHIPPED_BY, PolicyActivated, PolicyRegistered
from exitbrain.domain.values import changed
from tests.world import NOON, World, rewritten

HOUSE = changed(V3_6, name="house", parameters={**V3_6.parameters, "tp_costs": 4.0})
LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "leverage": 10}


def lived() -> World:
    """Return a world in which a policy was put in force between two decisions."""
    world = World()
    world.intent(**LONG)
    world.put_in_force(HOUSE)
    world.put_in_force("v3.6", scope="BTCUSDT")
    world.intent(**LONG)
    return world


def whys(world: World) -> list[tuple[int, str]]:
    report = world.context_audit()
    assert report.clean is not bool(report.register_findings)
    assert report.exact == report.decisions > 0  # a decision keeps its own verdict
    return [(finding.log_position, finding.why) for finding in report.register_findings]


def forge(world: World, event: Any) -> int:
    """Add an event to the register as somebody with a database would, and return where it stands."""
    return world.ledger.save([Record(REGISTER_ID, world.ledger.register().version + 1, event)])


def newest(world: World) -> PolicyActivated:
    event = world.ledger.history(REGISTER_ID)[-1].event
    assert isinstance(event, PolicyActivated)
    return event


def test_a_store_that_lived_by_messages_alone_has_nothing_wrong() -> None:
    assert whys(lived()) == []


@pytest.mark.parametrize("by", ["somebody", SHIPPED_BY])
def test_an_activation_that_no_message_asked_for_is_named_with_its_place(by: str) -> None:
    world = lived()
    at = forge(world, PolicyActivated("v3.5", "*", by, NOON, None))
    world.intent(**LONG)  # decided under the forged one
    assert whys(world) == [(at, "no receipt accounts for it")]


def test_a_registration_that_no_message_asked_for_is_named() -> None:
    world = lived()
    register = world.ledger.register()
    register.register(changed(HOUSE, name="other"), by=SHIPPED_BY, at=NOON)
    at = world.ledger.save(register.collect())
    assert whys(world) == [(at, "no receipt accounts for it")]


def test_a_borrowed_receipt_accounts_for_nothing() -> None:
    world = lived()
    real = newest(world)
    intent = world.intent(**LONG)
    after_intent = forge(world, changed(real, receipt_id=intent.receipt_id))
    copied = forge(world, real)
    refused = world.put_in_force(changed(HOUSE, formula="lsf-9"))
    after_refused = forge(world, changed(real, receipt_id=refused.outcome.receipt_id))
    unknown = uuid4()
    invented = forge(world, changed(real, receipt_id=unknown))
    assert whys(world) == [
        (after_intent, f"its receipt {intent.receipt_id} does not stand right before it"),
        (copied, f"its receipt {real.receipt_id} does not stand right before it"),
        (
            after_refused,
            f"its receipt {refused.outcome.receipt_id} is not of a message that put a policy in force",
        ),
        (invented, f"its receipt {unknown} does not stand right before it"),
    ]


def test_one_receipt_accounts_for_one_activation() -> None:
    world = World()
    world.intent(**LONG)
    world.put_in_force("v3.6", scope="BTCUSDT")
    real = newest(world)
    at = forge(world, real)  # right behind the real one, and equal to it
    assert whys(world) == [(at, f"its receipt {real.receipt_id} does not stand right before it")]


@pytest.mark.parametrize(
    "change",
    [
        lambda event: changed(event, scope="ETHUSDT") if isinstance(event, PolicyActivated) else event,
        lambda event: changed(event, name="v3.5-fraction") if isinstance(event, PolicyActivated) else event,
        lambda event: changed(event, by="somebody else"),
    ],
)
def test_an_event_that_says_something_else_than_its_receipt_is_named(change: Callable[[Any], Any]) -> None:
    world = World()
    world.intent(**LONG)
    world.put_in_force("v3.6", scope="*")
    altered = rewritten(
        world.ledger,
        lambda event: (
            change(event) if isinstance(event, PolicyActivated) and event.receipt_id is not None else None
        ),
    )
    [(at, why)] = whys(World(ledger=altered))
    assert at == world.ledger.head()
    assert why.endswith("asked for something else")


def test_a_registration_altered_together_with_its_hash_is_named() -> None:
    other = changed(HOUSE, parameters={**HOUSE.parameters, "tp_costs": 5.0})

    def alter(event: Any) -> Any:
        if isinstance(event, PolicyRegistered) and event.name == "house":
            return changed(event, parameters=other.parameters, parameters_hash=other.parameters_hash)
        return None

    found = [why for _, why in whys(World(ledger=rewritten(lived().ledger, alter)))]
    assert found[0].endswith("asked for something else")
    assert "policy house was registered with fingerprint" in found[1]


def test_an_altered_receipt_accounts_for_nothing() -> None:
    def alter(event: Any) -> Any:
        if isinstance(event, MessageReceived) and event.fields.values.get("why"):
            values = {**event.fields.values, "why": "nobody's idea"}
            return changed(event, fields=changed(event.fields, values=values))
        return None

    found = [why for _, why in whys(World(ledger=rewritten(lived().ledger, alter)))]
    assert len(found) == 3
    assert all("is not of a message that put a policy in force" in why for why in found)


def test_an_event_outside_the_register_is_named() -> None:
    world = lived()
    at = world.ledger.save([Record(uuid4(), 1, PolicyActivated("v3.5", "*", SHIPPED_BY, NOON, None))])
    world.put_in_force("v3.5", scope="ETHUSDT")
    world.intent(**LONG)
    assert whys(world) == [(at, "it stands outside the register")]


def test_a_second_activation_right_behind_the_beginning_is_not_of_the_beginning() -> None:
    world = World()
    begun = [Record(e.stream_id, e.version, e.event) for e in world.ledger.log()]
    beginning = begun[: [isinstance(r.event, PolicyActivated) for r in begun].index(True) + 1]
    ledger = type(world.ledger)()
    ledger.save(beginning)
    at = ledger.save(
        [Record(REGISTER_ID, beginning[-1].version + 1, PolicyActivated("v3.6", "*", SHIPPED_BY, NOON, None))]
    )
    forged = World(ledger=ledger)
    forged.intent(**LONG)
    assert whys(forged) == [(at, "no receipt accounts for it")]


@pytest.mark.parametrize("name", ["v3.6", "v3.5-fraction", "house"])
def test_a_parameter_edited_in_place_is_named_with_its_place(name: str) -> None:
    def edited(event: Any) -> Any:
        if isinstance(event, PolicyRegistered) and event.name == name:
            return changed(event, parameters={**event.parameters, "tp_min": 0.004})
        return None

    altered = World(ledger=rewritten(lived().ledger, edited))
    found = altered.context_audit().register_findings
    assert found[-1].event == f"PolicyRegistered of {name}"
    assert f"policy {name} was registered with parameters hash" in found[-1].why
    assert f"(log position {found[-1].log_position})" in found[-1].why
