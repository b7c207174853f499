"""The facade: messages in, decisions kept, questions answered, on a host's own adapters."""

from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exitbrain import (
    Bracket,
    Conflict,
    Context,
    DecisionSettings,
    Disposition,
    ExitBrain,
    Freshness,
    IncomingMessage,
    Instrument,
    InvalidValue,
    LevelInputs,
    LevelsComputed,
    MessageReceived,
    MessageTime,
    Policy,
    PolicyNotInForce,
    RawLevels,
    Reason,
    Record,
    Refusal,
    Selection,
    SettingsError,
    Side,
    StoreOpened,
    Translation,
    UnknownPolicy,
    Unusable,
    incoming_message,
)
from exitbrain.application.ports.exit_ledger import Place
from exitbrain.domain.plans.difference import first_difference
from exitbrain.domain.policies.formulas.registry import compute
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import NOON, StoppedClock

BTC = Instrument("BTCUSDT", tick_size=Decimal("0.1"), step_size=Decimal("0.001"), taker_fee_bps=4.0)


class OneInstrument:
    """Know one instrument."""

    def instrument(self, symbol: str) -> Instrument | None:
        return BTC if symbol == BTC.symbol else None


def brain_on(ledger: InMemoryLedger | None = None, **adapters: Any) -> ExitBrain:
    return ExitBrain(InMemoryLedger() if ledger is None else ledger, clock=StoppedClock(), **adapters)


def the_decision_of(brain: ExitBrain) -> LevelsComputed:
    (entry,) = brain.ledger.log(topics=[LevelsComputed.TOPIC])
    assert isinstance(entry.event, LevelsComputed)
    return entry.event


def intent(second: int = 1, **fields: object) -> IncomingMessage:
    said = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "leverage": 10,
        "price": "43250.5",
        "quantity": "0.3",
        **fields,
    }
    return incoming_message(
        "trade.intent", {k: v for k, v in said.items() if v is not None}, entry_id=entry(second)
    )


def close(second: int) -> IncomingMessage:
    return incoming_message(
        "trade.closed", {"symbol": "BTCUSDT", "pnl_percent": "0.5"}, entry_id=entry(second)
    )


def entry(second: int) -> str:
    return f"{int(NOON.timestamp() * 1000) + second * 1000}-0"


def contents(value: object) -> object:
    """Return an aggregate or a state as nested dicts, which compare by content."""
    slots = [slot for cls in type(value).__mro__ for slot in getattr(cls, "__slots__", ())]
    return {slot: contents(getattr(value, slot, None)) for slot in slots} if slots else value


def test_an_empty_ledger_is_begun_and_a_begun_one_left_as_it_is() -> None:
    ledger = InMemoryLedger()
    brain_on(ledger)
    begun = ledger.head()
    brain_on(ledger)

    assert begun > 0
    assert ledger.head() == begun
    assert ledger.register().in_force("BTCUSDT").policy.name == "v3.5"


def test_an_empty_ledger_is_begun_with_the_policy_asked_for() -> None:
    ledger = InMemoryLedger()
    brain_on(ledger, policy="v3.6")

    assert ledger.register().in_force("BTCUSDT").policy.name == "v3.6"
    with pytest.raises(PolicyNotInForce, match=r"v3\.5 was asked for; in force in this store is v3\.6"):
        brain_on(ledger, policy="v3.5")


def test_an_unknown_policy_begins_nothing() -> None:
    ledger = InMemoryLedger()

    with pytest.raises(UnknownPolicy):
        brain_on(ledger, policy="v9")
    assert ledger.head() == 0


class BegunMeanwhile(InMemoryLedger):
    """A ledger that another process begins between the look and the save."""

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        if self.head() == 0:
            super().save(records, absent=absent)
        return super().save(records, absent=absent)


def test_a_ledger_that_another_process_begins_meanwhile_is_taken_as_it_is() -> None:
    ledger = BegunMeanwhile()
    brain = brain_on(ledger)

    assert brain.handle(intent()).disposition is Disposition.ACCEPTED


