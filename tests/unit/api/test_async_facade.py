"""The awaitable twin does the same work, on a thread of its own."""

import asyncio
import threading
from collections.abc import Collection, Sequence

import pytest

from exitbrain import (
    AsyncExitBrain,
    ExitBrain,
    IncomingMessage,
    LevelsComputed,
    Record,
    StoreUnavailable,
    incoming_message,
)
from exitbrain.application.ports.exit_ledger import Place
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import NOON, NOON_MS, StoppedClock


def intent(number: int, leverage: int = 10) -> IncomingMessage:
    fields = {"symbol": "BTCUSDT", "side": "BUY", "leverage": leverage}
    return incoming_message("trade.intent", fields, entry_id=f"{NOON_MS + number}-0")


def test_every_question_of_the_facade_can_be_awaited() -> None:
    async def story() -> None:
        async with AsyncExitBrain.open("memory://", clock=StoppedClock(NOON), account="main") as brain:
            first = await brain.handle(intent(1))
            entries = await brain.run(lambda own: list(own.ledger.log(topics=[LevelsComputed.TOPIC])))
            assert [entry.event.context.recorded_at for entry in entries] == [NOON]  # type: ignore[union-attr]
            assert await brain.outcome_of(intent(1)) == changed(first, duplicate=True)
            assert await brain.outcome_of(intent(2)) is None
            (second,) = await brain.handle_batch([intent(2, leverage=20)], at=NOON)
            assert first.decision is not None
            assert second.touched == first.touched

            state, context = await brain.state_of(intent(3)), await brain.context(at=NOON)
            decided = await brain.decide(intent(3), state, context)
            assert decided.outcome.decision is not None
            assert decided.outcome.decision.revision == 3

            explained = await brain.levels(leverage=20, volatility=1.5)
            assert explained.levels.raw.tp1 == 0.847247979309735
            again = await brain.levels_for(explained.inputs, policy="v3.6")
            assert again.policy.name == "v3.6"

            assert (await brain.replay()).exact == 2
            assert (await brain.replay(from_receipts=True)).exact == 2
            answers = (await brain.whatif("v3.6", {}, {"base_sl": 0.004})).answers
            assert [(answer.decisions, answer.changed) for answer in answers] == [(2, 2), (2, 2)]
            (change,) = await brain.lsf_changes()
            assert (change.symbol, change.account) == ("BTCUSDT", "main")

            entries = await brain.run(lambda b: list(b.ledger.log(topics=[LevelsComputed.TOPIC])))
            assert len(entries) == 2

    asyncio.run(story())


class SlowLedger(InMemoryLedger):
    """A ledger whose saves wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.saving = threading.Event()
        self.threads: set[str] = set()

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        self.threads.add(threading.current_thread().name)
        if self.head():
            self.saving.set()
            assert self.free.wait(30)
        return super().save(records, absent=absent)


def test_the_event_loop_goes_on_while_a_save_blocks() -> None:
    ledger = SlowLedger()

    async def story() -> bool:
        async with AsyncExitBrain(lambda: ExitBrain(ledger)) as brain:
            handling = asyncio.create_task(brain.handle(intent(1)))
            while not ledger.saving.is_set():
                await asyncio.sleep(0.001)
            was_pending = not handling.done()
            ledger.free.set()
            return was_pending and (await handling).decision is not None

    assert asyncio.run(asyncio.wait_for(story(), 30))
    assert len(ledger.threads) == 1
    assert threading.current_thread().name not in ledger.threads


def test_it_has_to_be_entered_first() -> None:
    async def story() -> None:
        await AsyncExitBrain.open("memory://").handle(intent(1))

    with pytest.raises(RuntimeError, match="enter the AsyncExitBrain with `async with`"):
        asyncio.run(story())


def test_a_store_that_can_not_be_opened_leaves_no_thread_behind() -> None:
    async def story() -> None:
        async with AsyncExitBrain.open("sqlite:////nowhere/at/all.db"):
            pass

    with pytest.raises(StoreUnavailable):
        asyncio.run(story())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("exitbrain")]


def test_leaving_waits_for_what_was_begun() -> None:
    async def story() -> list[bool]:
        async with AsyncExitBrain.open("memory://") as brain:
            tasks = [asyncio.create_task(brain.handle(intent(number))) for number in range(5)]
            await asyncio.sleep(0)
        return [task.done() or (await task).decision is not None for task in tasks]

    assert asyncio.run(story()) == [True] * 5
