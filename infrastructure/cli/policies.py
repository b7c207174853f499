"""The commands `policy list`, `policy show` and `policy diff`: which policies there are and where they differ."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table

from exitbrain.application.opening import shipped_register
from exitbrain.domain.configuration import DecisionSettings
from exitbrain.domain.formulas.registry import compute
from exitbrain.domain.levels import LEVELS, fractions_of
from exitbrain.domain.policy import Policy
from exitbrain.domain.policy_register import EVERY_SYMBOL, PolicyRegister, RegisteredPolicy
from exitbrain.domain.values import fields_of
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.library.given import level_inputs
from exitbrain.infrastructure.wording import number, percent

SHIPPED = "shipped with this version"
SAMPLE_LEVERAGES = (1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 125.0)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the policies were read, and the register."""

    name: str
    register: PolicyRegister

    def described(self, registered: RegisteredPolicy) -> reports.PolicyDescription:
        """Return a policy with the scopes it is in force for."""
        policy, ref = registered.policy, registered.ref
        return reports.PolicyDescription(
            name=policy.name,
            formula=policy.formula,
            unit=policy.unit,
            ignores=sorted(policy.ignores),
            active=[scope for scope, name in self.register.active.items() if name == policy.name],
            fingerprint=ref.fingerprint,
            parameters_hash=ref.parameters_hash,
            parameters=policy.parameters,
        )


def list_policies(*, store: str | None, as_json: bool) -> None:
    """Report every policy."""
    source = _source(store)
    policies = [source.described(one) for one in source.register.policies.values()]
    if as_json:
        output.emit(reports.PolicyListReport(source.name, policies))
        return
    table = Table(title=f"Policies {source.name}", title_justify="left")
    for heading in ("Policy", "Formula", "Unit", "Does not read", "In force for", "Fingerprint"):
        table.add_column(heading)
    for one in policies:
        ignores = ", ".join(one.ignores)
        table.add_row(one.name, one.formula, one.unit.value, ignores, _scopes(one), one.fingerprint[:12])
    output.show(table)


def show_policy(name: str, *, store: str | None, as_json: bool) -> None:
    """Report one policy with its parameters."""
    source = _source(store)
    one = source.described(source.register.named(name))
    if as_json:
        output.emit(reports.PolicyShowReport(source.name, one))
        return
    output.show(
        f"Policy {one.name}, {source.name}",
        f"  formula: {one.formula}",
        f"  unit of raw distances: {one.unit}",
        f"  does not read: {', '.join(one.ignores) or 'nothing, it reads every input'}",
        f"  in force for: {_scopes(one) or 'nothing'}",
        f"  fingerprint: {one.fingerprint}",
        f"  parameters {one.parameters_hash}:",
        *(f"    {parameter} = {value!r}" for parameter, value in one.parameters.items()),
    )


def diff_policies(name_a: str, name_b: str, *, store: str | None, as_json: bool) -> None:
    """Report what differs between two policies, and what both give at some leverages."""
    source = _source(store)
    a, b = source.register.named(name_a).policy, source.register.named(name_b).policy
    samples = [
        reports.Sample(leverage, _sample(a, leverage), _sample(b, leverage)) for leverage in SAMPLE_LEVERAGES
    ]
    report = reports.PolicyDiffReport(source.name, a.name, b.name, list(_differences(a, b)), samples)
    if as_json:
        output.emit(report)
        return
    if not report.differences:
        output.show(f"{a.name} and {b.name} are the same but for the name.")
        return
    output.show(
        _difference_table(report),
        _sample_table(report),
        "For a long, volatility 1, no brackets, usual costs.",
    )


def _source(url: str | None) -> _Source:
    """Return the register of the store that was named or lies at the default place, else the shipped one."""
    from exitbrain.infrastructure.cli.store import has_none, name_of, opened_with  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.settings import ENV_FILE, load_settings  # noqa: PLC0415 - start-up

    settings = load_settings(env_file=ENV_FILE, store=url)
    if has_none(settings):
        return _Source(SHIPPED, shipped_register(SystemClock().now()))
    with opened_with(settings) as container:
        return _Source(f"of {name_of(container)}", container.ledger().register())


def _scopes(policy: reports.PolicyDescription) -> str:
    return ", ".join("every symbol" if scope == EVERY_SYMBOL else scope for scope in policy.active)


def _differences(a: Policy, b: Policy) -> Iterator[reports.Difference]:
    for name in ("formula", "unit"):
        if getattr(a, name) != getattr(b, name):
            yield reports.Difference(name, str(getattr(a, name)), str(getattr(b, name)))
    if set(a.ignores) != set(b.ignores):
        yield reports.Difference("ignores", ", ".join(sorted(a.ignores)), ", ".join(sorted(b.ignores)))
    for name in dict.fromkeys((*a.parameters, *b.parameters)):
        if a.parameters.get(name) != b.parameters.get(name):
            yield reports.Difference(name, a.parameters.get(name), b.parameters.get(name))


def _sample(policy: Policy, leverage: float) -> reports.Distances:
    inputs = level_inputs(policy, None, DecisionSettings(), leverage=leverage)
    raw = compute(policy, inputs)
    return reports.Distances(
        **fields_of(fractions_of(policy.unit, raw)), harvest=list(raw.harvest), refusal=raw.refusal
    )


def _difference_table(report: reports.PolicyDiffReport) -> Table:
    table = Table(title=f"{report.a} and {report.b}, {report.source}", title_justify="left")
    for heading in ("What differs", report.a, report.b):
        table.add_column(heading)
    for one in report.differences:
        table.add_row(one.name, _value(one.a), _value(one.b))
    return table


def _value(value: float | str | None) -> str:
    if value is None:
        return "not a parameter"
    return number(value) if isinstance(value, float) else value or "none"


def _sample_table(report: reports.PolicyDiffReport) -> Table:
    table = Table(title="Distance from the entry", title_justify="left")
    table.add_column("Leverage", justify="right")
    for level in LEVELS:
        table.add_column(f"{level.upper()} {report.a}", justify="right")
        table.add_column(report.b, justify="right")
    for sample in report.samples:
        cells = [
            percent(getattr(side, level)) if side.refusal is None else side.refusal
            for level in LEVELS
            for side in (sample.a, sample.b)
        ]
        table.add_row(number(sample.leverage), *cells)
    return table
