"""PolicyRegister: which policies exist and which is in force."""

from datetime import UTC, datetime
from typing import Any

from exitbrain.domain.errors import UnknownPolicy, WrongState
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.policy import Policy, PolicyRef
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegister, PolicyRegistered
from tests.unit.domain.specification import Given, given

NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)


def registered(policy: Policy) -> PolicyRegistered:
    return PolicyRegistered(
        policy.name,
        policy.formula,
        policy.unit,
        policy.parameters,
        policy.ignores,
        policy.parameters_hash,
        fingerprint(policy),
        "shipped",
        NOON,
        None,
    )


def register(*events: Any) -> Given[PolicyRegister]:
    return given(PolicyRegister(), *events)


def test_a_policy_is_registered_with_what_proves_it() -> None:
    known = register().when(lambda r: r.register(V3_5, by="shipped", at=NOON)).then(registered(V3_5))

    assert known.named("v3.5").policy == V3_5
    assert known.named("v3.5").ref == PolicyRef("v3.5", V3_5.parameters_hash, fingerprint(V3_5))


def test_a_name_is_registered_once() -> None:
    register(registered(V3_5)).when(lambda r: r.register(V3_5, by="shipped", at=NOON)).then_refused(
        "policy v3.5 is already registered", WrongState
    )


def test_only_a_registered_policy_is_activated() -> None:
    register(registered(V3_5)).when(lambda r: r.activate("v3.6", by="quant", at=NOON)).then_refused(
        r"policy 'v3.6' is not known; known: v3.5", UnknownPolicy
    )


def test_the_activation_of_a_symbol_beats_the_global_one() -> None:
    known = register(registered(V3_5), registered(V3_6), PolicyActivated("v3.5", "*", "shipped", NOON, None))

    after = known.when(lambda r: r.activate("v3.6", scope="BTCUSDT", by="quant", at=NOON)).then(
        PolicyActivated("v3.6", "BTCUSDT", "quant", NOON, None)
    )

    assert after.in_force("BTCUSDT").policy == V3_6
    assert after.in_force("ETHUSDT").policy == V3_5


def test_the_latest_activation_of_a_scope_is_in_force() -> None:
    known = register(
        registered(V3_5),
        registered(V3_6),
        PolicyActivated("v3.5", "*", "shipped", NOON, None),
        PolicyActivated("v3.6", "*", "quant", NOON, None),
    ).aggregate

    assert known.in_force("BTCUSDT").ref.name == "v3.6"


def test_a_copy_is_independent() -> None:
    original = register(registered(V3_5), PolicyActivated("v3.5", "*", "shipped", NOON, None)).aggregate
    twin = original.copy()

    twin.register(V3_6, by="quant", at=NOON)
    twin.activate("v3.6", by="quant", at=NOON)

    assert set(original.policies) == {"v3.5"}
    assert original.in_force("BTCUSDT").policy == V3_5
    assert original.version == 2
    assert original.pending == []
