"""A worker tells its journal everything that the log and the metrics are made of."""

import asyncio
from collections.abc import Sequence
from typing import Any

from exitbrain.application.recording.intake import Intake
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.messages.message import IncomingMessage, Translation
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.observation.live_path import LEVELS, Told, run_worker, samples
from tests.world import World

INTENT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "entry_price": 100,
    "quantity": 2,
    "leverage": 20,
}


def run(told: Told, messages: list[IncomingMessage], world: World, decisions: int) -> None:
    def done() -> bool:
        found = samples(told.metrics)
        published = found.get(("exitbrain_published_entries_total", frozenset({("stream", LEVELS)})), 0)
        lag = ("exitbrain_lag_entries", frozenset({("stream", "quantum:stream:trade.intent")}))
        return published >= decisions and lag in found

    asyncio.run(run_worker(world, messages, told.journal, done))


def test_the_metrics_of_a_worker_are_those_of_what_it_did() -> None:
    told, world = Told("debug"), World()
    messages = [world.message("trade.intent", INTENT) for _ in range(6)]
    messages.append(world.message("trade.intent", INTENT | {"leverage": 500}))

    run(told, messages, world, decisions=6)

    assert told.value("exitbrain_messages_total", outcome="ACCEPTED", reason="") == 6
    assert told.value("exitbrain_messages_total", outcome="REFUSED", reason="LEVERAGE_OUT_OF_RANGE") == 1
    assert told.value("exitbrain_decisions_total", policy="v3.5", cause="INTENT", result="computed") == 6
    assert told.value("exitbrain_published_entries_total", stream=LEVELS) == 6
    assert told.value("exitbrain_entry_to_published_seconds_count", stream=LEVELS) == 6
    assert told.value("exitbrain_published_position", stream=LEVELS) > 0
    assert told.value("exitbrain_reclaimed_entries_total") == 1
    assert told.value("exitbrain_turn") == 1
    assert [line["consumer"] for line in told.named("turn_taken")] == ["worker-a"]
    assert told.value("exitbrain_lag_entries", stream="quantum:stream:trade.intent") == 3
    assert told.value("exitbrain_loop_failures_total", loop="read") == 1
    for step in ("read", "commit", "acknowledge", "publish"):
        assert told.value("exitbrain_step_seconds_count", step=step) >= 1
    assert len(told.named("message")) == 6
    assert len(told.named("loop_recovered")) == 1


def test_a_message_that_can_not_be_handled_is_told_of_and_ends_as_a_refusal() -> None:
    told, world = Told(), World()
    world.intake = Intake(world.engine, FailingTranslator())
    world.recorder = world.another_recorder()
    poisoned = world.message("trade.intent", INTENT | {"symbol": "BADUSDT"})

    run(told, [world.message("trade.intent", INTENT), poisoned], world, decisions=1)

    assert told.value("exitbrain_undecided_total") == 1
    assert told.value("exitbrain_messages_total", outcome="REFUSED", reason="UNDECIDABLE") == 1
    assert told.named("message_undecided")[0]["entry_id"] == poisoned.entry_id
    assert told.named("message_refused")[0]["reason"] == "UNDECIDABLE"


def test_a_failing_engine_refuses_its_message_at_once_and_no_other() -> None:
    told, world = Told(), World()
    world.intake = Intake(FailingEngine(), WireTranslator())
    world.recorder = world.another_recorder()
    messages = [world.message("trade.intent", INTENT | {"leverage": leverage}) for leverage in (20, 77, 30)]

    run(told, messages, world, decisions=2)

    assert told.value("exitbrain_messages_total", outcome="ACCEPTED", reason="") == 2
    assert told.value("exitbrain_messages_total", outcome="REFUSED", reason="ENGINE_FAILED") == 1
    assert told.value("exitbrain_undecided_total") == 0
    assert told.named("message_refused")[0]["entry_id"] == messages[1].entry_id


class FailingEngine(BuiltInFormulas):
    """An engine with a fault of its own for one leverage."""

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        if inputs.leverage == 77.0:
            raise ZeroDivisionError("a fault of the engine")
        return super().compute(policy, inputs, brackets)


class FailingTranslator(WireTranslator):
    """A translator with a fault of its own for one symbol."""

    def translate(self, message: IncomingMessage) -> Translation:
        if "BADUSDT" in message.fields.values["payload"] and message.broken is None:
            raise ZeroDivisionError("a fault of ours")
        return super().translate(message)
