"""Whatever comes in, in whatever batches: one receipt each, at most one open position a symbol, exact replays."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.exit_plan import LevelsComputed, LevelsRefused
from exitbrain.domain.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.position import PositionClosed, PositionOpened
from exitbrain.domain.receipt import Disposition, MessageReceived
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.world import MAX_BYTES, NOON_MS, World

BRACKETS = brackets_with_amounts([(0.0, 5_000.0, 0.004, 125.0), (5_000.0, 1e9, 0.01, 50.0)])


class SomeInstruments:
    """Know all of AUSDT, only the brackets of BUSDT, nothing of CUSDT."""

    def instrument(self, symbol: str) -> Instrument | None:
        if symbol == "AUSDT":
            return Instrument(symbol, Decimal("0.05"), Decimal("0.01"), Decimal(5), 4.0, BRACKETS)
        return Instrument(symbol, brackets=BRACKETS) if symbol == "BUSDT" else None


numbers = st.sampled_from([0.5, 1, 2.25, 7, 33.3, "12.5", "1e3", 100])
intents = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["AUSDT", "BUSDT", "CUSDT"]),
        "side": st.sampled_from(["BUY", "SELL", "BUY", "SELL", "CLOSE", "HOLD", "nonsense"]),
    },
    optional={
        "entry_price": numbers,
        "quantity": numbers,
        "position_size_usd": numbers,
        "leverage": st.sampled_from([1, 5, "20", 56.00000000000001, 100, 125, 200]),
        "volatility_factor": st.sampled_from([0, 0.5, 1.5, 3.007]),
        "funding_rate": st.sampled_from([-0.004, 0.0001, 0.05]),
        "exchange_divergence": st.sampled_from([0.1, 19.04]),
        "confidence": st.sampled_from([0.2, 0.72, 1]),
        "reduce_only": st.booleans(),
        "account": st.sampled_from(["default", "other"]),
        "timestamp": st.integers(NOON_MS - 10_000, NOON_MS + 10_000),
    },
)
closes = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["AUSDT", "BUSDT", "CUSDT"])},
    optional={
        "pnl_percent": st.sampled_from([-1.5, 0, 0.31, "2"]),
        "exit_price": numbers,
        "order_id": st.sampled_from(["1", "2", 3]),
        "side": st.sampled_from(["BUY", "SHORT"]),
        "timestamp": st.integers(NOON_MS - 10_000, NOON_MS + 10_000),
    },
)
messages = st.tuples(
    st.one_of(
        st.tuples(st.just("trade.intent"), intents),
        st.tuples(st.just("trade.intent"), intents),
        st.tuples(st.just("trade.closed"), closes),
    ),
    st.one_of(st.none(), st.integers(1, 40)),
)


def message_of(number: int, drawn: tuple[tuple[str, dict[str, Any]], int | None]) -> IncomingMessage:
    (stream, payload), sequence = drawn
    entry_id = None if sequence is None else f"{NOON_MS}-{sequence}"
    return from_fields(
        f"quantum:stream:{stream}",
        entry_id,
        {"payload": json.dumps(payload)},
        origin=Origin.LIVE,
        max_bytes=MAX_BYTES,
        occurrence=number,
    )


@given(
    drawn=st.lists(messages, max_size=25),
    batch=st.integers(1, 9),
    policy=st.sampled_from(["v3.5", "v3.5-fraction", "v3.6"]),
)
def test_any_sequence_of_messages_is_kept_once_and_replays_exactly(
    drawn: list[tuple[tuple[str, dict[str, Any]], int | None]], batch: int, policy: str
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
    assert len(decisions) == len([outcome for outcome in outcomes if outcome.decision is not None])
    assert all(o.disposition is Disposition.ACCEPTED for o in outcomes if o.decision is not None)
    world.check_every_replay_is_exact()


@given(drawn=st.lists(messages, max_size=20), policy=st.sampled_from(["v3.5", "v3.6"]))
def test_batches_decide_what_single_messages_decide(
    drawn: list[tuple[tuple[str, dict[str, Any]], int | None]], policy: str
) -> None:
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
        if isinstance(one.event, LevelsComputed | LevelsRefused):
            assert (one.event.inputs, one.event.levels) == (other.event.inputs, other.event.levels)