def test_open_takes_the_store_of_the_environment_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXITBRAIN_STORE", "memory://")
    with ExitBrain.open() as brain:
        assert isinstance(brain.ledger, InMemoryLedger)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"acount": "main"}, "setting acount is not known; known: store, "),
        ({"fee_bps": -1}, "setting FEE_BPS is -1"),
    ],
)
def test_open_refuses_a_setting_that_is_not_known_or_not_allowed(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        ExitBrain.open("memory://", **settings)


def test_a_message_is_recorded_once() -> None:
    brain = brain_on()
    first = brain.handle(intent())
    again = brain.handle(intent())

    assert (first.disposition, first.duplicate) == (Disposition.ACCEPTED, False)
    assert (again.disposition, again.duplicate, again.receipt_id) == (
        Disposition.ACCEPTED,
        True,
        first.receipt_id,
    )
    assert brain.replay().exact == 1


def test_without_an_entry_id_the_content_is_the_identity() -> None:
    brain = brain_on()

    def said(event_id: str) -> IncomingMessage:
        return incoming_message("trade.intent", {"symbol": "BTCUSDT", "side": "BUY", "event_id": event_id})

    assert [brain.handle(said(id_)).duplicate for id_ in ("a", "a", "b")] == [False, True, False]


def test_time_of_recording_is_the_one_given_in_utc_else_the_clock_s() -> None:
    brain = brain_on()
    given = datetime(2026, 1, 1, 15, tzinfo=timezone(timedelta(hours=2)))
    outcomes = [brain.handle(intent(1), at=given), brain.handle(intent(2))]

    receipts = brain.ledger.receipts([outcome.receipt_id for outcome in outcomes])
    recorded = [receipts[outcome.receipt_id].recorded_at for outcome in outcomes]
    assert [time.isoformat() for time in recorded] == ["2026-01-01T13:00:00+00:00", NOON.isoformat()]
    decided = brain.decide(intent(3), brain.state_of(intent(3)), Context(given, DecisionSettings()))
    receipt = decided.records[0].event
    assert isinstance(receipt, MessageReceived)
    assert receipt.recorded_at.isoformat() == "2026-01-01T13:00:00+00:00"


@pytest.mark.parametrize(
    "use",
    [
        lambda brain, naive: brain.handle(intent(), at=naive),
        lambda brain, naive: brain.handle_batch([intent()], at=naive),
        lambda brain, naive: brain.context(at=naive),
        lambda brain, naive: brain.decide(
            intent(), brain.state_of(intent()), Context(naive, DecisionSettings())
        ),
        lambda brain, naive: brain.replay(Selection(since=naive)),
        lambda brain, naive: list(brain.lsf_changes(Selection(until=naive))),
    ],
    ids=["handle", "handle_batch", "context", "decide", "replay", "lsf_changes"],
)
def test_a_naive_time_is_refused_and_nothing_recorded(use: Any) -> None:
    brain = brain_on()
    head = brain.ledger.head()

    with pytest.raises(InvalidValue, match=r"is '2026-01-01T12:00:00'; allowed: a time with its offset"):
        use(brain, NOON.replace(tzinfo=None))
    assert brain.ledger.head() == head


def test_decide_writes_nothing_and_leaves_the_state_as_it_was() -> None:
    brain = brain_on(instruments=OneInstrument())
    brain.handle(intent(1))
    for message in (
        intent(2, leverage=20),
        intent(3, side="SELL"),
        close(4),
        intent(5, side=None, action="CLOSE"),
    ):
        state, head = brain.state_of(message), brain.ledger.head()
        before = deepcopy(contents(state))

        decided = brain.decide(message, state, brain.context())

        assert decided.outcome.disposition is Disposition.ACCEPTED
        assert contents(state) == before
        assert contents(decided.state) != before
        assert brain.ledger.head() == head


def test_decide_gives_what_handle_records() -> None:
    deciding, handling = brain_on(), brain_on()
    for brain in (deciding, handling):
        brain.context()  # keeps the settings
    for message in (intent(1), intent(2, leverage=20), intent(3, side="SELL"), close(4), close(5)):
        decided = deciding.decide(message, deciding.state_of(message), deciding.context())
        before = handling.ledger.head()
        outcome = handling.handle(message)

        recorded = [Record(e.stream_id, e.version, e.event) for e in handling.ledger.log(before)]
        assert first_difference(recorded, list(decided.records)) is None
        assert decided.outcome == outcome
        deciding.ledger.save(decided.records)


def test_state_shows_what_the_host_wrote_by_itself() -> None:
    brain = brain_on()
    assert brain.state_of(intent()).position is None

    decided = brain.decide(intent(1), brain.state_of(intent(1)), brain.context())
    brain.ledger.save(decided.records)

    position = brain.state_of(close(2)).position
    assert position is not None
    assert (position.symbol, position.is_open) == ("BTCUSDT", True)


def test_state_shows_a_policy_that_was_activated_meanwhile() -> None:
    brain = brain_on()
    ExitBrain(brain.ledger).put_in_force("v3.6", by="test", why="another process", at=NOON)

    assert brain.state_of(intent()).register.in_force("BTCUSDT").policy.name == "v3.6"


def test_states_chain_without_a_ledger_between_them() -> None:
    brain = brain_on()
    state, context = brain.state_of(intent(1)), brain.context()
    opened = brain.decide(intent(1), state, context)
    closed = brain.decide(close(2), opened.state, context)

    assert closed.state.position is not None
    assert not closed.state.position.is_open
    assert brain.ledger.save([*opened.records, *closed.records]) == brain.ledger.head()
    assert brain.replay(from_receipts=True).clean


def test_records_decided_on_an_old_state_conflict() -> None:
    brain = brain_on()
    brain.handle(intent(1))
    late = brain.decide(intent(3, leverage=20), brain.state_of(intent(3)), brain.context())
    brain.handle(intent(2, leverage=5))

    with pytest.raises(Conflict):
        brain.ledger.save(late.records)


def test_levels_have_the_defaults_of_the_command_line() -> None:
    explained = brain_on().levels(leverage=20, volatility=1.5)

    assert explained.policy.name == "v3.5"
    assert explained.inputs == LevelInputs(
        side=Side.LONG,
        leverage=20.0,
        leverage_assumed=False,
        volatility=1.5,
        funding=0.0,
        divergence=0.0,
        confidence=0.8,
        average_pnl=0.0,
        base_tp=1.0,
        base_sl=0.5,
        fee_bps=5.0,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )
    raw = explained.levels.raw
    assert (raw.tp1, raw.sl, raw.lsf) == (0.847247979309735, 0.02, 0.24724797930973505)


def test_levels_take_bases_fees_and_instrument_as_given_else_as_known() -> None:
    brain = brain_on(instruments=OneInstrument(), settings=DecisionSettings(fee_bps=7.0, slippage_bps=2.0))

    known = brain.levels(leverage=5, symbol="BTCUSDT", policy="v3.5-fraction").inputs
    unknown = brain.levels(leverage=5, symbol="ETHUSDT").inputs
    given = brain.levels(leverage=5, symbol="BTCUSDT", fee_bps=1.0, slippage_bps=0.0, base_tp=3.0).inputs
    assert (known.fee_bps, known.slippage_bps, known.base_tp, known.base_sl) == (4.0, 2.0, 0.01, 0.005)
    assert (unknown.fee_bps, unknown.base_tp) == (7.0, 1.0)
    assert (given.fee_bps, given.slippage_bps, given.base_tp) == (1.0, 0.0, 3.0)


def test_prices_and_quantities_have_the_digits_they_are_written_in() -> None:
    inputs = brain_on().levels(leverage=5, entry_price=0.1, quantity="0.30").inputs

    assert (str(inputs.entry_price), str(inputs.quantity)) == ("0.1", "0.30")


def test_levels_of_a_short_with_price_and_quantity_have_triggers_and_slices() -> None:
    brain = brain_on(instruments=OneInstrument())

    levels = brain.levels(
        leverage=10, side="short", entry_price=43250.5, quantity="0.3", symbol="BTCUSDT", policy="v3.6"
    ).levels

    assert levels.triggers is not None
    assert levels.triggers.tp1 < Decimal("43250.5") < levels.triggers.sl
    assert sum(part.quantity for part in levels.slices) == Decimal("0.3")


def test_levels_for_recorded_inputs_are_the_recorded_levels() -> None:
    brain = brain_on(instruments=OneInstrument())
    brain.handle(intent(1))
    decision = the_decision_of(brain)

    again = brain.levels_for(decision.inputs, symbol="BTCUSDT", freshness=decision.context.freshness)

    assert first_difference(decision.levels, again.levels) is None


def test_levels_record_nothing() -> None:
    brain = brain_on()
    head = brain.ledger.head()
    brain.levels(leverage=10)

    assert brain.ledger.head() == head


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("leverage", 0),
        ("leverage", 126),
        ("leverage", "10"),
        ("volatility", -0.1),
        ("funding", float("nan")),
        ("divergence", float("inf")),
        ("confidence", None),
        ("average_pnl", 1e16),
        ("base_tp", 0),
        ("base_sl", -1),
        ("fee_bps", 10_000),
        ("slippage_bps", -1),
        ("side", "BUY"),
        ("side", 1),
        ("entry_price", 0),
        ("entry_price", "NaN"),
        ("quantity", "much"),
        ("quantity", Decimal("1e16")),
    ],
)
def test_levels_refuse_what_is_not_allowed_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        brain_on().levels(**{"leverage": 10, field: value})
    assert (refused.value.field, refused.value.value) == (field, value)


