"""The command `whatif`: what other policies would have said on the recorded decisions."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from time import perf_counter
from typing import cast

from exitbrain.application.counterfactual import Counterfactual, GuardCounts, LeftOut, Pair, WhatIf
from exitbrain.application.lookup import NotFound
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.recorded_positions import recorded_positions
from exitbrain.application.replay import EVERYTHING, Selection
from exitbrain.domain.formulas.registry import SHIPPED
from exitbrain.domain.formulas.variant import variant_of
from exitbrain.domain.guards import GUARDS
from exitbrain.domain.policy import FOREIGN, Policy
from exitbrain.infrastructure.cli import outcome_text, output, reports, whatif_tables
from exitbrain.infrastructure.cli.assignments import check_once
from exitbrain.infrastructure.cli.engines import engine_for, policy_of, speaking_aside
from exitbrain.infrastructure.cli.errors import FINE, CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.grid import POLICIES_MAX, grid_of
from exitbrain.infrastructure.cli.left_out import code_of
from exitbrain.infrastructure.cli.options import WalkFlags, flag_of
from exitbrain.infrastructure.cli.outcome_json import with_outcomes
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.store import Reading, reading, visible_to_workers
from exitbrain.infrastructure.cli.whatif_report import WhatIfReport
from exitbrain.infrastructure.counterfactual_lane import Asked, Asking, Lane, NoColumns
from exitbrain.infrastructure.lab.outcomes import Found, Question, find_outcomes
from exitbrain.infrastructure.pairs_file import pairs_file

LANES = ("row", "columnar")
MIRROR_TRUSTED = (
    "The mirror was trusted: its columns were not compared with the store; --lane row reads the store alone."
)


@dataclass(frozen=True, slots=True)
class MarketFlags:
    """Where candles lie, what candidates are compared with there, and how positions are walked."""

    candles: str
    baseline: str | None
    seed: int
    walk: WalkFlags


def market_flags(candles: str | None, baseline: str | None, seed: int, walk: WalkFlags) -> MarketFlags | None:
    """Return what is asked of market data, None where nothing is; raises WrongUsage."""
    if candles is not None:
        if seed < 0:
            raise WrongUsage(f"--seed is {seed}; allowed: 0 or more")
        return MarketFlags(candles, baseline, seed, walk)
    given = [] if baseline is None else ["--baseline"]
    given += [flag_of(field.name) for field in fields(walk) if getattr(walk, field.name) != field.default]
    if given:
        raise WrongUsage(f"{given[0]} is about positions on market data; give --candles too")
    return None


def whatif(
    *,
    names: Sequence[str],
    unit: str | None,
    settings: Sequence[str],
    sweeps: Sequence[str],
    since: str | None,
    until: str | None,
    symbol: str | None,
    lane: str | None,
    cluster: str | None,
    export: str | None,
    report: str | None,
    market: MarketFlags | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Report what one policy, or each of a family, would have changed, and on market data what that would have brought."""
    family = len(names) > 1 or bool(sweeps)
    if lane not in (None, *LANES):
        raise WrongUsage(f"--lane is {lane!r}; allowed: {', '.join(LANES)}")
    for flag, file in (("--export", export), ("--report", report)):
        if file is not None and family:
            more = "leave out --sweep" if sweeps else f"--policy is given {len(names)} times"
            raise WrongUsage(f"{flag} tells of single decisions, so it takes one policy; {more}")
        if cluster is not None and (lane == "row" or file is not None):
            raise WrongUsage(f"--cluster asks in columns; --lane row and {flag} ask row by row")
    changes = grid_of(settings, sweeps)
    selection = selection_of(since, until, symbol)
    shown = None if report is None else WhatIfReport(report)
    with reading(store, "asking") as store_read, _writing(export) as exported, speaking_aside():
        pairs = exported if shown is None else shown.beside(exported)
        family_of = _family(names, changes, store_read.ledger, unit)
        policies = [variant_of(base, each) for base, each in family_of]
        began_s = perf_counter()
        asked = _ask(store_read, policies, cast(Lane | None, lane), pairs, selection, cluster)
        seconds = perf_counter() - began_s
        _check_any(asked.counterfactual, store_read.name, selected=selection != EVERYTHING)
        found = None if market is None else _outcomes(store_read, policies, market, selection)
        if shown is not None:
            shown.write(asked.counterfactual.answers[0], found, store_read)
    given = zip(family_of, asked.counterfactual.answers, strict=True)
    answers = [answer_of(base.name, each, answer) for (base, each), answer in given]
    if as_json:
        printed = _report_of(answers, asked, seconds, family=family)
        output.emit(printed if found is None else with_outcomes(printed, found, family=family))
        return _code_of(found, market)
    tables = whatif_tables.family(answers) if family else whatif_tables.single(answers[0])
    output.show(
        *tables,
        *whatif_tables.left_out(asked.counterfactual.left_out),
        *(() if found is None else outcome_text.text_of(found, family=family)),
        *([MIRROR_TRUSTED] if asked.counterfactual.mirror_trusted else []),
        f"{store_read.name}, {asked.lane} lane, {seconds:.2f} s",
    )
    if export is not None:
        output.say(f"{answers[0].decisions} decisions written to {export}")
    return _code_of(found, market)


def _code_of(found: Found | None, market: MarketFlags | None) -> int:
    if found is None or market is None:
        return FINE
    return code_of(market.walk.strict, [*found.left_out, *found.data_left_out])


