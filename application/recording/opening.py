"""Opening a store: the first events of a new store, and checks on an existing one."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import Conflict, ExitLedger, StoreUnavailable
from exitbrain.application.recording.policy_check import check_registered
from exitbrain.domain.errors import DomainError, WrongState
from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID, STORE_ID
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.policies.register import EVERY_SYMBOL, SHIPPED_BY, PolicyRegister, PolicyRegistered
from exitbrain.domain.store import FORMAT, EpochRaised, StoreIdentity, StoreOpened, identity_from


class PolicyNotInForce(DomainError):
    """The policy asked for is not the one in force."""


def begin_or_check(
    ledger: ExitLedger, clock: Clock, version: str, *, new_id: UUID, policy: str | None
) -> None:
    """Begin an empty ledger as store `new_id` with `policy` in force (None: v3.5), then check it.

    Raises the errors of `check`.
    """
    if ledger.head() == 0:
        with suppress(Conflict):  # another process began it at the same moment; the check below covers it
            begin(ledger, clock, version, store_id=new_id, policy=policy or V3_5.name)
    check(ledger, policy=policy)


def begin(ledger: ExitLedger, clock: Clock, version: str, *, store_id: UUID, policy: str = V3_5.name) -> None:
    """Save the first events: format and id, the shipped policies, and `policy` in force for every symbol."""
    at = clock.now()
    register = shipped_register(at, policy)
    ledger.save([Record(STORE_ID, 1, StoreOpened(FORMAT, version, at, store_id)), *register.collect()])


def identity_of(ledger: ExitLedger) -> StoreIdentity:
    """Return the store id and epoch of a ledger; raises StoreUnavailable if the event with them is lost."""
    try:
        return identity_from(record.event for record in ledger.history(STORE_ID))
    except WrongState as lost:
        raise StoreUnavailable(str(lost)) from lost


def raise_epoch(ledger: ExitLedger, clock: Clock, version: str, *, above: int) -> StoreIdentity:
    """Raise the epoch of a store above its own and `above`, and return the new identity.

    Raises Conflict if another writer did so meanwhile.
    """
    now = identity_of(ledger)
    raised = EpochRaised(max(now.epoch, above) + 1, version, clock.now())
    ledger.save([Record(STORE_ID, len(ledger.history(STORE_ID)) + 1, raised)])
    return StoreIdentity(now.store_id, raised.epoch)


def shipped_register(at: datetime, policy: str = V3_5.name) -> PolicyRegister:
    """Return the register of a new store with its events unsaved; raises UnknownPolicy."""
    register = PolicyRegister()
    for shipped in SHIPPED.values():
        register.register(shipped, by=SHIPPED_BY, at=at)
    register.activate(policy, by=SHIPPED_BY, at=at)
    return register


def check(ledger: ExitLedger, *, policy: str | None = None) -> None:
    """Reject a ledger if a policy was altered, computes something else now, or is not the one asked for.

    Raises AlteredPolicy, ChangedFormula, PolicyNotInForce, UnknownPolicy if this version lacks the formula of
    a policy in force, or WrongState if no policy is in force, for example in a store that lost events.
    """
    register = ledger.register()
    register.in_force(EVERY_SYMBOL)
    active = set(register.active.values())
    for record in ledger.history(REGISTER_ID):
        if isinstance(record.event, PolicyRegistered):
            place = f"version {record.version} of the register"
            check_registered(record.event, place, must_compute=record.event.name in active)
    in_force = register.active.get(EVERY_SYMBOL)
    if policy is not None and policy != in_force:
        raise PolicyNotInForce(f"policy {policy} was asked for; in force in this store is {in_force}")
