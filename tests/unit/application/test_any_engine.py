"""Any level engine is judged alike: whoever wrote it, however it is asked."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from exitbrain import (
    Bound,
    Bracket,
    Disposition,
    ExitBrain,
    IncomingMessage,
    InvalidValue,
    LevelInputs,
    LevelsComputed,
    LevelsRefused,
    LeverageChanged,
    MessageReceived,
    Policy,
    RawLevels,
    Reason,
    UnknownPolicy,
    incoming_message,
)
from exitbrain.application.engine_answer import SAID_MAX
from exitbrain.application.lookahead.engines import Ask, EngineCheck
from exitbrain.application.lookahead.findings import Finding, PolicyVerdict
from exitbrain.application.queries.lsf_history import LsfAudit
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.engines import EngineReplay
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6, compute
from exitbrain.domain.values import changed, fields_of
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.counterfactual_lane import CounterfactualRequest, NoColumns
from exitbrain.ports import EngineFailed, EngineUnavailable, LevelEngine
from tests.unit.domain.example import BTCUSDT, inputs_for, raw_levels
from tests.world import NOON, StoppedClock

HOST = "tests.unit.application.test_any_engine:Host"
FOREIGN = f"foreign:{HOST}"
ASKED_IN_VAIN = 20.0
"""The leverage at which a host's engine does what a test gives it; at any other the built-in formulas answer."""

Answer = Callable[[RawLevels], object]


class WithoutFields(RawLevels, frozen=True):
    def __getattribute__(self, name: str) -> Any:
        raise AttributeError(name)


class Host:
    """An engine of a host; it needs nothing but `compute`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        raw = compute(V3_5 if policy.is_foreign else policy, inputs, brackets)
        return self._answer(raw) if inputs.leverage == ASKED_IN_VAIN else raw  # type: ignore[return-value]  # anything


def giving(**fields: Any) -> Answer:
    """Answer with the levels of the policy, some of them others."""
    return lambda raw: changed(raw, **fields)


def raising(error: BaseException) -> Answer:
    def answer(_: RawLevels) -> object:
        raise error

    return answer


def without_end(raw: RawLevels) -> object:
    return without_end(raw)


class Unspeakable(Exception):
    """An error that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Nameless:
    """An object of which only its address can be said."""