def _family(
    names: Sequence[str], changes: Sequence[dict[str, float]], ledger: ExitLedger, unit: str | None
) -> list[tuple[Policy, dict[str, float]]]:
    """Return every named policy with every set of changes; raises WrongUsage and UnknownPolicy."""
    check_once(names, "--policy")
    if len(names) * len(changes) > POLICIES_MAX:
        raise WrongUsage(
            f"{len(names)} policies with {len(changes):,} sets of changes each; allowed: up to {POLICIES_MAX:,} in one run"
        )
    own = [name.startswith(FOREIGN) for name in names]
    units = [unit if is_own or not any(own) else None for is_own in own]
    bases = [policy_named(name, ledger, given) for name, given in zip(names, units, strict=True)]
    return [(base, each) for base in bases for each in changes]


def policy_named(name: str, ledger: ExitLedger, unit: str | None = None) -> Policy:
    """Return a policy of the store, or else one that this version ships, or a foreign engine; raises UnknownPolicy."""
    if name.startswith(FOREIGN):
        return policy_of(name, unit)
    if unit is not None:
        raise WrongUsage(f"--unit says how to read an engine of your own, --policy {FOREIGN}MODULE:CLASS")
    register = ledger.register()
    if name not in register.policies and name in SHIPPED:
        return SHIPPED[name]
    return register.named(name).policy


def _outcomes(
    store_read: Reading, policies: Sequence[Policy], market: MarketFlags, selection: Selection
) -> Found:
    # Only here: it brings the libraries that read candle files.
    from exitbrain.infrastructure.cli.walk_flags import market_of, terms_of  # noqa: PLC0415 - an extra

    baseline = None if market.baseline is None else policy_named(market.baseline, store_read.ledger)
    question = Question(
        baseline=baseline,
        candidates=policies,
        terms=terms_of(market.walk, policies[0]),
        seed=market.seed,
        include_off_market=market.walk.include_off_market,
    )
    limits = store_read.container.settings().file_limits
    data = market_of(market.walk, market.candles, limits)
    asked = policies if baseline is None else [*policies, baseline]
    container = store_read.container
    engine = engine_for(asked, container.engine())
    positions = recorded_positions(store_read.ledger, selection, progress=store_read.work.reached)
    with Watched("walking", len(positions)) as work:

        def progress(walked: int) -> None:
            work.reached(walked, count=walked, unit="positions")

        found = find_outcomes(
            container.policies(), container.snapshots(), engine, data, question, positions, progress=progress
        )
    found.data_left_out, found.remarks = data.left_out, data.remarks
    return found


def answer_of(base: str, changes: dict[str, float], answer: WhatIf) -> reports.WhatIfAnswer:
    """Return what a policy would have changed in the form that is printed."""
    return reports.WhatIfAnswer(
        policy=base,
        parameters=changes,
        decisions=answer.decisions,
        changed=answer.changed,
        compared=answer.compared,
        refused=reports.BeforeAndAfter(answer.refused_before, answer.refused_after),
        fields={
            field: reports.FieldChange(change.changed, change.min, change.mean, change.max)
            for field, change in answer.fields.items()
        },
        guards=reports.GuardsBeforeAndAfter(_counts(answer.guards_before), _counts(answer.guards_after)),
        safe=reports.BeforeAndAfter(answer.safe_before, answer.safe_after),
        became_unsafe=answer.became_unsafe,
        became_safe=answer.became_safe,
    )


def _counts(guards: dict[str, GuardCounts]) -> dict[str, reports.GuardCounted]:
    return {
        name: reports.GuardCounted(guards[name].passed, guards[name].failed, guards[name].unknown)
        for name in GUARDS
    }


def _writing(export: str | None) -> AbstractContextManager[Callable[[Pair], None] | None]:
    return nullcontext() if export is None else pairs_file(export)


def _ask(
    store_read: Reading,
    policies: list[Policy],
    lane: Lane | None,
    pairs: Callable[[Pair], None] | None,
    selection: Selection,
    cluster: str | None,
) -> Asked:
    container = store_read.container

    def progress(position: int, answers: int) -> None:
        store_read.work.reached(position, count=answers, unit="answers")

    engine = engine_for(policies, container.engine())
    asking = Asking(
        store_read.ledger,
        container.policies(),
        container.snapshots(),
        container.decisions(),
        engine,
        container.settings().mirror_folder,
    )
    try:
        if cluster is None:
            return asking.run(policies, selection, lane=lane, progress=progress, pairs=pairs)
        from exitbrain.infrastructure.cli.cluster import on_named_cluster  # noqa: PLC0415 - an extra

        with on_named_cluster(cluster) as on:
            store = visible_to_workers(container.settings().store)
            return asking.run(policies, selection, lane="columnar", progress=progress, on=on, store=store)
    except NoColumns as why:
        raise CanNotGoOn(f"--lane columnar can not be taken: {why}") from why


def _check_any(found: Counterfactual, store: str, *, selected: bool) -> None:
    if found.answers[0].decisions:
        return
    left_out = found.left_out
    left = left_out.unreadable + left_out.unknown_policy + left_out.missing_snapshot
    if left:
        raise NotFound(f"{store}: nothing can be said about any decision, {left} can not be read or judged")
    raise NotFound(
        f"{store} has no decisions{' of that selection' if selected else ''}: nothing to ask about"
    )


def _report_of(
    answers: list[reports.WhatIfAnswer], asked: Asked, seconds: float, *, family: bool
) -> reports.WhatIfReport:
    left_out: LeftOut = asked.counterfactual.left_out
    common = reports.WhatIfReport(
        left_out=reports.LeftOutDecisions(
            left_out.unreadable, left_out.unknown_policy, left_out.missing_snapshot
        ),
        lane=asked.lane,
        mirror_trusted=asked.counterfactual.mirror_trusted,
        seconds=round(seconds, 6),
    )
    if family:
        common.policies = answers
        return common
    for name in reports.WhatIfAnswer.__struct_fields__:
        setattr(common, name, getattr(answers[0], name))
    return common
