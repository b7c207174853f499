"""Checks the policy register: no policy was altered, and a message requested every event.

A store begins with the shipped policies, one of them in force. Every later register event must follow right
after the receipt of the message that requested it, saved in the same transaction.
"""

from collections.abc import Iterator
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, UnreadableEvent
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.policy_check import check_registered
from exitbrain.application.recording.received import message_of
from exitbrain.application.replay.decisions import RegisterFinding
from exitbrain.application.replay.intake import whole_log
from exitbrain.domain.catalogue import topics_about
from exitbrain.domain.errors import DomainError
from exitbrain.domain.events import About
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.messages.message import ActivatePolicy
from exitbrain.domain.messages.receipt import Disposition, MessageReceived
from exitbrain.domain.policies.register import (
    EVERY_SYMBOL,
    SHIPPED_BY,
    PolicyActivated,
    PolicyRegistered,
    RegisterEvent,
)
from exitbrain.domain.store import StoreOpened


def findings(ledger: ExitLedger, translator: Translator) -> Iterator[RegisterFinding]:
    """Yield the errors in the register, in log order. Unreadable events are left to a replay."""
    begun = _end_of_the_beginning(ledger)
    for entry in whole_log(ledger, topics=topics_about(About.REGISTER)):
        if isinstance(entry, UnreadableEvent) or not isinstance(entry.event, RegisterEvent):
            continue
        event = entry.event
        named = f"{type(event).__name__} of {event.name}"
        if entry.position > begun and (why := _not_asked_for(entry, event, ledger, translator)) is not None:
            yield RegisterFinding(entry.position, named, why)
        if isinstance(event, PolicyRegistered):
            try:
                check_registered(event, f"log position {entry.position}")
            except DomainError as error:
                yield RegisterFinding(entry.position, named, str(error))


def _end_of_the_beginning(ledger: ExitLedger) -> int:
    """Return the log position of the store's last initial event, 0 if it did not begin as stores do."""
    last = 0
    for entry in whole_log(ledger):
        if isinstance(entry, UnreadableEvent):
            break
        if last and (entry.position != last + 1 or not _is_shipped(entry)):
            break
        if not last and not isinstance(entry.event, StoreOpened):
            break
        last = entry.position
        if isinstance(entry.event, PolicyActivated):
            break
    return last


def _is_shipped(entry: LogEntry) -> bool:
    event = entry.event
    if entry.stream_id != REGISTER_ID or not isinstance(event, RegisterEvent):
        return False
    is_global = isinstance(event, PolicyRegistered) or event.scope == EVERY_SYMBOL
    return is_global and event.by == SHIPPED_BY and event.receipt_id is None


def _not_asked_for(
    entry: LogEntry, event: RegisterEvent, ledger: ExitLedger, translator: Translator
) -> str | None:
    """Return why a register event counts as not requested, or None if a message requested it."""
    if entry.stream_id != REGISTER_ID:
        return "it stands outside the register"
    if event.receipt_id is None:
        return "no receipt accounts for it"
    receipt = _receipt_before(entry, event.receipt_id, ledger)
    if receipt is None:
        return f"its receipt {event.receipt_id} does not stand right before it"
    asked = translator.translate(message_of(receipt))
    if (
        receipt.disposition is not Disposition.ACCEPTED
        or REGISTER_ID not in receipt.touched
        or not isinstance(asked, ActivatePolicy)
    ):
        return f"its receipt {event.receipt_id} is not of a message that put a policy in force"
    if not _says(event, asked, receipt):
        return f"its receipt {event.receipt_id} asked for something else"
    return None


def _receipt_before(entry: LogEntry, receipt_id: UUID, ledger: ExitLedger) -> MessageReceived | None:
    """Return the receipt right before an event, with at most the registration in between."""
    near = {
        one.position: one
        for one in whole_log(ledger, max(0, entry.position - 3), upto=entry.position - 1)
        if isinstance(one, LogEntry)
    }
    before = near.get(entry.position - 1)
    between = None if before is None else before.event
    if (
        isinstance(entry.event, PolicyActivated)
        and isinstance(between, PolicyRegistered)
        and between.receipt_id == receipt_id
    ):
        before = near.get(entry.position - 2)
    if before is None or before.stream_id != receipt_id or not isinstance(before.event, MessageReceived):
        return None
    return before.event


def _says(event: RegisterEvent, asked: ActivatePolicy, receipt: MessageReceived) -> bool:
    policy = asked.policy
    if (event.name, event.by, event.recorded_at) != (policy.name, asked.by, receipt.recorded_at):
        return False
    if isinstance(event, PolicyActivated):
        return event.scope == asked.scope
    return event.policy == policy and event.parameters_hash == policy.parameters_hash