def test_levels_refuse_inputs_that_are_not_finite() -> None:
    brain = brain_on()
    inputs = brain.levels(leverage=10).inputs

    with pytest.raises(InvalidValue, match="volatility is nan"):
        brain.levels_for(changed(inputs, volatility=float("nan")))


def test_levels_refuse_an_unknown_keyword_and_an_unknown_policy() -> None:
    levels: Any = brain_on().levels

    with pytest.raises(TypeError, match="levrage"):
        levels(levrage=10)
    with pytest.raises(TypeError, match="leverage"):
        levels()
    with pytest.raises(UnknownPolicy, match=r"v9.*known: v3\.5"):
        levels(leverage=10, policy="v9")


def test_all_three_replays_are_exact() -> None:
    brain = brain_on(instruments=OneInstrument())
    brain.handle_batch([intent(1), intent(2, leverage=20), intent(3, side="SELL"), close(4)])

    for report in (brain.replay(), brain.replay(from_receipts=True), brain.replay(context=True)):
        assert (report.decisions, report.exact) == (3, 3)


def test_replay_takes_a_selection() -> None:
    brain = brain_on()
    brain.handle_batch([intent(1), intent(2, symbol="ETHUSDT")])

    assert brain.replay(Selection(symbol="ETHUSDT")).decisions == 1
    assert brain.replay(Selection(since=NOON + timedelta(seconds=2))).decisions == 1
    assert brain.replay(Selection(until=NOON + timedelta(seconds=1))).decisions == 0


