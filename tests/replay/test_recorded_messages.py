"""The recorded messages of the old system: what each does, what the recorded closes do, and all replays of it."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.positions.events import PositionClosed, PositionIncreased, PositionOpened
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.world import MAX_BYTES, World

# Sample, symbol, events beside the receipt (O opened, I increased, L leverage changed, X closed, R reduced;
# lower case for the plan: o opened, d decided, z resized, x cancelled), cycle, revision.
EFFECTS = [
    ("audit-1224-1", "NEARUSDT", "Ood", 1, 1),
    ("audit-1224-3", "APTUSDT", "Ood", 1, 1),
    ("truthmap-first-entry", "BTCUSDT", "Ood", 1, 1),
    ("drain-render", "RENDERUSDT", "Ood", 1, 1),
    ("ilf-gala", "GALAUSDT", "Ood", 1, 1),
    ("waves-fallback", "WAVESUSDT", "Ood", 1, 1),
    ("fhe-fallback", "FHEUSDT", "Ood", 1, 1),
    ("avax-exec-proof", "AVAXUSDT", "Ood", 1, 1),
    ("btc-feb9", "BTCUSDT", "Id", 1, 2),
    ("inj-minimal", "INJUSDT", "Ood", 1, 1),
    ("ada-log", "ADAUSDT", "Ood", 1, 1),
    ("flat-testusdt", "TESTUSDT", "Ood", 1, 1),
    ("v35-verify", "RENDERUSDT", "LId", 1, 2),
    ("v35-live-buy", "BTCUSDT", "XxOod", 2, 1),
    ("v35-verified-eth", "ETHUSDT", "Ood", 1, 1),
    ("flat-action-xyz", "XYZUSDT", "Ood", 1, 1),
    ("op-manual-1", "OPUSDT", "Ood", 1, 1),
    ("auto-trader-usd", "BTCUSDT", "XxOod", 3, 1),
    ("auto-trader-usd-noreduce", "BTCUSDT", "Id", 3, 2),
    ("harvest-reduce-live", "XYZUSDT", "Rz", 1, None),
    ("doc-trading-bot", "BTCUSDT", "XxOod", 4, 1),
    ("doc-ilf-expected", "BTCUSDT", "LId", 4, 2),
]
LETTERS = {
    "PositionOpened": "O",
    "PositionIncreased": "I",
    "LeverageChanged": "L",
    "PositionReduced": "R",
    "PositionClosed": "X",
    "ExitPlanOpened": "o",
    "LevelsComputed": "d",
    "ExitPlanResized": "z",
    "ExitPlanCancelled": "x",
}


def recorded_messages(shared_data: Path) -> list[IncomingMessage]:
    with (shared_data / "intents" / "trade-intent.jsonl").open("rb") as lines:
        return list(read_messages(lines, max_bytes=MAX_BYTES))


@pytest.fixture
def samples(shared_data: Path) -> list[str]:
    lines = (shared_data / "intents" / "trade-intent.jsonl").read_text().splitlines()
    return [json.loads(line)["sample"] for line in lines]


@pytest.fixture
def world(shared_data: Path) -> tuple[World, list[MessageResult]]:
    world = World()
    return world, [world.recorder.handle(message) for message in recorded_messages(shared_data)]


def test_each_recorded_message_has_its_expected_effect(
    world: tuple[World, list[MessageResult]], samples: list[str]
) -> None:
    brain, outcomes = world
    assert [sample for sample, *_ in EFFECTS] == samples
    for (sample, symbol, effects, cycle, revision), outcome in zip(EFFECTS, outcomes, strict=True):
        assert outcome.disposition is Disposition.ACCEPTED, sample
        events = brain.events_of(outcome)
        assert "".join(LETTERS[type(event).__name__] for event in events) == effects, sample
        position = brain.ledger.position(outcome.touched[-2])
        assert position is not None
        assert (position.symbol, position.cycle) == (symbol, cycle), sample
        assert (outcome.decision.revision if outcome.decision else None) == revision, sample


def test_22_messages_make_21_decisions_and_17_positions_of_which_14_stay_open(
    world: tuple[World, list[MessageResult]],
) -> None:
    brain, _ = world
    events = [entry.event for entry in brain.ledger.log()]
    assert len([e for e in events if isinstance(e, LevelsComputed)]) == 21
    opened = [e for e in events if isinstance(e, PositionOpened)]
    closed = [e for e in events if isinstance(e, PositionClosed)]
    assert (len(opened), len(closed)) == (17, 3)
    assert {e.symbol for e in closed} == {"BTCUSDT"}
    assert [e.reason for e in closed] == ["FLIPPED"] * 3
    assert [e.result for e in closed] == [None] * 3


def test_what_the_messages_say_is_what_was_recorded(
    world: tuple[World, list[MessageResult]], samples: list[str]
) -> None:
    brain, outcomes = world
    by_sample = dict(zip(samples, outcomes, strict=True))
    near = brain.decision_of(by_sample["audit-1224-1"])
    assert near.inputs.entry_price == Decimal("1.465")
    assert near.quantity == Decimal("136.5187713310580204778156997")
    btc = brain.decision_of(by_sample["truthmap-first-entry"])
    assert (btc.inputs.leverage, btc.inputs.divergence) == (5.0, 19.040000000000873)
    assert btc.levels.guards.failed["inputs_in_range"] == {"divergence": 19.040000000000873}
    added = next(e for e in brain.events_of(by_sample["btc-feb9"]) if isinstance(e, PositionIncreased))
    assert added.entry_price is not None
    assert Decimal("71199.55") < added.entry_price < Decimal("71474.94")
    eth = by_sample["v35-verified-eth"]
    receipt = brain.ledger.receipts([eth.receipt_id])[eth.receipt_id]
    assert receipt.occurred_at.isoformat() == "2025-12-24T23:40:26+00:00"
    xyz = brain.ledger.position(by_sample["harvest-reduce-live"].touched[0])
    assert xyz is not None
    assert xyz.quantity == Decimal("0.75")
    assert "leverage_is_known" in brain.decision_of(by_sample["inj-minimal"]).levels.guards.failed


def test_the_one_recorded_output_of_the_old_system_comes_out_bit_for_bit(
    world: tuple[World, list[MessageResult]], samples: list[str], shared_data: Path
) -> None:
    brain, outcomes = world
    known = json.loads((shared_data / "intents" / "adaptive-levels.jsonl").read_text())
    levels = json.loads(known["fields"]["payload"])["adaptive_levels"]
    decision = brain.decision_of(outcomes[samples.index(known["caused_by"])])
    raw = decision.levels.raw
    assert (raw.tp1, raw.tp2, raw.tp3, raw.sl) == (levels["tp1"], levels["tp2"], levels["tp3"], levels["sl"])
    assert (raw.lsf_adjusted, list(raw.harvest)) == (levels["LSF"], levels["harvest_scheme"])
    assert decision.inputs.average_pnl == levels["avg_pnl_last_20"]


def test_every_replay_of_the_recorded_messages_is_exact(world: tuple[World, list[MessageResult]]) -> None:
    brain, _ = world
    brain.check_every_replay_is_exact()
    assert brain.intake_replay().receipts == 22


def test_the_same_file_again_changes_nothing_and_appended_lines_add_only_themselves(
    shared_data: Path,
) -> None:
    world = World()
    lines = (shared_data / "intents" / "trade-intent.jsonl").read_bytes().splitlines()
    world.recorder.handle_batch(list(read_messages(lines, max_bytes=MAX_BYTES)))
    head = world.ledger.head()
    again = world.recorder.handle_batch(list(read_messages(lines, max_bytes=MAX_BYTES)))
    assert all(outcome.duplicate for outcome in again)
    assert world.ledger.head() == head
    more = world.recorder.handle_batch(list(read_messages([*lines, lines[-1]], max_bytes=MAX_BYTES)))
    assert [outcome.duplicate for outcome in more] == [True] * 22 + [False]
    world.check_every_replay_is_exact()


def closes(shared_data: Path) -> Iterator[bytes]:
    """Yield the recorded closes as flat `trade.closed` fields, one line each, without a stream id."""
    with gzip.open(shared_data / "history" / "clm-trades.jsonl.gz", "rt") as trades:
        for trade in trades:
            fields = {name: str(value) for name, value in json.loads(trade).items() if value is not None}
            yield json.dumps({"stream": "quantum:stream:trade.closed", "fields": fields}).encode()


def recorded_closed_entries(shared_data: Path) -> list[bytes]:
    lines = (shared_data / "history" / "other-streams.jsonl").read_bytes().splitlines()
    return [line for line in lines if json.loads(line)["stream"] == "quantum:stream:trade.closed"]


def test_the_recorded_closes_alone_meet_no_open_position(shared_data: Path) -> None:
    world = World()
    outcomes = world.recorder.handle_batch(list(read_messages(closes(shared_data), max_bytes=MAX_BYTES)))
    assert Counter(outcome.reason for outcome in outcomes) == {Reason.NO_OPEN_POSITION: 542}
    entries = recorded_closed_entries(shared_data)
    assert len(entries) == 2
    for message in read_messages(entries, max_bytes=MAX_BYTES):
        assert world.recorder.handle(message).reason is Reason.NO_OPEN_POSITION
    world.check_every_replay_is_exact()


def test_after_the_intents_the_recorded_closes_end_what_is_open(
    world: tuple[World, list[MessageResult]], shared_data: Path
) -> None:
    brain, _ = world
    brain.clock.at += timedelta(days=365)  # some of them are later than that noon
    outcomes = brain.recorder.handle_batch(list(read_messages(closes(shared_data), max_bytes=MAX_BYTES)))
    accepted = [outcome for outcome in outcomes if outcome.disposition is Disposition.ACCEPTED]
    assert Counter(outcome.reason for outcome in outcomes) == {None: 1, Reason.NO_OPEN_POSITION: 541}
    closed = next(e for e in brain.events_of(accepted[0]) if isinstance(e, PositionClosed))
    assert (closed.symbol, closed.side.value) == ("ADAUSDT", "SHORT")
    assert [a.field for a in closed.assumptions] == ["side"]

    eth, alice = [
        brain.recorder.handle(m)
        for m in read_messages(recorded_closed_entries(shared_data), max_bytes=MAX_BYTES)
    ]
    assert alice.reason is Reason.NO_OPEN_POSITION
    ended = next(e for e in brain.events_of(eth) if isinstance(e, PositionClosed))
    assert ended.result is not None
    assert (ended.symbol, ended.result.pnl_percent, ended.order_id) == (
        "ETHUSDT",
        Decimal("0.12"),
        "8321137723",
    )
    assert [a.value for a in ended.assumptions if a.field == "side"] == ["LONG"]
    brain.check_every_replay_is_exact()
