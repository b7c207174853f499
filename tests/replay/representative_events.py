"""One event of every stored class, built by hand with a value in every field, absent ones included.

Running this module writes the samples that are missing, and never touches one that exists: a released event is
read for ever, so its sample is written once, with the version that it was released in.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from exitbrain.domain.algebra import Bound
from exitbrain.domain.events import Record, Stamp
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.instrument import Bracket, Instrument, InstrumentSnapshotTaken
from exitbrain.domain.levels.levels import LevelInputs, RawLevels, Slice, Triggers, WindowReading
from exitbrain.domain.messages.claim import CLOSE_ORDER_ID, KeyClaimed
from exitbrain.domain.messages.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.messages.receipt import (
    Cycle,
    Disposition,
    FailedAsking,
    IgnoredExit,
    MessageReceived,
    RawFields,
    Reason,
    Refusal,
)
from exitbrain.domain.plans.decision import DecisionContext, JudgedLevels
from exitbrain.domain.plans.exit_plan import (
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    Leg,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegistered
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Result,
)
from exitbrain.domain.positions.position import BOTH
from exitbrain.domain.store import EpochRaised, StoreOpened
from exitbrain.domain.values import Assumption, Cause, EntryId, Origin, Side, TimeOrigin, Unit, Whose, changed
from exitbrain.infrastructure.event_store.mapper import MAPPER, STORED_CLASSES

SAMPLES = Path(__file__).parent / "samples"

OCCURRED = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)
RECORDED = datetime(2026, 3, 14, 15, 9, 27, tzinfo=UTC)
RECEIPT_ID = UUID("019ceccd-1c47-8a3f-9a1b-2c3d4e5f6071")
POSITION_ID = UUID("3e6f3a52-6c0b-5b43-9f4e-8e8f8a0b1c2d")
STORE = UUID("9b7c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3")
STAMP = Stamp(RECEIPT_ID, "trade.intent", EntryId(1773500966535, 2), OCCURRED, TimeOrigin.PAYLOAD, RECORDED)
STAMP_WITHOUT_ENTRY = Stamp(RECEIPT_ID, "trade.closed", None, RECORDED, TimeOrigin.RECORDED_AT, RECORDED)
ASSUMPTION = Assumption("volatility", "1.0", "the intent has none")
POLICY = PolicyRef("v3.6", "7d" * 32, "c4" * 32)

INPUTS = LevelInputs(
    side=Side.LONG,
    leverage=20.0,
    leverage_assumed=False,
    volatility=1.5,
    funding=-0.0001,
    divergence=0.1,
    confidence=0.82,
    average_pnl=0.30000000000000004,
    base_tp=0.01,
    base_sl=0.005,
    fee_bps=5.0,
    slippage_bps=0.0,
    entry_price=Decimal("64123.40"),
    quantity=Decimal("0.0312"),
)
CONTEXT = DecisionContext(
    occurred_at=OCCURRED,
    time_origin=TimeOrigin.PAYLOAD,
    recorded_at=RECORDED,
    origin=Origin.LIVE,
    position_version=1,
    register_version=4,
    window=WindowReading(log_position=17, uncommitted=1, trades=20),
    snapshot="ab" * 32,
    max_intent_age_s=300.0,
    order_id="ord-1",
    atr_value=112.7,
    regime="trend",
)
LEVELS = JudgedLevels(
    raw=RawLevels(
        lsf=0.24724797930973497,
        pnl_factor=1.1,
        lsf_adjusted=0.2719727772407085,
        tp1=0.008719727772407086,
        tp2=0.013359863886203542,
        tp3=0.018679931943101773,
        sl=0.01,
        harvest=(0.4, 0.4, 0.2),
        floor=0.002,
        cap=0.01,
        refusal=None,
        bounds=(Bound("sl", "liquidation_cap", 0.0126, 0.01),),
    ),
    rounding=(Bound("tp1", "tick", 64682.54, 64682.5),),
    guards=GuardReport(
        passed=("leverage_is_known", "inputs_in_range"),
        failed={"intent_is_fresh": {"age_s": 301.5, "max_age_s": 300.0}},
        unknown={"slices_placeable": "the step is not known"},
    ),
    triggers=Triggers(Decimal("64682.5"), Decimal("64980.0"), Decimal("65321.2"), Decimal("63482.2")),
    slices=(Slice("tp1", Decimal("0.012")), Slice("tp2", Decimal("0.0192"), merged=True)),
)
REFUSED_LEVELS = JudgedLevels(
    raw=RawLevels(
        lsf=0.17128,
        pnl_factor=1.0,
        lsf_adjusted=0.17128,
        tp1=0.0,
        tp2=0.0,
        tp3=0.0,
        sl=-0.0,
        harvest=(0.5, 0.3, 0.2),
        floor=0.002,
        cap=0.0016,
        refusal="NO_STOP_FITS",
        bounds=(),
    ),
    rounding=(),
    guards=GuardReport(passed=(), failed={}, unknown={"stop_wider_than_costs": "there are no levels"}),
    triggers=None,
    slices=(),
)

COMPUTED = LevelsComputed(
    revision=1,
    quantity=Decimal("0.0312"),
    harvest=(0.4, 0.4, 0.2),
    cause=Cause.INTENT,
    causes=(RECEIPT_ID,),
    position_id=POSITION_ID,
    account="default",
    symbol="BTCUSDT",
    policy=POLICY,
    engine="exitbrain",
    inputs=INPUTS,
    context=CONTEXT,
    assumptions=(ASSUMPTION,),
    levels=LEVELS,
)
REFUSED = LevelsRefused(
    revision=2,
    quantity=None,
    harvest=None,
    cause=Cause.INTENT,
    causes=(RECEIPT_ID,),
    position_id=POSITION_ID,
    account="default",
    symbol="BTCUSDT",
    policy=POLICY,
    engine="exitbrain",
    inputs=INPUTS,
    context=CONTEXT,
    assumptions=(),
    levels=REFUSED_LEVELS,
)
CYCLE = Cycle(POSITION_ID, 2, Side.SHORT, Decimal("64123.40"), None, OCCURRED, None, None)
RECEIVED = MessageReceived(
    source="trade.intent",
    stream="quantum:stream:trade.intent",
    entry_id="1773500966535-2",
    fields=RawFields(
        values={"symbol": "BTCUSDT", "note": "gr\u00fc\u00dfe", "blob": "/w==", "leverage": "20"},
        encoded={"blob": "base64", "leverage": "json"},
        length=70000,
    ),
    origin=Origin.IMPORT,
    disposition=Disposition.REFUSED,
    reason=Reason.BAD_NUMBER,
    refusal=Refusal(Reason.BAD_NUMBER, "price", "-1", "a number above 0"),
    broken=False,
    account="default",
    occurred_at=OCCURRED,
    time_origin=TimeOrigin.STREAM_ID,
    recorded_at=RECORDED,
    in_future=False,
    assumptions=(ASSUMPTION,),
    touched=(POSITION_ID,),
    configured=2,
    snapshot="cd" * 32,
    server="5f" * 20,
    ignored_exit=IgnoredExit(
        account="default",
        symbol="BTCUSDT",
        kind="REPORT",
        side=Side.LONG,
        order_id="ord-9",
        price=Decimal("63482.2"),
        open=CYCLE,
        last=changed(CYCLE, cycle=1, ended_by="FLIPPED", ended_at=RECORDED),
        rule=Whose.AWAITED_REPORT,
        held_by=None,
        expected=False,
    ),
    failed_asking=FailedAsking("host.engine:Engine", POLICY, INPUTS, 2, WindowReading(1017, 1, 20)),
)

EVENTS: tuple[Any, ...] = (
    StoreOpened(format=2, version="0.1.0", at=RECORDED, store_id=STORE),
    EpochRaised(epoch=2, version="0.1.0", recorded_at=RECORDED),
    PolicyRegistered(
        name="v3.5",
        formula="lsf-3.5",
        unit=Unit.PERCENT,
        parameters={"base_tp": 1.0, "base_sl": 0.5},
        ignores=("funding", "divergence"),
        parameters_hash="7d" * 32,
        fingerprint="c4" * 32,
        by="risk desk",
        recorded_at=RECORDED,
        receipt_id=RECEIPT_ID,
    ),
    PolicyActivated(name="v3.5", scope="*", by="risk desk", recorded_at=RECORDED, receipt_id=RECEIPT_ID),
    IntakeConfigured("0.1.0", DecisionSettings(dedupe_by="trace_id", flat="close"), RECORDED),
    RECEIVED,
    KeyClaimed(CLOSE_ORDER_ID, "default", "BTCUSDT", "ord-1", Decimal("63482.2"), RECEIPT_ID),
    InstrumentSnapshotTaken(
        Instrument(
            symbol="BTCUSDT",
            tick_size=Decimal("0.10"),
            step_size=Decimal("0.001"),
            min_notional=Decimal("100"),
            taker_fee_bps=4.5,
            brackets=(Bracket(0.0, 50000.0, 0.004, 125.0, 0.0), Bracket(50000.0, 6e5, 0.005, 100.0, 50.0)),
        )
    ),
    PositionOpened(
        account="default",
        symbol="BTCUSDT",
        position_side=BOTH,
        cycle=2,
        side=Side.SHORT,
        leverage=20.0,
        entry_price=Decimal("64123.40"),
        quantity=None,
        newest_entries={"trade.closed": EntryId(1773500000000, 0)},
        in_units=True,
        server="5f" * 20,
        clock="bot|payload|iso",
        stamp=STAMP,
    ),
    PositionIncreased(
        added_price=Decimal("64000"),
        added_quantity=Decimal("0.01"),
        entry_price=Decimal("64093.45388349514563106796117"),
        quantity=Decimal("0.0412"),
        in_units=False,
        stamp=STAMP,
    ),
    LeverageChanged(before=20.0, after=12.5, stamp=STAMP),
    PositionReduced(
        by=Decimal("0.01"),
        quantity=None,
        exit_price=Decimal("63900.1"),
        order_id="ord-8",
        rule=Whose.OPEN_POSITION,
        assumptions=(ASSUMPTION,),
        stamp=STAMP,
    ),
    PositionClosed(
        account="default",
        symbol="BTCUSDT",
        side=Side.SHORT,
        leverage=12.5,
        reason="tp2",
        entry_price=Decimal("64123.40"),
        exit_price=Decimal("63482.2"),
        result=Result(
            Decimal("0.9999469772345447683"), computed=True, counted=Decimal("0.9999469772345447683")
        ),
        pnl_usd=Decimal("-1.2E-7"),
        order_id="ord-9",
        rule=Whose.NAMED,
        reported=True,
        server=None,
        clock=None,
        assumptions=(),
        stamp=STAMP_WITHOUT_ENTRY,
    ),
    CloseReported(
        account="default",
        symbol="BTCUSDT",
        exit_price=Decimal("63482.2"),
        pnl_percent=Decimal("0.5"),
        pnl_usd=None,
        order_id="ord-9",
        result=Result(Decimal("0.5"), computed=False, counted=Decimal("0.5")),
        rule=Whose.AWAITED_REPORT,
        assumptions=(ASSUMPTION,),
        stamp=STAMP,
    ),
    ExitPlanOpened(POSITION_ID, "default", "BTCUSDT", Side.LONG, Decimal("0.0312"), STAMP),
    COMPUTED,
    REFUSED,
    ExitPlanResized(
        quantity=Decimal("0.0212"),
        legs=(Leg("tp2", 0.4, Decimal("0.0141")), Leg("tp3", 0.2, None)),
        stamp=STAMP,
    ),
    ExitPlanCompleted(reason="tp2", stamp=STAMP_WITHOUT_ENTRY),
    ExitPlanCancelled(reason="FLIPPED", stamp=STAMP),
)


def sample_of(topic: str, version: int) -> Path:
    """Return the file of a sample."""
    return SAMPLES / f"{topic}.v{version}.json"


def write_missing_samples() -> None:
    """Write a sample of the present version of every stored class that has none."""
    version = {stored.cls: stored.version for stored in STORED_CLASSES}
    for event in EVENTS:
        sample = sample_of(event.TOPIC, version[type(event)])
        if not sample.exists():
            state = MAPPER.to_stored_event(Record(POSITION_ID, 1, event)).state
            sample.write_bytes(state + b"\n")


if __name__ == "__main__":
    write_missing_samples()
