"""The commands `policy list`, `policy show` and `policy diff`: list policies and compare two of them."""

from typing import Annotated

from typer import Argument

from exitbrain.application.recording.opening import shipped_register
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.policies.formulas.registry import compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import PolicyRegister, RegisteredPolicy
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import Json, Store, Wide, verbs
from exitbrain.infrastructure.cli.store import has_none, name_of, opened_with
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.library.given import level_inputs
from exitbrain.infrastructure.presentation.policies import (
    PolicyDiffReport,
    PolicyListReport,
    PolicyShowReport,
    Sample,
    SampledLevels,
    described,
    diff_text,
    differences_of,
    list_table,
    policy_text,
    sampled,
)
from exitbrain.infrastructure.settings import ENV_FILE, load_settings

SHIPPED = "shipped with this version"
SAMPLE_LEVERAGES = (1.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 125.0)

verb = verbs()


@verb.command("list", epilog="Example: exitbrain policy list --store sqlite:///t.db")
def list_policies(store: Store = None, wide: Wide = False, as_json: Json = False) -> None:
    """List the policies of a store, or those that this version ships."""
    source, register = _source(store)
    report = PolicyListReport(source, [described(one, register) for one in register.policies.values()])
    output.give(report, [list_table(report)], as_json=as_json, wide=wide)


@verb.command("show", epilog="Example: exitbrain policy show v3.6")
def show_policy(
    name: Annotated[
        str | None, Argument(metavar="NAME", help="Name of the policy.", show_default=False)
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show one policy with all its parameters."""
    source, register = _source(store)
    report = PolicyShowReport(source, described(_named(register, name, "NAME"), register))
    output.give(report, policy_text(report), as_json=as_json)


@verb.command("diff", epilog="Example: exitbrain policy diff v3.5-fraction v3.6")
def diff_policies(
    a: Annotated[str | None, Argument(metavar="A", help="One policy.", show_default=False)] = None,
    b: Annotated[str | None, Argument(metavar="B", help="The other.", show_default=False)] = None,
    store: Store = None,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Show what differs between two policies, and the levels of both at some leverages."""
    source, register = _source(store)
    one, other = _named(register, a, "A").policy, _named(register, b, "B").policy
    samples = [
        Sample(leverage, _sample(one, leverage), _sample(other, leverage)) for leverage in SAMPLE_LEVERAGES
    ]
    report = PolicyDiffReport(source, one.name, other.name, list(differences_of(one, other)), samples)
    output.give(report, diff_text(report), as_json=as_json, wide=wide)


def _source(url: str | None) -> tuple[str, PolicyRegister]:
    """Return the register of the named or default store, else the shipped one, with the name of its source."""
    settings = load_settings(env_file=ENV_FILE, store=url)
    if has_none(settings):
        return SHIPPED, shipped_register(SystemClock().now())
    with opened_with(settings) as container:
        return f"of {name_of(container)}", container.ledger().register()


def _named(register: PolicyRegister, name: str | None, argument: str) -> RegisteredPolicy:
    if name is None:
        raise WrongUsage(f"{argument} is missing; allowed: {', '.join(register.policies)}")
    return register.named(name)


def _sample(policy: Policy, leverage: float) -> SampledLevels:
    inputs = level_inputs(policy, None, DecisionSettings(), leverage=leverage)
    return sampled(policy, compute(policy, inputs))
