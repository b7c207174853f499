"""Payload of the policy register: the policy in force."""

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.policies import register as policy_register
from exitbrain.domain.policies.register import SHIPPED_BY
from exitbrain.infrastructure.wire.published_payload import EventPayloads, Payload, PublishedStore


class PolicyActivated(Payload, kw_only=True):
    """A policy is in force for a scope: a symbol, or "*" for all symbols without their own policy."""

    policy: str
    scope: str
    by: str


def _activated(
    event: policy_register.PolicyActivated, entry: LogEntry, _: MessageReceived | None, store: PublishedStore
) -> tuple[PolicyActivated | None]:
    """Return the payload of an activation; the first one of a store changes nothing and is left out."""
    if event.receipt_id is None and event.by == SHIPPED_BY:
        return (None,)
    said = PolicyActivated(
        store_id=store.identity.store_id,
        epoch=store.identity.epoch,
        log_position=entry.position,
        recorded_at=event.recorded_at,
        policy=event.name,
        scope=event.scope,
        by=event.by,
    )
    return (said,)


PAYLOADS: dict[type[ExitEvent], EventPayloads] = {
    policy_register.PolicyActivated: EventPayloads((PolicyActivated,), _activated),
}
