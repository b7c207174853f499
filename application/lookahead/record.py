"""The record under perturbed futures: its messages are decided again, and decisions up to t must not move.

Every message of the record is decided again by the same intake, in the same batches, under the tested policy.
For several moments t this is repeated with the later messages absent, with altered content, and in reverse
order; if t lies inside a batch, they share it with earlier ones. All decisions up to t, with their inputs and
context, must stay the same. The runs that end at t come first, when no later message has been seen.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from exitbrain.application.lookahead.engines import NewEngine
from exitbrain.application.lookahead.findings import Finding, Moved, PolicyVerdict, cuts_of
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.ports.level_engine import EngineFailed
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID, STORE_ID
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage, TradeClosed, TradeIntent, Translation
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL, PolicyActivated, PolicyRegistered
from exitbrain.domain.store import FORMAT, StoreOpened
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, Side, changed

PART = "record"
BATCH = 64

ABSENT = "the whole record against its part up to then"
ALTERED = "later messages say something else"
REVERSED = "later messages come in reverse order"


class RecordCheck:
    """Decide recorded messages again under one policy, with other futures."""

    def __init__(
        self,
        policy: Policy,
        new_engine: NewEngine,
        messages: Sequence[tuple[IncomingMessage, datetime]],
        *,
        cuts: int,
        new_ledger: Callable[[], ExitLedger],
        translator: Translator,
        instruments: Instruments,
        settings: DecisionSettings,
    ) -> None:
        """Check messages with their times of recording; `new_ledger()` returns an empty ledger in memory."""
        self._policy = policy
        self._new_engine = new_engine
        self._messages = messages
        self._cuts = cuts_of(len(messages), cuts)
        self._new_ledger = new_ledger
        self._translator = translator
        self._instruments = instruments
        self._settings = settings

    def run(self, verdict: PolicyVerdict) -> None:
        """Add the findings to the verdict; an engine that fails ends the check."""
        try:
            self._run(verdict)
        except EngineFailed as failed:
            verdict.note(
                Moved(Finding.FAILED, "the record", "messages taken in", "engine", "levels", str(failed))
            )

    def _run(self, verdict: PolicyVerdict) -> None:
        prefixes = {t: self._decided(self._messages[:t]) for t in self._cuts}
        whole = self._decided(self._messages)
        for t, prefix in prefixes.items():
            later = self._messages[t:]
            self._compare(verdict, ABSENT, prefix, whole)
            self._compare(verdict, ALTERED, prefix, self._decided(self._messages, altered_from=t))
            backwards = [*self._messages[:t], *reversed(later)]
            self._compare(verdict, REVERSED, prefix, self._decided(backwards))

    def _compare(
        self,
        verdict: PolicyVerdict,
        how: str,
        before: list[Decision | None],
        after: list[Decision | None],
    ) -> None:
        for number, decision in enumerate(before):
            if decision is None and after[number] is None:
                continue
            subject = f"message {number + 1}, entry {self._messages[number][0].entry_id}"
            verdict.compare(PART, Finding.LOOKS_AHEAD, subject, how, decision, after[number])

    def _decided(
        self, messages: Sequence[tuple[IncomingMessage, datetime]], *, altered_from: int | None = None
    ) -> list[Decision | None]:
        """Return the decision of each message, or None, using a new ledger."""
        translator = self._translator
        if altered_from is not None:
            translator = _Altering(translator, [message for message, _ in messages[altered_from:]])
        recorder = Recorder(
            self._begun(messages[0][1]),
            Intake(self._new_engine(), translator),
            self._instruments,
            _NoClock(),
            self._settings,
        )
        decided: list[Decision | None] = []
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            # The time of this place, not of the message: it must not reveal a changed future.
            at = self._messages[start][1]
            outcomes = recorder.handle_batch([message for message, _ in batch], at=at)
            for outcome in outcomes:
                if outcome.reason is Reason.ENGINE_FAILED:
                    raise EngineFailed(str(outcome.refusal))
                decided.append(None if outcome.duplicate else outcome.levels)
        return decided

    def _begun(self, at: datetime) -> ExitLedger:
        """Return a ledger with only this policy, in force; it needs no fingerprint."""
        policy, ledger = self._policy, self._new_ledger()
        registered = PolicyRegistered(
            name=policy.name,
            formula=policy.formula,
            unit=policy.unit,
            parameters=policy.parameters,
            ignores=policy.ignores,
            parameters_hash=policy.parameters_hash,
            fingerprint="",
            by=PART,
            recorded_at=at,
            receipt_id=None,
        )
        activated = PolicyActivated(policy.name, EVERY_SYMBOL, PART, at, None)
        ledger.save(
            [
                Record(STORE_ID, 1, StoreOpened(FORMAT, PART, at, STORE_ID)),
                Record(REGISTER_ID, 1, registered),
                Record(REGISTER_ID, 2, activated),
            ]
        )
        return ledger


class _NoClock:
    """Fails if read: every batch gets its time explicitly."""

    def now(self) -> datetime:
        raise AssertionError("the clock was asked")


class _Altering:
    """Translates some messages with altered content."""

    def __init__(self, translator: Translator, messages: Sequence[IncomingMessage]) -> None:
        self._translator = translator
        self._altered = {id(message) for message in messages}

    def translate(self, message: IncomingMessage) -> Translation:
        said = self._translator.translate(message)
        return _altered(said) if id(message) in self._altered else said


_OTHER_SIDE = {Side.LONG: Side.SHORT, Side.SHORT: Side.LONG, None: None}


def _altered(said: Translation) -> Translation:
    match said:
        case TradeIntent():
            leverage = 7.0 if said.leverage is None else LEVERAGE_MIN + LEVERAGE_MAX - said.leverage
            return changed(
                said,
                side=_OTHER_SIDE[said.side],
                entry_price=None if said.entry_price is None else said.entry_price * Decimal("1.1"),
                leverage=leverage,
                volatility=0.5 + (said.volatility or 1.0),
                confidence=0.3,
            )
        case TradeClosed():
            return changed(said, pnl_percent=Decimal("-5.5") - (said.pnl_percent or 0), exit_price=None)
    return said
