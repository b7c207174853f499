"""Messages of three symbols in any order and in many shapes, with instruments that know one of them well."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.world import MAX_BYTES, NOON_MS

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
        "trace_id": st.sampled_from(["t1", "t2"]),
        "timestamp": st.integers(NOON_MS - 10_000, NOON_MS + 10_000),
    },
)
closes = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["AUSDT", "BUSDT", "CUSDT"])},
    optional={
        "pnl_percent": st.sampled_from([-1.5, 0, 0.31, "2", "1e15", -2500]),
        "exit_price": numbers,
        "order_id": st.sampled_from(["1", "2", 3]),
        "side": st.sampled_from(["BUY", "SHORT"]),
        "correlation_id": st.sampled_from(["c1", "c2"]),
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


Drawn = tuple[tuple[str, dict[str, Any]], int | None]
"""Stream and payload, and the sequence in the entry id; None for a message without one."""


def message_of(number: int, drawn: Drawn) -> IncomingMessage:
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