BAD: dict[str, tuple[Answer, str]] = {
    "negative target": (giving(tp1=-0.01), "tp1 of engine {} is -0.01; allowed: a number above 0, up to 1e15"),
    "negative stop": (giving(sl=-0.005), "sl of engine {} is -0.005; allowed: a number above 0, up to 1e15"),
    "zero": (giving(tp2=0.0), "tp2 of engine {} is 0.0; allowed: a number above 0"),
    "NaN": (giving(tp3=math.nan), "tp3 of engine {} is nan; allowed"),
    "infinite": (giving(sl=math.inf), "sl of engine {} is inf; allowed"),
    "too large": (giving(tp3=1e16), "tp3 of engine {} is 1e+16; allowed"),
    "too large an int": (giving(tp3=10**400), "tp3 of engine {} is 1000"),
    "signalling NaN": (giving(tp1=Decimal("sNaN")), "tp1 of engine {} is Decimal('sNaN'); allowed"),
    "bool": (giving(tp1=True), "tp1 of engine {} is True; allowed"),
    "NumPy bool": (giving(tp1=np.bool_(True)), "tp1 of engine {} is "),
    "complex": (giving(tp1=1j), "tp1 of engine {} is 1j; allowed"),
    "text": (giving(sl="0.01"), "sl of engine {} is '0.01'; allowed"),
    "no number": (giving(sl=None), "sl of engine {} is None; allowed"),
    "LSF": (giving(lsf=math.nan), "lsf of engine {} is nan; allowed: a number from -1e15 to 1e15"),
    "PnL factor": (giving(pnl_factor=None), "pnl_factor of engine {} is None; allowed"),
    "adjusted LSF": (giving(lsf_adjusted=math.inf), "lsf_adjusted of engine {} is inf; allowed"),
    "floor": (giving(floor=-0.1), "floor of engine {} is -0.1; allowed: a number from 0 to 1e15"),
    "cap": (giving(cap=math.nan), "cap of engine {} is nan; allowed: a number from 0 to 1e15"),
    "two shares": (giving(harvest=[0.5, 0.5]), "harvest of engine {} is [0.5, 0.5]; allowed: three shares"),
    "too little": (giving(harvest=(0.3, 0.3, 0.3)), "harvest of engine {} is (0.3, 0.3, 0.3); allowed: three shares"),
    "share below 0": (giving(harvest=(-0.1, 0.6, 0.5)), "harvest[0] of engine {} is -0.1; allowed: a number from 0 to 1"),
    "share of text": (giving(harvest="abc"), "harvest of engine {} is 'abc'; allowed: three shares"),
    "share is NaN": (giving(harvest=(0.5, math.nan, 0.5)), "harvest[1] of engine {} is nan; allowed"),
    "refusal": (giving(refusal="NO_IDEA"), "refusal of engine {} is 'NO_IDEA'; allowed: None, NO_STOP_FITS or"),
    "refused with NaN": (giving(refusal="NO_STOP_FITS", cap=math.nan), "cap of engine {} is nan; allowed"),
    "bounds": (giving(bounds=None), "bounds of engine {} is None; allowed: a tuple of Bound"),
    "no bound": (giving(bounds=("tp1",)), "bounds[0] of engine {} is 'tp1'; allowed: a Bound"),
    "bound level": (giving(bounds=(Bound("tp9", "tick", 0.1, 0.2),)), "bounds[0].level of engine {} is 'tp9'; allowed"),
    "bound name": (giving(bounds=(Bound("sl", "\ud800", 0.1, 0.2),)), "bounds[0].constraint of engine {} is '\\ud800'"),
    "bound number": (giving(bounds=(Bound("sl", "own", math.nan, 0.2),)), "bounds[0].before of engine {} is nan"),
    "dict": (lambda _: {"tp1": 0.01}, "answer of engine {} is {'tp1': 0.01}; allowed: RawLevels"),
    "nothing": (lambda _: None, "answer of engine {} is None; allowed: RawLevels"),
    "an address": (lambda _: Nameless(), "answer of engine {} is <tests.unit.application.test_any_engine.Nameless object at 0x…>"),
    "without fields": (lambda _: WithoutFields(**fields_of(raw_levels())), "answer of engine {} is AttributeError: "),
    "ValueError": (raising(ValueError("no\ndata")), "answer of engine {} is ValueError: no data; allowed: levels"),
    "KeyError": (raising(KeyError("BTC")), "answer of engine {} is KeyError: 'BTC'; allowed: levels"),
    "lone surrogate": (raising(ValueError("\ud800")), "answer of engine {} is ValueError: \\ud800; allowed: levels"),
    "without words": (raising(Unspeakable()), "answer of engine {} is tests.unit.application.test_any_engine.Unspeakable"),
    "without end": (without_end, "answer of engine {} is RecursionError; allowed: levels"),
    "InvalidValue": (raising(InvalidValue("a", 1, "b")), "answer of engine {} is exitbrain.domain.errors.InvalidValue: a is 1"),
    "EngineFailed": (raising(EngineFailed("no data today")), "answer of engine {} is no data today; allowed: levels"),
}  # fmt: skip
TOLD_AS_THEY_ARE: dict[str, Exception] = {
    "EngineUnavailable": EngineUnavailable("the model is not loaded"),
    "UnknownPolicy": UnknownPolicy("v9", ()),
}
"""Errors of the port that say more than that there are no levels: whoever only asks meets them as they are."""

