"""One function of the library puts a policy in force, whatever adapters the host brings."""

import asyncio
from typing import Any

import pytest

from exitbrain import (
    AsyncExitBrain,
    Disposition,
    ExitBrain,
    ForeignStream,
    IncomingMessage,
    InvalidValue,
    LevelsComputed,
    MessageTime,
    Policy,
    Reason,
    Translation,
    UnknownPolicy,
    incoming_message,
)
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import NOON, StoppedClock

HOUSE = changed(V3_6, name="house", parameters={**V3_6.parameters, "tp_costs": 4.0})
LONG = {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10, "price": "43250.5", "quantity": "0.3"}


def brain_on(ledger: InMemoryLedger, **adapters: Any) -> ExitBrain:
    return ExitBrain(ledger, clock=StoppedClock(), **adapters)


def used(brain: ExitBrain) -> list[str]:
    events = [entry.event for entry in brain.ledger.log(topics=[LevelsComputed.TOPIC])]
    return [event.policy.name for event in events if isinstance(event, LevelsComputed)]


def test_a_policy_of_the_host_decides_from_the_next_message_on() -> None:
    brain = brain_on(InMemoryLedger())
    brain.handle(incoming_message("trade.intent", LONG, entry_id="1-1"))

    done = brain.put_in_force(HOUSE, by="risk desk", why="costs went up")
    brain.handle(incoming_message("trade.intent", LONG, entry_id="1-2"))
    again = brain.put_in_force("house", by="risk desk", why="once more", at=NOON)

    assert (done.outcome.disposition, done.open_plans) == (Disposition.ACCEPTED, 1)
    assert (again.outcome.reason, again.open_plans) == (Reason.ALREADY_IN_FORCE, 1)
    assert used(brain) == ["v3.5", "house"]
    for report in (brain.replay(), brain.replay(from_receipts=True), brain.replay(context=True)):
        assert report.clean, report.first_drift
    assert brain_on(brain.ledger, policy="house").ledger is brain.ledger  # type: ignore[arg-type]


class NothingIsOurs:
    """A host's translator, which knows messages of its own alone."""

    def translate(self, message: IncomingMessage) -> Translation:
        return ForeignStream(MessageTime(None, None))


def test_a_host_with_a_translator_of_its_own_can_put_a_policy_in_force_too() -> None:
    brain = brain_on(InMemoryLedger(), translator=NothingIsOurs())
    assert (
        brain.put_in_force("v3.6", by="ann", why="v3.6 is ready").outcome.disposition is Disposition.ACCEPTED
    )
    assert brain.replay(from_receipts=True).clean
    assert brain.replay(context=True).clean


def test_what_no_message_could_say_is_an_error() -> None:
    brain = brain_on(InMemoryLedger())
    head = brain.ledger.head()
    with pytest.raises(UnknownPolicy, match="'v9'"):
        brain.put_in_force("v9", by="ann", why="x")
    with pytest.raises(TypeError, match=r"policy is .* wanted: the name of a policy, or a Policy"):
        brain.put_in_force({"name": "house"}, by="ann", why="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"by is .* wanted: a text"):
        brain.put_in_force("v3.6", by=7, why="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="why is"):
        brain.put_in_force("v3.6", by="ann", why="\ud800")
    with pytest.raises(InvalidValue, match="at is"):
        brain.put_in_force("v3.6", by="ann", why="x", at=NOON.replace(tzinfo=None))
    assert brain.ledger.head() == head


def test_the_awaitable_twin_does_the_same() -> None:
    async def main() -> Policy:
        async with AsyncExitBrain(lambda: brain_on(InMemoryLedger())) as brain:
            done = await brain.put_in_force(HOUSE, scope="BTCUSDT", by="ann", why="a trial")
            assert done.outcome.disposition is Disposition.ACCEPTED
            return await brain.run(lambda one: one.ledger.register().in_force("BTCUSDT").policy)

    assert asyncio.run(main()) == HOUSE
