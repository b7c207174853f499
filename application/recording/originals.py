"""Originals: the original outcome of a message that is sent again."""

from collections import OrderedDict
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.received import message_of
from exitbrain.application.recording.subject import symbol_said
from exitbrain.domain.identity import plan_id
from exitbrain.domain.messages.message import TradeClosed, TradeIntent
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.decision import DecisionId
from exitbrain.domain.plans.exit_plan import (
    Decision,
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
)

KEPT = 20_000
"""How many plan entries are cached, so that consecutive redeliveries read the history of a plan once."""

_LedTo = dict[UUID, Decision | None]
"""The decision of each message of a plan; None for one that changed the plan without a decision."""


class Originals:
    """Look up the outcomes of messages that already have receipts."""

    def __init__(self, ledger: ExitLedger, intake: Intake) -> None:
        self._ledger = ledger
        self._intake = intake
        self._plans: OrderedDict[UUID, _LedTo] = OrderedDict()
        self._kept = 0

    def outcome(self, receipt_id: UUID, receipt: MessageReceived) -> MessageResult:
        """Return the original outcome of a message, marked as a duplicate; raises ledger errors."""
        decision, levels = self._decision(receipt_id, receipt)
        said = self._intake.translate(message_of(receipt))
        return MessageResult(
            receipt_id=receipt_id,
            entry_id=receipt.entry_id,
            disposition=receipt.disposition,
            reason=receipt.reason,
            refusal=receipt.refusal,
            touched=receipt.touched,
            decision=decision,
            levels=levels,
            duplicate=True,
            ignored_exit=receipt.ignored_exit,
            source=receipt.source,
            unusable=said.unusable if isinstance(said, TradeIntent | TradeClosed) else (),
            occurred_at=receipt.occurred_at,
            account=receipt.account,
            symbol=symbol_said(said),
        )

    def _decision(
        self, receipt_id: UUID, receipt: MessageReceived
    ) -> tuple[DecisionId | None, Decision | None]:
        """Return the decision of a message: a flip touches two plans, and only one has it."""
        plans = {plan_id(touched) for touched in receipt.touched}
        for plan in plans.intersection(receipt.touched):
            levels = self._led_to(plan, receipt_id)
            if levels is not None:
                return DecisionId(plan, levels.revision), levels
        return None, None

    def _led_to(self, plan: UUID, receipt_id: UUID) -> Decision | None:
        known = self._plans.get(plan)
        if known is None or receipt_id not in known:  # the plan may have grown since it was read
            known = self._read(plan)
            known.setdefault(receipt_id, None)
            self._keep(plan, known)
        self._plans.move_to_end(plan)
        return known[receipt_id]

    def _read(self, plan: UUID) -> _LedTo:
        led_to: _LedTo = {}
        for record in self._ledger.history(plan):
            event = record.event
            if isinstance(event, Decision):
                led_to.update(dict.fromkeys(event.causes, event))
            elif isinstance(event, ExitPlanOpened | ExitPlanResized | ExitPlanCompleted | ExitPlanCancelled):
                led_to.setdefault(event.stamp.cause_id, None)
        return led_to

    def _keep(self, plan: UUID, led_to: _LedTo) -> None:
        self._kept += len(led_to) - len(self._plans.pop(plan, ()))
        self._plans[plan] = led_to
        while self._kept > KEPT and len(self._plans) > 1:
            self._kept -= len(self._plans.popitem(last=False)[1])
