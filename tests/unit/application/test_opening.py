"""Opening a store: what a new one begins with, and which old ones are not worked on."""

from collections.abc import Callable
from typing import Any

import pytest

from exitbrain.application.ports.exit_ledger import ExitLedger, StoreUnavailable
from exitbrain.application.recording.opening import (
    PolicyNotInForce,
    begin_or_check,
    identity_of,
    raise_epoch,
)
from exitbrain.application.recording.policy_check import AlteredPolicy, ChangedFormula
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.register import SHIPPED_BY, PolicyActivated, PolicyRegistered
from exitbrain.domain.store import FORMAT, EpochRaised, StoreIdentity, StoreOpened
from exitbrain.domain.values import Unit, changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import NOON, THIS_STORE, StoppedClock, rewritten


def opened(ledger: ExitLedger, policy: str | None = None) -> ExitLedger:
    begin_or_check(ledger, StoppedClock(), "test", new_id=THIS_STORE, policy=policy)
    return ledger


def registered_as(name: str, **otherwise: Any) -> Callable[[Any], Any]:
    """Return a change of the registration of one policy."""
    return lambda event: (
        changed(event, **otherwise) if isinstance(event, PolicyRegistered) and event.name == name else None
    )


def test_a_new_store_begins_with_its_format_the_shipped_policies_and_v3_5_in_force() -> None:
    events = [entry.event for entry in opened(InMemoryLedger()).log()]

    assert events[0] == StoreOpened(FORMAT, "test", NOON, THIS_STORE)
    registered = [event for event in events if isinstance(event, PolicyRegistered)]
    assert [(event.name, event.by) for event in registered] == [(name, SHIPPED_BY) for name in SHIPPED]
    assert events[-1] == PolicyActivated("v3.5", "*", SHIPPED_BY, NOON, None)
    assert len(events) == len(SHIPPED) + 2


def test_a_store_is_the_one_it_was_begun_as_and_in_its_first_epoch() -> None:
    assert identity_of(opened(InMemoryLedger())) == StoreIdentity(THIS_STORE, 1)


@pytest.mark.parametrize(("above", "epoch"), [(0, 2), (1, 2), (5, 6)])
def test_an_epoch_is_raised_above_its_own_and_another(above: int, epoch: int) -> None:
    ledger = opened(InMemoryLedger())

    raised = raise_epoch(ledger, StoppedClock(), "test", above=above)

    assert raised == identity_of(ledger) == StoreIdentity(THIS_STORE, epoch)
    assert raise_epoch(ledger, StoppedClock(), "test", above=0).epoch == epoch + 1
    history = [(record.version, record.event) for record in ledger.history(STORE_ID)]
    assert history[1:] == [
        (2, EpochRaised(epoch, "test", NOON)),
        (3, EpochRaised(epoch + 1, "test", NOON)),
    ]


def test_a_store_whose_first_event_is_lost_does_not_say_which_it_is() -> None:
    with pytest.raises(StoreUnavailable, match="the store has no id"):
        identity_of(InMemoryLedger())


def test_an_old_store_is_checked_and_not_begun_again() -> None:
    ledger = opened(InMemoryLedger(), "v3.6")
    head = ledger.head()

    assert opened(ledger).head() == opened(ledger, "v3.6").head() == head
    with pytest.raises(PolicyNotInForce, match=r"v3\.5 was asked for; in force in this store is v3\.6"):
        opened(ledger, "v3.5")


def test_a_policy_in_force_that_computes_something_else_now_is_not_worked_on() -> None:
    changed = rewritten(opened(InMemoryLedger()), registered_as("v3.5", fingerprint="0" * 64))

    with pytest.raises(ChangedFormula, match=r"policy v3\.5 was registered with fingerprint 000000000000"):
        opened(changed)


def test_a_changed_policy_that_is_not_in_force_is_not_worked_on_either() -> None:
    changed = rewritten(opened(InMemoryLedger()), registered_as("v3.6", fingerprint="0" * 64))

    with pytest.raises(ChangedFormula, match=r"policy v3\.6 .* \(version 3 of the register\)"):
        opened(changed)


@pytest.mark.parametrize(
    ("name", "altered"),
    [
        ("v3.5", {"parameters": {**SHIPPED["v3.5"].parameters, "sl_min": 0.002}}),
        ("v3.6", {"parameters": {**SHIPPED["v3.6"].parameters, "tp_costs": 4.0}}),
        ("v3.6", {"unit": Unit.PERCENT}),
        ("v3.6", {"ignores": ("funding",)}),
        ("v3.6", {"formula": "lsf-3.5"}),
        ("v3.6", {"formula": "lsf-9"}),
        ("v3.6", {"parameters_hash": "ab" * 32}),
        ("v3.6", {"parameters": {}}),
    ],
)
def test_a_policy_that_was_edited_in_place_is_named_in_force_or_not(
    name: str, altered: dict[str, Any]
) -> None:
    edited = rewritten(opened(InMemoryLedger()), registered_as(name, **altered))

    with pytest.raises(AlteredPolicy, match=rf"policy {name} was registered with parameters hash \w{{12}} "):
        opened(edited)


def test_a_policy_not_in_force_of_a_formula_that_is_not_known_does_no_harm() -> None:
    newer = changed(SHIPPED["v3.6"], formula="lsf-9")
    known = registered_as("v3.6", formula="lsf-9", parameters_hash=newer.parameters_hash)

    opened(rewritten(opened(InMemoryLedger()), known))


def test_a_policy_in_force_whose_formula_is_not_known_is_not_worked_on() -> None:
    newer = changed(SHIPPED["v3.5"], formula="lsf-9")
    known = registered_as("v3.5", formula="lsf-9", parameters_hash=newer.parameters_hash)

    with pytest.raises(UnknownPolicy, match="lsf-9"):
        opened(rewritten(opened(InMemoryLedger()), known))