@pytest.mark.parametrize("whole", [{"from_receipts": True}, {"context": True}])
def test_a_replay_of_the_whole_log_refuses_a_selection(whole: dict[str, bool]) -> None:
    with pytest.raises(InvalidValue, match="needs the whole log"):
        brain_on().replay(Selection(symbol="BTCUSDT"), **whole)


def test_two_replays_at_once_are_refused() -> None:
    with pytest.raises(InvalidValue, match="one of them at a time"):
        brain_on().replay(from_receipts=True, context=True)


def test_changes_of_the_lsf_are_attributed() -> None:
    brain = brain_on()
    brain.handle_batch([intent(1), intent(2, leverage=20), intent(3, leverage=20)])

    (change,) = brain.lsf_changes()
    assert change.delta == change.leverage_effect < 0
    assert (change.inputs_before.leverage, change.inputs_after.leverage) == (10, 20)
    assert (change.closes_before, change.closes_after) == (None, None)
    assert [one.closes_after for one in brain.lsf_changes(closes=True)] == [()]
    assert list(brain.lsf_changes(Selection(symbol="ETHUSDT"))) == []


class TwiceAsFar:
    """An engine of the host: the built-in levels with the stop twice as far."""

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        raw = compute(policy, inputs, brackets)
        return changed(raw, sl=raw.sl * 2)


