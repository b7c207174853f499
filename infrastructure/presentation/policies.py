"""Policies, and the differences between two of them."""

from collections.abc import Iterator

from msgspec import Struct

from exitbrain.domain.levels.levels import LEVELS, RawLevels, fractions_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL, PolicyRegister, RegisteredPolicy
from exitbrain.domain.values import Unit, fields_of
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import number, percent


class PolicyDescription(Struct):
    """A policy; `active` lists the scopes it is in force for, "*" meaning every symbol without its own policy."""

    name: str
    formula: str
    unit: Unit
    ignores: list[str]
    active: list[str]
    fingerprint: str
    parameters_hash: str
    parameters: dict[str, float]


class PolicyListReport(Struct):
    """The policies of a store, or those shipped with this version."""

    source: str
    policies: list[PolicyDescription]


class PolicyShowReport(Struct):
    """One policy."""

    source: str
    policy: PolicyDescription


class ParameterDifference(Struct):
    """A difference between two policies; null if one has no such parameter."""

    name: str
    a: float | str | None
    b: float | str | None


class SampledLevels(Struct):
    """Levels as fractions of the entry price, or why they were refused."""

    tp1: float
    tp2: float
    tp3: float
    sl: float
    harvest: list[float]
    refusal: str | None


class Sample(Struct):
    """The levels of two policies at one leverage and typical inputs."""

    leverage: float
    a: SampledLevels
    b: SampledLevels


class PolicyDiffReport(Struct):
    """Two policies side by side."""

    source: str
    a: str
    b: str
    differences: list[ParameterDifference]
    samples: list[Sample]


def described(registered: RegisteredPolicy, register: PolicyRegister) -> PolicyDescription:
    """Return a policy with the scopes it is in force for."""
    policy, ref = registered.policy, registered.ref
    return PolicyDescription(
        name=policy.name,
        formula=policy.formula,
        unit=policy.unit,
        ignores=sorted(policy.ignores),
        active=[scope for scope, name in register.active.items() if name == policy.name],
        fingerprint=ref.fingerprint,
        parameters_hash=ref.parameters_hash,
        parameters=policy.parameters,
    )


def list_table(report: PolicyListReport) -> ShownTable:
    """Return every policy, one per line."""
    table = ShownTable(f"Policies {report.source}")
    table.text("Policy")
    table.prose("Formula", drop=2)
    table.text("Unit")
    table.prose("Does not read", "In force for")
    table.text("Fingerprint", drop=1)
    for one in report.policies:
        ignores = ", ".join(one.ignores)
        table.row(one.name, one.formula, one.unit.value, ignores, _scopes(one), one.fingerprint[:12])
    return table


def policy_text(report: PolicyShowReport) -> Iterator[str]:
    """Yield one policy with its parameters."""
    one = report.policy
    yield f"Policy {one.name}, {report.source}"
    yield f"  formula: {one.formula}"
    yield f"  unit of raw distances: {one.unit}"
    yield f"  does not read: {', '.join(one.ignores) or 'nothing, it reads every input'}"
    yield f"  in force for: {_scopes(one) or 'nothing'}"
    yield f"  fingerprint: {one.fingerprint}"
    yield f"  parameters {one.parameters_hash}:"
    yield from (f"    {parameter} = {value!r}" for parameter, value in one.parameters.items())


def differences_of(a: Policy, b: Policy) -> Iterator[ParameterDifference]:
    """Yield the differences between two policies, except the name."""
    for name in ("formula", "unit"):
        if getattr(a, name) != getattr(b, name):
            yield ParameterDifference(name, str(getattr(a, name)), str(getattr(b, name)))
    if set(a.ignores) != set(b.ignores):
        yield ParameterDifference("ignores", ", ".join(sorted(a.ignores)), ", ".join(sorted(b.ignores)))
    for name in dict.fromkeys((*a.parameters, *b.parameters)):
        if a.parameters.get(name) != b.parameters.get(name):
            yield ParameterDifference(name, a.parameters.get(name), b.parameters.get(name))


def sampled(policy: Policy, raw: RawLevels) -> SampledLevels:
    """Return the raw levels of a policy as fractions of the entry price."""
    distances = fields_of(fractions_of(policy.unit, raw))
    return SampledLevels(**distances, harvest=list(raw.harvest), refusal=raw.refusal)


def diff_text(report: PolicyDiffReport) -> Iterator[ShownTable | str]:
    """Yield the differences between two policies, and the levels of both."""
    if not report.differences:
        yield f"{report.a} and {report.b} are the same except for the name."
        return
    yield _difference_table(report)
    yield _sample_table(report)
    yield "For a long, volatility 1, no brackets, usual costs."


def _scopes(policy: PolicyDescription) -> str:
    return ", ".join("every symbol" if scope == EVERY_SYMBOL else scope for scope in policy.active)


def _difference_table(report: PolicyDiffReport) -> ShownTable:
    table = ShownTable(f"{report.a} and {report.b}, {report.source}")
    table.text("What differs")
    table.prose(report.a, report.b)
    for one in report.differences:
        table.row(one.name, _value(one.a), _value(one.b))
    return table


def _value(value: float | str | None) -> str:
    if value is None:
        return "not a parameter"
    return number(value) if isinstance(value, float) else value or "none"


_DROPPED = {"tp2": 1, "tp3": 2}
"""Where there is no room for every level."""


def _sample_table(report: PolicyDiffReport) -> ShownTable:
    table = ShownTable("Distance from the entry")
    table.number("Leverage")
    for level in LEVELS:
        table.number(
            f"{level.upper()} {report.a}", f"{level.upper()} {report.b}", drop=_DROPPED.get(level, 0)
        )
    for sample in report.samples:
        cells = [
            percent(getattr(side, level)) if side.refusal is None else side.refusal
            for level in LEVELS
            for side in (sample.a, sample.b)
        ]
        table.row(number(sample.leverage), *cells)
    return table
