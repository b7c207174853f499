"""The messages of a run: a few symbols opened, added to, flipped, reduced and closed, with rubbish in between."""

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.faults.simulation.ports import CLOSES, INTENTS
from tests.faults.simulation.streams import EntryKey, Fields
from tests.world import NOON_MS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "1000PEPEUSDT")
PLACEHOLDERS = ("", "None", "unknown")
UNDECIDABLE_LEVERAGE = 77.0
"""An intent with this leverage meets an error of the intake, every time."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One message and when its producer sends it, in seconds; `key` is the entry id that it asks for, None for the next."""

    at_s: float
    stream: str
    fields: Fields
    key: EntryKey | None = None


def workload(rng: Random, *, seconds: float, undecidable: bool) -> list[Sending]:
    """Return the messages of a run in the order they are sent: all at once, in bursts, or spread."""
    symbols = SYMBOLS[: rng.randint(1, 3)]
    bursts = [rng.uniform(0.0, seconds) for _ in range(rng.randint(1, 4))]
    spread = rng.random() < 0.5
    sendings: list[Sending] = []
    reports = rng.random() < 0.6
    for _ in range(rng.randint(6, 22)):
        at_s = rng.uniform(0.0, seconds) if spread else rng.choice(bursts)
        if sendings and rng.random() < 0.06:
            again = rng.choice(sendings)
            sendings.append(Sending(at_s, again.stream, again.fields))
        else:
            symbol = rng.choice(symbols)
            sending = Sending(at_s, *_message(rng, symbol, undecidable=undecidable))
            sendings.append(sending)
            if reports and sending.stream == INTENTS and rng.random() < 0.5:
                # What the executor makes of it, a moment later or after the next entry.
                sendings.append(Sending(at_s + rng.choice((0.05, 0.3, 1.0)), CLOSES, _closed(rng, symbol)))
    return sorted(sendings, key=lambda sending: sending.at_s)


def with_far_ahead(rng: Random, sendings: list[Sending]) -> list[Sending]:
    """Return the messages of a run, a few of them with an entry id or a time that lies far ahead, in half of the runs."""
    if rng.random() < 0.5:
        return sendings
    return [_far_ahead(rng, one) if rng.random() < 0.2 else one for one in sendings]


def _far_ahead(rng: Random, sending: Sending) -> Sending:
    if rng.random() < 0.4:
        return replace(
            sending, key=(rng.choice((NOON_MS + 600_000, 2**63 - 1, 2**63, 2**64 - 1)), rng.randrange(3))
        )
    far = rng.choice(("2030-01-01T00:00:00+00:00", "2100-12-31T23:59:59", str(NOON_MS + 600_000)))
    if "payload" not in sending.fields:
        return replace(sending, fields={**sending.fields, "timestamp": far, "source": "producer"})
    try:
        payload = json.loads(sending.fields["payload"])
    except ValueError:
        return sending
    return replace(sending, fields={**sending.fields, "payload": json.dumps({**payload, "timestamp": far})})


def _message(rng: Random, symbol: str, *, undecidable: bool) -> tuple[str, Fields]:
    kind = rng.choices(
        ("open", "reduce", "close", "closed", "hold", "bad", "undecidable"),
        (46, 10, 8, 18, 3, 10, 5 if undecidable else 0),
    )[0]
    match kind:
        case "closed":
            return CLOSES, _closed(rng, symbol)
        case "bad":
            return _bad(rng, symbol)
        case "hold":
            return INTENTS, _intent(rng, symbol, side="HOLD")
        case "close":
            return INTENTS, _intent(rng, symbol, side="CLOSE")
        case "reduce":
            said = {"quantity": rng.choice((0.5, 1, 2))} if rng.random() < 0.8 else {}
            return INTENTS, _intent(rng, symbol, side=rng.choice(("BUY", "SELL")), reduce_only=True, **said)
        case "undecidable":
            return opening_intent(rng, symbol, leverage=UNDECIDABLE_LEVERAGE)
        case _:
            return opening_intent(rng, symbol)


def opening_intent(rng: Random, symbol: str, *, leverage: float | None = None) -> tuple[str, Fields]:
    """Return an opening intent, with the stream it belongs to."""
    leverage = leverage or rng.choice((1, 5, 10, 20, 50))
    said: dict[str, Any] = {"side": rng.choice(("BUY", "BUY", "SELL")), "leverage": leverage}
    if rng.random() < 0.8:
        said |= {"entry_price": rng.randint(90, 110), "quantity": rng.choice((1, 2, 3))}
    if rng.random() < 0.5:
        said |= {"volatility_factor": rng.choice((0.7, 1.0, 1.5)), "confidence": rng.choice((0.3, 0.8))}
    return INTENTS, _intent(rng, symbol, **said)


def _intent(rng: Random, symbol: str, **said: Any) -> Fields:
    payload = {"symbol": symbol, "trace_id": f"t{rng.randrange(10**9)}", **said}
    if rng.random() < 0.5:
        payload["timestamp"] = NOON_MS // 1000 + rng.randint(-400, 3)
    if rng.random() < 0.5:
        return {"payload": json.dumps(payload)}
    return {"event_type": "trade.intent", "payload": json.dumps(payload), "source": "producer"}


def _closed(rng: Random, symbol: str) -> Fields:
    """Return a report as executors write it: with a real order id, a counter, or none; its clock may be hours off."""
    order_id = rng.choice(
        (f"o{rng.randrange(6)}", f"900000{rng.randrange(9)}", rng.randrange(4), *PLACEHOLDERS)
    )
    fields = {"symbol": symbol, "order_id": str(order_id), "reason": "take_profit"}
    if rng.random() < 0.8:
        fields["pnl_percent"] = str(rng.randint(-200, 200) / 100)
    if rng.random() < 0.5:
        fields["side"] = rng.choice(("LONG", "SHORT", "BUY", "SELL"))
    if rng.random() < 0.2:
        fields["entry_price"] = str(rng.randint(90, 110))
    if rng.random() < 0.3:
        fields["quantity"] = str(rng.choice((0.5, 1, 3, 6)))
    if rng.random() < 0.4:
        off_s = rng.choice((0, 0, -5 * 3600, 90))
        fields["timestamp"] = str(NOON_MS // 1000 + rng.randint(-3, 3) + off_s)
        fields["source"] = rng.choice(("producer", "executor"))
    if rng.random() < 0.1:
        fields["paper_trade"] = "true"
    return fields


def _bad(rng: Random, symbol: str) -> tuple[str, Fields]:
    return rng.choice(
        (
            (INTENTS, {"payload": "{" + symbol}),
            (INTENTS, {"payload": json.dumps({"symbol": symbol, "side": "UP"})}),
            (INTENTS, {"payload": json.dumps({"side": "BUY"})}),
            (INTENTS, _intent(rng, symbol, side="BUY", leverage=rng.choice((0.5, 500)))),
            (CLOSES, {"pnl_percent": "1.0"}),
        )
    )
