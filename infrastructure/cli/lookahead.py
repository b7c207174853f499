"""The command `lab lookahead`: everything after t is perturbed, and nothing decided by then may move."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from exitbrain.application.lookahead.engines import Ask, EngineCheck
from exitbrain.application.lookahead.findings import Finding, PolicyVerdict
from exitbrain.application.lookahead.history import history_of
from exitbrain.application.lookahead.record import RecordCheck
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.formulas.registry import SHIPPED
from exitbrain.domain.policy import FOREIGN, Policy
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.engines import find_in_working_folder, policy_of, speaking_aside
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.engine.under_test import WatchedEngineOfPolicy
from exitbrain.infrastructure.paper.ledger import InMemoryLedger
from exitbrain.infrastructure.wire.translator import WireTranslator

CUTS_MAX, MESSAGES_MAX = 1000, 1_000_000
"""More moments or messages would take days."""

CLEAN = "CLEAN"


@dataclass(frozen=True, slots=True)
class _Tested:
    """What was tested on, in words, and what was found."""

    source: str
    messages: int
    decisions: int
    verdicts: list[PolicyVerdict]


def lookahead(
    names: Sequence[str], *, unit: str | None, store: str | None, cuts: int, messages: int, as_json: bool
) -> int:
    """Test policies; one whose decisions move is a finding."""
    _check("--cuts", cuts, CUTS_MAX)
    _check("--messages", messages, MESSAGES_MAX)
    with speaking_aside():
        tested = _on_store(names, unit, store, cuts, messages)
    if as_json:
        output.emit(_report_of(tested, cuts))
    else:
        output.show(*_text(tested, cuts))
    return FINE if all(verdict.clean for verdict in tested.verdicts) else FOUND


def _on_store(names: Sequence[str], unit: str | None, url: str | None, cuts: int, messages: int) -> _Tested:
    verdicts = []
    with reading(url, "perturbing") as store_read:
        history = history_of(store_read.ledger, messages)
        if not history.messages:
            raise WrongUsage(f"{store_read.name} holds no messages: there is nothing to perturb")
        known = {name: one.policy for name, one in store_read.ledger.register().policies.items()}
        policies = _policies(names, unit, known)
        settings = store_read.container.settings()
        head = store_read.ledger.head()
        for number, policy in enumerate(policies):
            engine = WatchedEngineOfPolicy(policy, _files_of(settings.store))
            verdict = PolicyVerdict(policy.name)
            asks = [_under(policy, ask) for ask in history.asks]
            EngineCheck(policy, engine, asks, cuts=cuts).run(verdict)
            store_read.work.reached(head * (2 * number + 1) // (2 * len(policies)))
            RecordCheck(
                policy,
                engine.new,
                history.messages,
                cuts=cuts,
                new_ledger=InMemoryLedger,
                translator=WireTranslator(),
                instruments=history.instruments,
                settings=settings.decisions,
            ).run(verdict)
            store_read.work.reached(head * (number + 1) // len(policies))
            verdict.when_loaded = engine.when_loaded
            verdicts.append(verdict)
    return _Tested(store_read.name, len(history.messages), len(history.asks), verdicts)


def _policies(names: Sequence[str], unit: str | None, known: dict[str, Policy]) -> list[Policy]:
    every = {**SHIPPED, **known}
    if unit is not None and not any(name.startswith(FOREIGN) for name in names):
        raise WrongUsage(f"--unit says how to read an engine of your own, --policy {FOREIGN}MODULE:CLASS")
    policies = []
    for name in names or every:
        if name.startswith(FOREIGN):
            find_in_working_folder()
            policies.append(policy_of(name, unit))
        elif name in every:
            policies.append(every[name])
        else:
            raise UnknownPolicy(name, (*every, f"{FOREIGN}MODULE:CLASS"))
    return policies


def _under(policy: Policy, ask: Ask) -> Ask:
    """Return a decision with the bases of a policy."""
    base_tp, base_sl = policy.parameters["base_tp"], policy.parameters["base_sl"]
    return replace(ask, inputs=replace(ask.inputs, base_tp=base_tp, base_sl=base_sl))


def _files_of(store: str) -> list[Path]:
    """Return the files of a store on this machine."""
    if not store.startswith("sqlite:///"):
        return []
    path = Path(store.removeprefix("sqlite:///"))
    return [path, path.with_name(f"{path.name}-wal")]


def _check(flag: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidValue(flag, value, f"1 to {most}")


def _name_of(verdict: PolicyVerdict) -> str:
    """Return the gravest of what was found."""
    found = {moved.finding for moved in verdict.moved}
    return next((finding.value for finding in Finding if finding in found), CLEAN)


def _report_of(tested: _Tested, cuts: int) -> reports.LookaheadReport:
    return reports.LookaheadReport(
        source=tested.source,
        messages=tested.messages,
        decisions=tested.decisions,
        cuts=cuts,
        policies=[
            reports.LookaheadVerdict(
                policy=verdict.policy,
                verdict=_name_of(verdict),
                compared=verdict.compared,
                left_out=verdict.left_out,
                moved=[
                    reports.Moved(one.finding.value, one.subject, one.how, one.field, one.before, one.after)
                    for one in verdict.moved
                ],
                when_loaded=verdict.when_loaded,
            )
            for verdict in tested.verdicts
        ],
    )


def _text(tested: _Tested, cuts: int) -> Iterator[RenderableType]:
    what = f"{tested.messages} messages, {tested.decisions} decisions"
    yield f"Look-ahead test on {tested.source}: {what}, up to {cuts} moments"
    table = Table()
    table.add_column("Policy")
    table.add_column("Verdict")
    table.add_column("Comparisons", justify="right")
    for verdict in tested.verdicts:
        compared = sum(verdict.compared.values())
        table.add_row(verdict.policy, _name_of(verdict), f"{compared:,}")
    yield table
    for verdict in tested.verdicts:
        for one in verdict.moved:
            yield f"{verdict.policy}: {one.finding.value}, {one.subject}, {one.how}"
            yield f"  {one.field}: {one.before} → {one.after}"
        for why, count in verdict.left_out.items():
            yield f"{verdict.policy}: {count} moments left out, {why}"
        for opened in verdict.when_loaded:
            yield f"{verdict.policy}: {opened} when it is imported, which is not judged"
