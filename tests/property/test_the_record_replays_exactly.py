"""Whatever comes in, in whatever batches: one receipt each, at most one open position a symbol, exact replays."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.messages.receipt import Disposition, MessageReceived
from exitbrain.domain.plans.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.positions.events import PositionClosed, PositionOpened
from exitbrain.domain.values import changed
from tests.property.any_messages import Drawn, SomeInstruments, message_of, messages
from tests.world import World


@given(
    drawn=st.lists(messages, max_size=25),
    batch=st.integers(1, 9),
    policy=st.sampled_from(["v3.5", "v3.5-fraction", "v3.6"]),
)
def test_any_sequence_of_messages_is_kept_once_and_replays_exactly(
    drawn: list[Drawn], batch: int, policy: str
) -> None:
    world = World(policy=policy, instruments=SomeInstruments())
    incoming = [message_of(number, one) for number, one in enumerate(drawn)]
    outcomes = []
    for start in range(0, len(incoming), batch):
        outcomes += world.recorder.handle_batch(incoming[start : start + batch])
    entries = list(world.ledger.log())

    receipts = [entry for entry in entries if isinstance(entry.event, MessageReceived)]
    assert len(receipts) == len([outcome for outcome in outcomes if not outcome.duplicate])
    assert len({entry.stream_id for entry in receipts}) == len(receipts)

    open_now: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if isinstance(entry.event, PositionOpened):
            open_now[(entry.event.account, entry.event.symbol)] += 1
        elif isinstance(entry.event, PositionClosed):
            open_now[(entry.event.account, entry.event.symbol)] -= 1
        assert set(open_now.values()) <= {0, 1}

    decisions = [entry for entry in entries if isinstance(entry.event, LevelsComputed | LevelsRefused)]
    assert len(decisions) == len([one for one in outcomes if one.decision is not None and not one.duplicate])
    assert all(o.disposition is Disposition.ACCEPTED for o in outcomes if o.decision is not None)
    world.check_every_replay_is_exact()

    again = world.another_recorder().handle_batch(incoming)
    assert again == [changed(outcome, duplicate=True) for outcome in outcomes]
    assert [outcome.levels for outcome in again] == [outcome.levels for outcome in outcomes]


@given(drawn=st.lists(messages, max_size=20), policy=st.sampled_from(["v3.5", "v3.6"]))
def test_batches_decide_what_single_messages_decide(drawn: list[Drawn], policy: str) -> None:
    incoming = [message_of(number, one) for number, one in enumerate(drawn)]
    together = World(policy=policy, instruments=SomeInstruments())
    apart = World(policy=policy, instruments=SomeInstruments())
    batch = together.recorder.handle_batch(incoming)
    singles = [apart.recorder.handle(message) for message in incoming]
    assert batch == singles
    for one, other in zip(together.ledger.log(), apart.ledger.log(), strict=True):
        assert (one.stream_id, one.version, type(one.event)) == (
            other.stream_id,
            other.version,
            type(other.event),
        )
        if isinstance(one.event, Decision) and isinstance(other.event, Decision):
            assert (one.event.inputs, one.event.levels) == (other.event.inputs, other.event.levels)
