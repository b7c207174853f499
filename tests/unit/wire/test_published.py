"""The published language: what leaves of a message and its effects, in which shape, and what never leaves."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exitbrain.application.ports.exit_ledger import LogEntry, UnreadableEvent
from exitbrain.application.recording.intake import Intake
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.messages.message import TRADE_CLOSED
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlanCompleted, LevelsComputed
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import Origin, Unit, changed
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.published_shapes import SHAPES
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.wire.published_world import only, outgoing, published, take
from tests.world import MAX_BYTES, NOON, THIS, THIS_STORE, World

LEVELS = "exitbrain.adaptive_levels"
LEVELS_STREAM = "quantum:stream:exitbrain.adaptive_levels"
EVENTS_STREAM = "quantum:stream:exitbrain.events"
OPENING: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "leverage": 20,
    "entry_price": 90000,
    "quantity": 0.05,
}


class Known:
    """One instrument, whatever the symbol."""

    def __init__(self, **rules: Any) -> None:
        self._rules = rules

    def instrument(self, symbol: str) -> Instrument:
        return Instrument(symbol, **self._rules)


NARROW = Known(brackets=(Bracket(0.0, 1e12, 0.005, 125.0, 0.0),))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lived() -> World:
    """A world in which everything that is published has happened."""
    world = World(policy="v3.6", instruments=NARROW)
    world.intent(**OPENING)
    world.intent(**OPENING | {"leverage": 125})
    world.intent(**OPENING | {"side": "SELL"})
    world.closed(symbol="BTCUSDT", exit_price="90010", pnl_percent="0.01", order_id="6", reason="flipped")
    world.closed(
        symbol="BTCUSDT", side="SHORT", exit_price="88200", pnl_percent="2.0", order_id="7", reason="tp1"
    )
    world.intent(**OPENING | {"leverage": 400})
    activate(world, "v3.5", by="risk desk")
    return world


def activate(world: World, policy: str, *, by: str, at: datetime = NOON) -> None:
    world.clock.at = at
    world.put_in_force(policy, by=by)


def test_an_activation_is_published_whoever_it_is_said_to_be_by(world: World) -> None:
    assert published(world) == []
    activate(world, "v3.6", by="shipped")
    assert [one.event_type for one in published(world)] == ["policy_activated"]


def test_everything_that_happens_to_a_live_message_is_told_in_the_order_of_the_log(lived: World) -> None:
    assert [(one.stream, one.event_type) for one in published(lived)] == [
        (LEVELS_STREAM, LEVELS),
        (EVENTS_STREAM, "levels_computed"),
        (EVENTS_STREAM, "levels_refused"),
        (EVENTS_STREAM, "position_closed"),
        (EVENTS_STREAM, "plan_cancelled"),
        (LEVELS_STREAM, LEVELS),
        (EVENTS_STREAM, "levels_computed"),
        (EVENTS_STREAM, "exit_ignored"),
        (EVENTS_STREAM, "position_closed"),
        (EVENTS_STREAM, "plan_completed"),
        ("quantum:dlq:trade.intent", "message_refused"),
        (EVENTS_STREAM, "policy_activated"),
    ]
    positions = [one.log_position for one in published(lived)]
    assert positions == sorted(positions)
    assert all(one.payload["log_position"] == one.log_position for one in published(lived))


def test_every_event_type_has_a_shape_and_every_payload_fits_it(lived: World) -> None:
    told = {one.fields["event_type"]: one.fields["payload"] for one in outgoing(lived)}

    assert told.keys() == SHAPES.keys()
    for event_type, payload in told.items():
        again = msgspec.json.encode(msgspec.json.decode(payload, type=SHAPES[event_type]))
        assert json.loads(again) == json.loads(payload)
        assert json.loads(payload).keys() == {*SHAPES[event_type].__struct_fields__}


def test_an_entry_has_six_fields_and_says_when_it_was_recorded(world: World) -> None:
    world.clock.at = NOON + timedelta(microseconds=7)
    world.intent(**OPENING)

    for entry in published(world):
        assert {**entry.fields, "payload": ""} == {
            "event_type": entry.event_type,
            "payload": "",
            "trace_id": "",
            "timestamp": "2026-01-01T12:00:00.000007+00:00",
            "source": "exitbrain",
            "correlation_id": "",
        }


def test_the_same_log_says_the_same_whoever_asks_and_when(lived: World) -> None:
    before = outgoing(lived)
    lived.clock.at += timedelta(days=3)

    assert outgoing(lived) == before


def test_the_streams_are_those_readers_know() -> None:
    language = Published(THIS, lambda _: Unit.PERCENT, WireTranslator())

    assert language.streams == (
        LEVELS_STREAM,
        EVENTS_STREAM,
        "quantum:dlq:trade.intent",
        "quantum:dlq:trade.closed",
    )


def test_only_events_of_the_topics_mean_anything_to_the_outside(lived: World) -> None:
    language = Published(THIS, PolicyUnits(lived.ledger.register), WireTranslator())
    told = {one.log_position for one in outgoing(lived)}

    assert {entry.event.TOPIC for entry in lived.ledger.log() if entry.position in told} == {*language.topics}


def test_what_was_imported_is_never_published(world: World) -> None:
    for fields in (OPENING, OPENING | {"leverage": 400}, OPENING | {"side": "CLOSE"}):
        message = world.message("trade.intent", fields)
        world.recorder.handle(changed(message, origin=Origin.IMPORT))

    assert len(list(world.ledger.log(topics=[LevelsComputed.TOPIC]))) == 1
    assert published(world) == []


def test_of_what_was_ignored_only_exits_are_published(world: World) -> None:
    world.intent(symbol="BTCUSDT", side="HOLD")
    assert published(world) == []

    world.closed(symbol="BTCUSDT", pnl_percent="1")
    assert only(world, "exit_ignored").payload["reason"] == "NO_OPEN_POSITION"


def test_levels_have_every_key_that_readers_rely_on(world: World) -> None:
    world.intent(**OPENING, order_id="o-1", volatility_factor=1.5, atr_value=8.2, regime="trend")
    payload = only(world, LEVELS).payload

    assert {
        key: payload[key]
        for key in (
            "symbol",
            "order_id",
            "leverage",
            "volatility_factor",
            "schema_version",
            "store_id",
            "epoch",
        )
    } == {
        "symbol": "BTCUSDT",
        "order_id": "o-1",
        "leverage": 20,
        "volatility_factor": 1.5,
        "schema_version": 1,
        "store_id": str(THIS_STORE),
        "epoch": 1,
    }
    assert payload["adaptive_levels"] == {
        "tp1": 0.847247979309735,
        "tp2": 1.3236239896548674,
        "tp3": 1.8618119948274339,
        "sl": 0.02,
        "LSF": 0.24724797930973505,
        "harvest_scheme": [0.4, 0.4, 0.2],
        "avg_pnl_last_20": 0.0,
    }
    assert payload["ilf_metadata"]["atr_value"] == 8.2
    assert (payload["policy"], payload["unit"], payload["cause"]) == ("v3.5", "percent", "INTENT")
    assert (payload["revision"], payload["lsf"], payload["pnl_factor"]) == (1, 0.24724797930973505, 1.0)
    assert payload["binding"] == [
        {"level": "sl", "constraint": "clamp_max", "before": 1.0414310507589377, "after": 0.02}
    ]
    assert {one["field"] for one in payload["assumptions"]} == {"funding", "divergence", "confidence"}


def test_guards_are_told_with_a_sentence(world: World) -> None:
    world.intent(**OPENING)
    guards = {one["name"]: (one["state"], one["detail"]) for one in only(world, LEVELS).payload["guards"]}

    assert guards["stop_wider_than_costs"] == ("failed", "stop 0.02 % is inside round-trip cost 0.10 %")
    assert guards["stop_inside_liquidation"] == ("unknown", "no leverage brackets")
    assert guards["leverage_is_known"] == ("passed", "")
    assert len(guards) == 10


def test_guards_that_find_other_figures_are_told_with_those(world: World) -> None:
    world.intent(**OPENING, volatility_factor=3.5)
    world.intent(**OPENING | {"symbol": "ETHUSDT"}, volatility_factor=3.25)
    details = [
        next(one["detail"] for one in entry.payload["guards"] if one["name"] == "inputs_in_range")
        for entry in published(world, LEVELS)
    ]

    assert details == ["volatility 3.5 is outside 0 to 3", "volatility 3.25 is outside 0 to 3"]


def test_the_event_in_short_names_its_decision_and_the_guards_that_did_not_pass(world: World) -> None:
    world.intent(**OPENING)
    levels, short = only(world, LEVELS).payload, only(world, "levels_computed").payload

    assert short["decision_id"] == levels["decision_id"]
    assert (short["sl"], short["unit"]) == (0.02, "percent")
    assert not short["executable"]
    assert short["failed_guards"] == ["stop_wider_than_costs"]
    assert "stop_inside_liquidation" in short["unknown_guards"]


def test_adjusted_and_plain_lsf_are_told_apart() -> None:
    world = World(policy="v3.6")
    world.intent(**OPENING, confidence=0.4)
    payload = only(world, LEVELS).payload

    assert payload["unit"] == "fraction"
    assert payload["pnl_factor"] == 0.95
    assert payload["adaptive_levels"]["LSF"] == payload["lsf"] * 0.95


def test_trigger_prices_on_the_tick_grid_are_text() -> None:
    world = World(instruments=Known(tick_size=Decimal("1E+1")))
    world.intent(**OPENING)

    assert only(world, LEVELS).payload["trigger_prices"] == {
        "tp1": "90760",
        "tp2": "91190",
        "tp3": "91670",
        "sl": "89990",
    }


def test_trigger_prices_without_a_tick_are_doubles_and_without_a_price_absent(world: World) -> None:
    world.intent(**OPENING)
    world.intent(symbol="ETHUSDT", side="BUY", leverage=20)
    with_price, without = published(world, LEVELS)

    assert with_price.payload["trigger_prices"]["sl"] == 90000 * (1 - 0.02 / 100)
    assert without.payload["trigger_prices"] is None


@pytest.mark.parametrize(("given", "told"), [("20", "20"), ("20.0", "20"), ("2.5", "2.5")])
def test_a_leverage_that_is_whole_is_an_integer(world: World, given: str, told: str) -> None:
    world.intent(**OPENING | {"leverage": given})

    assert f'"leverage":{told},' in only(world, LEVELS).fields["payload"]


def test_what_the_message_did_not_say_of_the_market_is_null_and_what_it_said_is_told(world: World) -> None:
    world.intent(**OPENING)
    world.intent(**OPENING | {"symbol": "ETHUSDT"}, funding_rate=-0.0001, exchange_divergence=0.2)
    silent, told = (entry.payload["ilf_metadata"] for entry in published(world, LEVELS))

    assert silent == {"atr_value": None, "exchange_divergence": None, "funding_rate": None, "regime": None}
    assert (told["funding_rate"], told["exchange_divergence"]) == (-0.0001, 0.2)


def test_the_recorded_entry_of_the_former_system_is_told_again(world: World, shared_data: Path) -> None:
    recorded = json.loads((shared_data / "intents" / "adaptive-levels.jsonl").read_text())
    samples = (shared_data / "intents" / "trade-intent.jsonl").read_bytes().splitlines()
    line = next(one for one in samples if json.loads(one)["sample"] == recorded["caused_by"])
    (message,) = read_messages([line], max_bytes=MAX_BYTES)

    world.recorder.handle(changed(message, origin=Origin.LIVE))
    entry = only(world, LEVELS)

    before = json.loads(recorded["fields"]["payload"])
    # Its order id is one that the former system made up; ours is that of the message, which has none.
    assert (before.pop("order_id"), entry.payload["order_id"]) == ("SIMULATED", "")
    told = {key: entry.payload[key] for key in before}
    assert json.dumps(told, sort_keys=True) == json.dumps(before, sort_keys=True)
    assert entry.stream == recorded["stream"]
    assert recorded["fields"].keys() <= entry.fields.keys()
    assert entry.event_type == recorded["fields"]["event_type"]


def test_refused_levels_say_why(lived: World) -> None:
    payload = only(lived, "levels_refused").payload

    assert payload["refusal"] == "NO_STOP_FITS"
    assert payload["detail"].startswith("no stop fits: it would have to be at least 0.20 % (costs)")
    assert payload["floor"] > payload["cap"]
    assert payload["revision"] == 2


def test_the_end_of_a_plan_names_its_position_account_and_symbol(lived: World) -> None:
    first, second = (one.payload for one in published(lived, LEVELS))
    cancelled, completed = only(lived, "plan_cancelled").payload, only(lived, "plan_completed").payload

    for opened, ended in ((first, cancelled), (second, completed)):
        assert [ended[key] for key in ("plan_id", "position_id", "account", "symbol")] == [
            opened[key] for key in ("plan_id", "position_id", "account", "symbol")
        ]
    assert (cancelled["reason"], completed["reason"]) == ("FLIPPED", "tp1")


def test_the_end_of_a_plan_whose_message_can_not_be_read_again_stops_publishing_with_its_place() -> None:
    world = World()
    world.intent(**OPENING)
    closed = world.closed(symbol="BTCUSDT", reason="tp1")
    language = Published(THIS, PolicyUnits(world.ledger.register), WireTranslator())
    ended = next(entry for entry in world.ledger.log() if isinstance(entry.event, ExitPlanCompleted))
    receipt = world.ledger.receipts([closed.receipt_id])[closed.receipt_id]
    damaged = changed(receipt, fields=changed(receipt.fields, values={}))

    with pytest.raises(UnreadableEvent) as raised:
        language.entries(ended, damaged)

    assert raised.value.position == ended.position


def test_a_closed_position_is_told_with_exact_amounts(lived: World) -> None:
    flipped, closed = (one.payload for one in published(lived, "position_closed"))

    assert (flipped["reason"], flipped["side"], flipped["exit_price"]) == ("FLIPPED", "LONG", "90000")
    assert (flipped["pnl_percent"], flipped["pnl_computed"], flipped["pnl_usd"]) == ("0", True, None)
    assert (closed["pnl_percent"], closed["pnl_computed"], closed["order_id"]) == ("2.0", False, "7")


def test_amounts_have_no_exponent(world: World) -> None:
    world.intent(**OPENING)
    world.closed(symbol="BTCUSDT", pnl_percent="-1.2e-7", pnl_usd="1e3")
    payload = only(world, "position_closed").payload

    assert (payload["pnl_percent"], payload["pnl_usd"]) == ("-0.00000012", "1000")


def test_a_policy_put_in_force_by_somebody_is_told(world: World) -> None:
    assert published(world) == []

    activate(world, "v3.6", by="risk desk", at=datetime(2026, 2, 1, tzinfo=UTC))
    entry = only(world, "policy_activated")

    assert (entry.payload["policy"], entry.payload["scope"], entry.payload["by"]) == (
        "v3.6",
        "*",
        "risk desk",
    )
    assert entry.fields["timestamp"] == "2026-02-01T00:00:00+00:00"


def test_the_unit_is_that_of_the_policy_and_asked_for_once() -> None:
    asked: list[PolicyRegister] = []
    world = World()

    def register() -> PolicyRegister:
        asked.append(world.ledger.register())
        return asked[-1]

    units = PolicyUnits(register)

    assert [units(name) for name in ("v3.5", "v3.6", "v3.5")] == [Unit.PERCENT, Unit.FRACTION, Unit.PERCENT]
    assert len(asked) == 2


def test_a_refused_message_goes_to_the_dead_letters_of_its_stream_as_it_came(world: World) -> None:
    take(world, {b"symbol": b"BTCUSDT", b"side": b"UP", b"blob": b"\xff", b"retry_of": b"5-0"}, number=1)
    take(world, {"symbol": "", "exit_price": "1"}, TRADE_CLOSED, number=2)
    intent, close = published(world, "message_refused")

    assert (intent.stream, close.stream) == ("quantum:dlq:trade.intent", "quantum:dlq:trade.closed")
    assert intent.payload | {"log_position": 0, "receipt_id": ""} == {
        "schema_version": 1,
        "store_id": str(THIS_STORE),
        "epoch": 1,
        "log_position": 0,
        "recorded_at": "2026-01-01T12:00:00Z",
        "occurred_at": "2026-01-01T12:00:01Z",
        "source": "trade.intent",
        "stream": "quantum:stream:trade.intent",
        "entry_id": "1767268801000-0",
        "receipt_id": "",
        "reason": "BAD_VALUE",
        "refusal": {
            "field": "side",
            "value": "UP",
            "allowed": "BUY, SELL, LONG or SHORT, a word that says exit, HOLD or FLAT",
        },
        "fields": {"symbol": "BTCUSDT", "side": "UP", "blob": "/w==", "retry_of": "5-0"},
        "encoded": {"blob": "base64"},
        "length": None,
        "retry_of": "5-0",
    }
    assert close.payload["retry_of"] is None


def test_a_message_on_which_an_engine_failed_is_a_dead_letter_too(world: World) -> None:
    world.intake = Intake(Silent(), WireTranslator())
    world.recorder = world.another_recorder()
    world.intent(**OPENING)
    payload = only(world, "message_refused").payload

    assert payload["reason"] == "ENGINE_FAILED"
    assert payload["refusal"]["value"] == "None"


class Silent:
    """An engine that gives nothing."""

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        return None  # type: ignore[return-value]  # that is what is wrong with it


def test_a_message_above_the_size_cap_is_told_with_its_first_part(world: World) -> None:
    take(world, {"symbol": "B" * (MAX_BYTES + 1)})
    payload = only(world, "message_refused").payload

    assert payload["reason"] == "TOO_LARGE"
    assert payload["length"] == MAX_BYTES + 1 + len("symbol")
    assert len(payload["fields"]["symbol"]) < MAX_BYTES


def test_a_refusal_of_a_stream_without_dead_letters_is_not_published(world: World) -> None:
    world.intent(**OPENING | {"leverage": 400})
    ((entry, refused),) = (
        (one, one.event) for one in world.ledger.log() if isinstance(one.event, MessageReceived)
    )
    language = Published(THIS, lambda _: Unit.PERCENT, WireTranslator())
    elsewhere = LogEntry(entry.position, entry.stream_id, 1, changed(refused, source="other"))

    assert language.entries(entry, None) != []
    assert language.entries(elsewhere, None) == []


INSIDE = {**OPENING, "trace_id": "t-in"}


@pytest.mark.parametrize(
    ("fields", "trace_id", "correlation_id"),
    [
        ({"payload": json.dumps(INSIDE), "trace_id": "t-out", "correlation_id": "c-out"}, "t-in", "c-out"),
        ({"payload": json.dumps({**INSIDE, "trace_id": " "}), "trace_id": "t-out"}, "t-out", ""),
        ({"payload": json.dumps({**INSIDE, "correlation_id": 12})}, "t-in", "12"),
        ({"payload": json.dumps({**INSIDE, "trace_id": ["x"], "leverage": 400})}, "", ""),
        ({"data": json.dumps(INSIDE), "correlation_id": "c-out"}, "t-in", "c-out"),
        ({**{name: str(value) for name, value in INSIDE.items()}, "correlation_id": "c"}, "t-in", "c"),
        ({"payload": json.dumps({**INSIDE, "trace_id": "\ud800"})}, "", ""),
        ({"payload": "{", "trace_id": "t-out"}, "t-out", ""),
        ({"payload": "[" * 5000, "trace_id": "t-out"}, "t-out", ""),
        ({"payload": json.dumps(OPENING), b"trace_id": b"\xff"}, "", ""),
        ({"payload": '{"trace_id": "t-in", "leverage": NaN}', "correlation_id": "c"}, "t-in", "c"),
        ({}, "", ""),
    ],
)
def test_trace_and_correlation_id_are_those_of_the_payload_else_of_the_envelope(
    world: World, fields: Any, trace_id: str, correlation_id: str
) -> None:
    take(world, fields)
    entries = published(world)

    assert entries
    for entry in entries:
        assert (entry.fields["trace_id"], entry.fields["correlation_id"]) == (trace_id, correlation_id)


def test_every_published_text_can_be_written_to_a_stream(world: World) -> None:
    take(world, {"payload": json.dumps({**OPENING, "symbol": "\ud800", "trace_id": "\udfff"})})

    for entry in outgoing(world):
        assert all(text.encode().decode() == text for text in entry.fields.values())