class RefuseEverything:
    """A translator of the host that understands nothing."""

    def translate(self, message: IncomingMessage) -> Translation:
        refusal = Refusal(Reason.NOT_DECODABLE, "message", message.entry_id, "nothing")
        return Unusable(refusal, MessageTime(None, None))


def test_a_host_s_engine_computes_the_recorded_levels() -> None:
    brain = brain_on(engine=TwiceAsFar())
    brain.handle(intent())

    assert the_decision_of(brain).levels.raw.sl == 0.04
    assert brain.replay().clean
    assert brain_on(brain.ledger).replay().drift == 1  # type: ignore[arg-type]  # it is in memory


def test_a_host_s_instruments_and_clock_are_used() -> None:
    brain = brain_on(instruments=OneInstrument())
    brain.handle(intent())
    decision = the_decision_of(brain)

    assert decision.context.snapshot == BTC.content_hash
    assert decision.context.recorded_at == NOON
    assert decision.inputs.fee_bps == 4.0


def test_a_store_is_opened_with_a_host_s_own_adapters() -> None:
    with ExitBrain.open(
        "memory://", engine=TwiceAsFar(), instruments=OneInstrument(), clock=StoppedClock(), fee_bps=7.0
    ) as brain:
        brain.handle(intent())
        decision = the_decision_of(brain)

        assert decision.levels.raw.sl == 0.04
        assert decision.context.snapshot == BTC.content_hash
        assert decision.context.recorded_at == NOON
        assert next(brain.ledger.log(topics=[StoreOpened.TOPIC])).event.at == NOON  # type: ignore[union-attr]
        assert brain.replay().clean
    with ExitBrain.open("memory://", translator=RefuseEverything()) as brain:
        assert brain.handle(intent()).disposition is Disposition.REFUSED


def test_an_adapter_that_is_none_leaves_no_store_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"engine is 5 \(int\), which has no compute\(\)"):
        ExitBrain.open(f"sqlite:///{tmp_path / 'new.db'}", engine=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"instruments is 5 \(int\), which has no instrument\(\)"):
        ExitBrain.open(f"sqlite:///{tmp_path / 'new.db'}", instruments=5)  # type: ignore[arg-type]

    assert not list(tmp_path.iterdir())


def test_a_host_s_translator_decides_what_a_message_says() -> None:
    outcome = brain_on(translator=RefuseEverything()).handle(intent())

    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.NOT_DECODABLE)


def test_a_message_that_can_not_be_used_is_refused_by_its_receipt() -> None:
    brain = brain_on()
    message = incoming_message(
        "trade.intent", {"symbol": "BTCUSDT", "side": "SIDEWAYS"}, entry_id="not-an-id"
    )

    outcome = brain.handle(message)

    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.NOT_DECODABLE)
    assert outcome.refusal is not None
    assert outcome.refusal.field == "stream_id"
    receipt: MessageReceived = brain.ledger.receipts([outcome.receipt_id])[outcome.receipt_id]
    assert receipt.fields.values["side"] == "SIDEWAYS"


def test_freshness_of_given_inputs_can_be_said() -> None:
    brain = brain_on()

    stale = brain.levels(leverage=10, freshness=Freshness(301.0, 300.0)).levels.guards
    fresh = brain.levels(leverage=10).levels.guards
    assert "intent_is_fresh" in stale.failed
    assert "intent_is_fresh" in fresh.passed


def test_a_message_keeps_which_server_gave_its_id() -> None:
    with ExitBrain.open("memory://") as brain:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "leverage": "20"}
        given = incoming_message("trade.intent", fields, entry_id="1767268800000-0", server="run-1")
        brain.handle(given)
        [receipt] = [e.event for e in brain.ledger.log() if isinstance(e.event, MessageReceived)]
    assert receipt.server == "run-1"
    assert incoming_message("trade.intent", fields).server is None