EXACT: dict[str, dict[str, Any]] = {
    "int": {"tp1": 1},
    "Decimal": {"tp1": Decimal("0.0125")},
    "Fraction": {"tp1": Fraction(1, 3)},
    "NumPy double": {"tp1": np.float64(0.0125), "harvest": np.array([0.5, 0.25, 0.25])},
    "NumPy float": {"tp1": np.float32(0.0125)},
    "NumPy int": {"tp1": np.int64(2)},
    "list of shares": {"harvest": [0.5, 0.25, 0.25]},
    "share of 0": {"harvest": (0.0, 0.5, 0.5)},
    "shares of int": {"harvest": (0, 0, 1)},
    "thirds": {"harvest": (0.333333333333, 0.333333333333, 0.333333333333)},
    "list of bounds": {"bounds": [Bound("sl", "own_rule", 1, 2)]},
    "cap of int": {"cap": 1, "floor": 0},
}


def brain_on(ledger: InMemoryLedger, engine: LevelEngine | None = None) -> ExitBrain:
    return ExitBrain(ledger, engine=engine, clock=StoppedClock())


def intent(
    second: int, *, leverage: float | None = 10.0, symbol: str = "BTCUSDT", **fields: object
) -> IncomingMessage:
    said = {
        "symbol": symbol,
        "side": "BUY",
        "leverage": leverage,
        "price": "43250.5",
        "quantity": "0.3",
        **fields,
    }
    entry = f"{int(NOON.timestamp() * 1000) + second * 1000}-0"
    return incoming_message("trade.intent", {k: v for k, v in said.items() if v is not None}, entry_id=entry)


def topics(ledger: InMemoryLedger) -> list[str]:
    return [type(entry.event).__name__ for entry in ledger.log()]


def check_every_replay_is_exact(brain: ExitBrain, receipts: int) -> None:
    for report in (brain.replay(), brain.replay(from_receipts=True), brain.replay(context=True)):
        assert report.clean, report.first_drift
    assert brain.replay(from_receipts=True).receipts_exact == receipts


@pytest.fixture(scope="module")
def recorded() -> InMemoryLedger:
    """Return a ledger with decisions of the built-in formulas, the later one at the leverage asked in vain."""
    ledger = InMemoryLedger()
    brain_on(ledger).handle_batch([intent(1), intent(2, leverage=ASKED_IN_VAIN)])
    return ledger


@pytest.mark.parametrize(("answer", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_a_refusal_that_takes_nothing_else_down(answer: Answer, said: str) -> None:
    ledger = InMemoryLedger()
    brain = brain_on(ledger, Host(answer))

    first, bad, last = brain.handle_batch(
        [intent(1), intent(2, leverage=ASKED_IN_VAIN), intent(3, leverage=30)]
    )

    assert (bad.disposition, bad.reason) == (Disposition.REFUSED, Reason.ENGINE_FAILED)
    assert str(bad.refusal).startswith(said.replace("{}", HOST, 1))
    assert bad.refusal is not None
    assert len(bad.refusal.value) <= SAID_MAX + 1
    assert (bad.decision, bad.touched) == (None, ())
    assert [first.disposition, last.disposition] == [Disposition.ACCEPTED] * 2
    changed = [entry.event for entry in ledger.log() if isinstance(entry.event, LeverageChanged)]
    assert [(one.before, one.after) for one in changed] == [
        (10.0, 30.0)
    ]  # as if the refused one had not been there
    check_every_replay_is_exact(brain, receipts=3)


@pytest.mark.parametrize("error", TOLD_AS_THEY_ARE.values(), ids=TOLD_AS_THEY_ARE.keys())
def test_an_error_of_the_port_is_a_refusal_too(error: Exception) -> None:
    brain = brain_on(InMemoryLedger(), Host(raising(error)))

    outcome = brain.handle(intent(1, leverage=ASKED_IN_VAIN))

    assert outcome.reason is Reason.ENGINE_FAILED
    assert str(error) in str(outcome.refusal)
    check_every_replay_is_exact(brain, receipts=1)
    with pytest.raises(type(error)):
        brain.levels(leverage=ASKED_IN_VAIN)


@pytest.mark.parametrize(("answer", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_the_same_finding_however_it_is_asked(
    answer: Answer, said: str, recorded: InMemoryLedger
) -> None:
    host = Host(answer)
    brain = brain_on(recorded, host)
    decisions = DecodedDecisions(recorded)
    context, message = brain.context(), intent(9, leverage=ASKED_IN_VAIN)

    decided = brain.decide(message, brain.state_of(message), context)
    assert decided.outcome.reason is Reason.ENGINE_FAILED
    for ask in (
        lambda: brain.levels(leverage=ASKED_IN_VAIN),
        lambda: brain.levels_for(inputs_for(V3_5, leverage=ASKED_IN_VAIN)),
        lambda: brain.whatif("v3.6"),
        lambda: list(LsfAudit(recorded, host).changes()),
    ):
        with pytest.raises(EngineFailed) as failed:
            ask()
        assert HOST in str(failed.value)
        told = said.partition(" of engine {} is ")[2].partition(";")[0]
        assert told in str(failed.value)
    replayed = brain.replay()
    assert (replayed.exact, replayed.drift) == (1, 1)
    assert replayed.first_drift is not None
    assert (replayed.first_drift.field, replayed.first_drift.recorded_by) == ("engine", "exitbrain")
    assert replayed.first_drift.recomputed == str(failed.value)
    assert EngineReplay(Policies(recorded), Snapshots(recorded), decisions, host, FOREIGN).run().failed == 1
    verdict = PolicyVerdict(V3_5.name)
    EngineCheck(V3_5, _Same(host), [Ask("one", inputs_for(V3_5, leverage=ASKED_IN_VAIN))], cuts=1).run(
        verdict
    )
    assert Finding.FAILED in {moved.finding for moved in verdict.moved}


@pytest.mark.parametrize("fields", EXACT.values(), ids=EXACT.keys())
def test_any_real_number_is_recorded_as_an_exact_double(fields: dict[str, Any]) -> None:
    ledger = InMemoryLedger()
    brain = brain_on(ledger, Host(giving(**fields)))

    outcome = brain.handle(intent(1, leverage=ASKED_IN_VAIN))

    assert outcome.disposition is Disposition.ACCEPTED
    assert outcome.levels is not None
    raw = outcome.levels.levels.raw
    assert type(raw.harvest) is tuple
    numbers = [raw.tp1, raw.tp2, raw.tp3, raw.sl, raw.floor, raw.cap, *raw.harvest]
    numbers += [number for bound in raw.bounds for number in (bound.before, bound.after)]
    assert {type(number) for number in numbers} == {float}
    assert raw.tp1 == float(fields.get("tp1", raw.tp1))
    assert raw.harvest == tuple(map(float, fields.get("harvest", raw.harvest)))
    check_every_replay_is_exact(brain, receipts=1)


def test_a_refusal_of_a_known_code_needs_numbers_that_can_be_recorded_and_no_more() -> None:
    nothing = dict.fromkeys(("tp1", "tp2", "tp3", "sl", "lsf", "lsf_adjusted", "pnl_factor", "floor"), 0)
    answer = giving(**nothing, cap=-0.5, harvest=(0, 0, 0), refusal="NO_STOP_FITS", bounds=())
    ledger = InMemoryLedger()
    brain = brain_on(ledger, Host(answer))

    outcome = brain.handle(intent(1, leverage=ASKED_IN_VAIN))

    assert isinstance(outcome.levels, LevelsRefused)
    assert type(outcome.levels.levels.raw.tp1) is float
    check_every_replay_is_exact(brain, receipts=1)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_ends_the_process_is_not_held_up(stop: type[BaseException]) -> None:
    brain = brain_on(InMemoryLedger(), Host(raising(stop())))

    with pytest.raises(stop):
        brain.handle(intent(1, leverage=ASKED_IN_VAIN))
    with pytest.raises(stop):
        brain.levels(leverage=ASKED_IN_VAIN)


def test_a_refused_flip_leaves_the_position_open_and_its_keys_unused() -> None:
    ledger = InMemoryLedger()
    brain = brain_on(ledger, Host(raising(ValueError("no"))))
    brain.handle(intent(1))

    flip = brain.handle(intent(2, leverage=ASKED_IN_VAIN, side="SELL", price="44000"))
    after = brain.handle(intent(3, leverage=30))

    assert flip.reason is Reason.ENGINE_FAILED
    assert after.disposition is Disposition.ACCEPTED
    assert "PositionClosed" not in topics(ledger)
    check_every_replay_is_exact(brain, receipts=3)


def test_a_failure_on_what_another_writer_has_changed_is_decided_again() -> None:
    ledger = InMemoryLedger()
    failing: list[str] = []

    def answer(raw: RawLevels) -> object:
        if failing:
            raise ValueError(failing[0])
        return raw

    one, other = brain_on(ledger, Host(answer)), brain_on(ledger)
    one.handle(intent(1, leverage=ASKED_IN_VAIN))
    other.handle(intent(2, leverage=50))
    failing.append("no")

    outcome = one.handle(intent(3, leverage=None))

    assert outcome.disposition is Disposition.ACCEPTED, "it keeps the leverage that the other writer has set"


class FailsInLoss:
    """An engine that fails while the average result is below 0."""

    name = "risk desk"

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        if inputs.average_pnl < 0.0:
            raise ArithmeticError(f"average {inputs.average_pnl!r}, {len(brackets)} brackets")
        return compute(policy, inputs, brackets)


class OneInstrument:
    def instrument(self, symbol: str) -> Any:
        return BTCUSDT if symbol == "BTCUSDT" else None


def test_what_a_failed_engine_was_asked_is_kept_so_that_it_can_be_asked_again() -> None:
    ledger = InMemoryLedger()
    brain = ExitBrain(ledger, engine=FailsInLoss(), clock=StoppedClock(), instruments=OneInstrument())
    loss = incoming_message(
        "trade.closed",
        {"symbol": "ETHUSDT", "pnl_percent": "-2", "side": "LONG"},
        entry_id=f"{int(NOON.timestamp() * 1000) + 2000}-0",
    )

    outcomes = brain.handle_batch([intent(1, symbol="ETHUSDT"), loss, intent(3, leverage=50)])

    assert outcomes[2].reason is Reason.ENGINE_FAILED
    receipt = [entry.event for entry in ledger.log(topics=[MessageReceived.TOPIC])][-1]
    assert isinstance(receipt, MessageReceived)
    asked = receipt.failed_asking
    assert asked is not None
    assert (asked.engine, asked.policy.name, asked.inputs.leverage) == ("risk desk", "v3.5", 50.0)
    assert (asked.inputs.average_pnl, asked.window.uncommitted, asked.window.trades) == (-2.0, 1, 1)
    assert receipt.snapshot == BTCUSDT.content_hash
    check_every_replay_is_exact(brain, receipts=3)
    assert brain_on(ledger).replay(from_receipts=True).drift == 2, "the built-in formulas answer"


@pytest.mark.parametrize(("changes", "said"), [("inputs", "LevelInputs"), ("answer", "RawLevels")])
def test_an_engine_can_change_neither_what_it_is_given_nor_what_it_gave(changes: str, said: str) -> None:
    shared = raw_levels()

    class Reusing:
        def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
            if inputs.leverage == 6.0:
                setattr(
                    inputs if changes == "inputs" else shared,
                    "sl" if changes == "answer" else "leverage",
                    0.5,
                )
            return shared

    brain = brain_on(InMemoryLedger(), Reusing())
    first, second = brain.handle_batch([intent(1, leverage=5), intent(2, leverage=6)])

    assert first.levels is not None
    assert (first.levels.inputs.leverage, first.levels.levels.raw) == (5.0, raw_levels())
    assert second.reason is Reason.ENGINE_FAILED
    assert second.refusal is not None
    assert f"immutable type: '{said}'" in second.refusal.value
    check_every_replay_is_exact(brain, receipts=2)


class Named(Host):
    def __init__(self, name: object) -> None:
        super().__init__(lambda raw: raw)
        self.name = name


class OnOurs(BuiltInFormulas):
    """An engine of a host that is built on ours."""


class Raises(Host):
    @property
    def name(self) -> str:
        raise RuntimeError("no name")


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (None, "exitbrain"),
        (Host(lambda raw: raw), HOST),
        (Named("risk desk 7"), "risk desk 7"),
        (Named("two\nlines\ud800"), "two lines\\ud800"),
        (Named(""), HOST.replace("Host", "Named")),
        (Named(7), HOST.replace("Host", "Named")),
        (Raises(lambda raw: raw), HOST.replace("Host", "Raises")),
        (OnOurs(), HOST.replace("Host", "OnOurs")),
    ],
)
def test_a_decision_names_the_engine_that_computed(engine: LevelEngine | None, name: str) -> None:
    ledger = InMemoryLedger()
    brain = brain_on(ledger, engine)
    brain.handle(intent(1))

    (entry,) = ledger.log(topics=[LevelsComputed.TOPIC])
    assert isinstance(entry.event, LevelsComputed)
    assert entry.event.engine == name
    assert brain.levels(leverage=10).engine == name
    check_every_replay_is_exact(brain, receipts=1)


def test_a_replay_with_another_engine_says_which_one_had_computed() -> None:
    ledger = InMemoryLedger()
    brain_on(ledger, Host(giving(tp1=0.5))).handle(intent(1, leverage=ASKED_IN_VAIN))

    for report in (brain_on(ledger).replay(), brain_on(ledger).replay(from_receipts=True)):
        assert report.first_drift is not None
        assert (report.first_drift.recorded_by, report.first_drift.recomputed_by) == (HOST, "exitbrain")
    assert brain_on(ledger, Host(giving(tp1=0.25))).replay().first_drift is not None
    drift = brain_on(ledger, Host(giving(tp1=0.25))).replay().first_drift
    assert drift is not None
    assert (drift.recorded_by, drift.recomputed_by) == ("", ""), "the same engine, changed"


def test_levels_and_what_ifs_are_those_of_the_engine_that_was_brought(recorded: InMemoryLedger) -> None:
    brain = brain_on(recorded, Host(giving(tp1=0.5)))

    explained = brain.levels(leverage=ASKED_IN_VAIN)
    assert (explained.levels.raw.tp1, explained.distances.tp1, explained.lines) == (0.5, 0.005, ())
    assert brain.levels_for(inputs_for(V3_5, leverage=ASKED_IN_VAIN)).levels.raw.tp1 == 0.5
    (answer,) = brain.whatif("v3.5").answers
    assert answer.fields["tp1"].changed == 1
    ours = brain_on(recorded).levels(leverage=ASKED_IN_VAIN)
    assert ours.lines
    assert ours.engine == "exitbrain"


@pytest.mark.parametrize("engine", [Host(lambda raw: raw), OnOurs()])
def test_columns_do_not_stand_in_for_an_engine_of_somebody_else(engine: LevelEngine) -> None:
    ledger = open_ledger("memory://", create=True)
    request = CounterfactualRequest(
        ledger, Policies(ledger), Snapshots(ledger), StoredDecisions(ledger), engine
    )

    with pytest.raises(NoColumns, match="columns can only compute ExitBrain's own formulas, not this engine"):
        request.run([V3_6], lane="columnar")


class _Same:
    """The engine under a look-ahead test that is the same instance every time."""

    def __init__(self, engine: LevelEngine) -> None:
        self._engine = engine

    def new(self) -> LevelEngine:
        return self._engine

    def shifted_clock(self) -> Any:
        return pytest.MonkeyPatch.context()

    def reached(self) -> Sequence[str]:
        return ()
