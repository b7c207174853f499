"""The command `whatif`: what other policies would have decided on the recorded decisions."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Annotated, cast

from typer import Option

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.queries.lookup import NotFound
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.application.whatif.decisions import Counterfactual, Pair, WhatIf
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.assignments import check_once
from exitbrain.infrastructure.cli.engines import engine_for, own_engine, speaking_aside
from exitbrain.infrastructure.cli.errors import FINE, FOUND, CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.grid import POLICIES_MAX, check_percents, grid_of
from exitbrain.infrastructure.cli.on_candles import market_flags, on_candles
from exitbrain.infrastructure.cli.options import (
    BareBreakEven,
    CloseFlags,
    Cluster,
    EngineUnit,
    Json,
    OfSymbol,
    Since,
    Store,
    TableFlags,
    Until,
    WalkFlags,
    Wide,
    flag,
    takes_flags,
    verbs,
)
from exitbrain.infrastructure.cli.store import OpenStore, reading, visible_to_workers
from exitbrain.infrastructure.lab.counterfactual_lane import Asked, CounterfactualRequest, Lane, NoColumns
from exitbrain.infrastructure.lab.pairs_file import pairs_file
from exitbrain.infrastructure.lab.reports.changes import Changes
from exitbrain.infrastructure.presentation.whatif import answer_of, whatif_report, whatif_text

LANES = ("row", "columnar")

Pairs = Callable[[Pair], None]

verb = verbs()


@verb.command(
    cls=BareBreakEven,
    epilog="Examples: exitbrain whatif --policy v3.6; "
    "exitbrain whatif --policy v3.6 --sweep base_sl=0.002:0.01:0.001 --json",
)
@takes_flags(WalkFlags, CloseFlags, TableFlags)
def whatif(
    given: WalkFlags,
    closes: CloseFlags,
    table: TableFlags,
    policies: Annotated[
        list[str] | None,
        flag(
            "P",
            "The policy to ask: of the store, or shipped, or your own engine foreign:MODULE:CLASS; "
            "several are a family.",
            "--policy",
        ),
    ] = None,
    unit: EngineUnit = None,
    settings: Annotated[
        list[str] | None,
        flag("NAME=VALUE", "With this parameter instead; can be given several times.", "--set"),
    ] = None,
    sweeps: Annotated[
        list[str] | None,
        flag(
            "NAME=FROM:TO:STEP",
            "With each of these values; several make the grid of all combinations.",
            "--sweep",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    lane: Annotated[str | None, flag("LANE", "row or columnar; default whichever is faster.")] = None,
    report: Annotated[
        str | None,
        flag("FILE", "Write a report, one HTML page, to this file; of several policies it needs --candles."),
    ] = None,
    cluster: Cluster = None,
    export: Annotated[
        str | None, flag("FILE", "Write every decision before and after to a file .csv or .parquet.")
    ] = None,
    candles: Annotated[
        str | None,
        flag("PATH", "Walk the recorded positions on these candles, and judge what that would have brought."),
    ] = None,
    baseline: Annotated[
        str | None, flag("P", "Compare with this policy on candles; default what was recorded.")
    ] = None,
    seed: Annotated[int, Option(metavar="N", help="Where resampling for the judgement begins.")] = 1,
    store: Store = None,
    wide: Wide = False,
    as_json: Json = False,
) -> int:
    """Ask what another policy would have said on the recorded decisions, and on candles what it would have brought.

    Exit code 1 with --strict, when a position or market data had to be left out.
    """
    names, typed = policies or [], [*(settings or []), *(sweeps or [])]
    family = len(names) > 1 or bool(sweeps)
    _check(names, sweeps, lane, cluster, {"--export": export, "--report": report}, candles)
    market = market_flags(candles, baseline, seed, given, closes, table)
    changes = grid_of(settings or [], sweeps or [])
    selection = selection_of(since, until, symbol)
    shown = None if report is None or family else Changes()
    with reading(store, "asking") as store_read, _writing(export) as exported, speaking_aside():
        variants = _variants(names, changes, store_read.ledger, unit)
        for base, _ in variants[:: len(changes)]:
            check_percents(base, typed)
        candidates = [variant_of(base, each) for base, each in variants]
        pairs = exported if shown is None else _both(shown.take, exported)
        compared = None if baseline is None else _named(baseline, store_read.ledger)
        with on_candles(market, store_read, candidates, compared, family=family) as results_of:
            began_s = perf_counter()
            asked = _ask(store_read, candidates, cast(Lane | None, lane), pairs, selection, cluster)
            seconds = perf_counter() - began_s
            _check_any(asked.counterfactual, store_read.name, selected=selection != EVERYTHING)
            found = results_of(selection)
        if report is not None:
            _write_page(report, store_read, asked.counterfactual.answers[0], shown, found)
    asked_of = zip(variants, asked.counterfactual.answers, strict=True)
    answers = [answer_of(base.name, each, answer) for (base, each), answer in asked_of]
    if as_json:
        printed = whatif_report(answers, asked.counterfactual, found, asked.lane, seconds, family=family)
        printed.table = table.table
        output.emit(printed)
    else:
        text = whatif_text(answers, asked.counterfactual, found, family=family)
        output.show(*text, f"{store_read.name}, {asked.lane} lane, {seconds:.2f} s", wide=wide)
        if export is not None:
            output.say(f"{answers[0].decisions} decisions written to {export}")
        if table.table is not None:
            output.say(f"Table of outcomes: {table.table}")
    left_out = found is not None and (found.left_out or found.data_left_out)
    return FOUND if given.strict and left_out else FINE


def _check(
    names: Sequence[str],
    sweeps: Sequence[str] | None,
    lane: str | None,
    cluster: str | None,
    files: dict[str, str | None],
    candles: str | None,
) -> None:
    if lane not in (None, *LANES):
        raise WrongUsage(f"--lane is {lane!r}; allowed: {', '.join(LANES)}")
    for option, file in files.items():
        tells_of_family = option == "--report" and candles is not None
        if file is not None and (sweeps or len(names) > 1) and not tells_of_family:
            more = "leave out --sweep" if sweeps else f"--policy is given {len(names)} times"
            raise WrongUsage(f"{option} tells of single decisions, so it takes one policy; {more}")
        if cluster is not None and (lane == "row" or file is not None):
            raise WrongUsage(f"--cluster asks in columns; --lane row and {option} ask row by row")


def _variants(
    names: Sequence[str], changes: Sequence[dict[str, float]], ledger: ExitLedger, unit: str | None
) -> list[tuple[Policy, dict[str, float]]]:
    """Return every named policy with every set of changes; raises WrongUsage and UnknownPolicy."""
    if not names:
        raise WrongUsage(
            f"--policy is missing; allowed: {', '.join(_known(ledger))} or {FOREIGN}MODULE:CLASS"
        )
    check_once(names, "--policy")
    if len(names) * len(changes) > POLICIES_MAX:
        raise WrongUsage(
            f"{len(names)} policies with {len(changes):,} sets of changes each; allowed: up to {POLICIES_MAX:,} in one run"
        )
    own = [name.startswith(FOREIGN) for name in names]
    units = [unit if is_own or not any(own) else None for is_own in own]
    bases = [_named(name, ledger, given) for name, given in zip(names, units, strict=True)]
    return [(base, each) for base in bases for each in changes]


def _named(name: str, ledger: ExitLedger, unit: str | None = None) -> Policy:
    """Return a policy of the store, or else one that this version ships, or a foreign engine; raises UnknownPolicy."""
    if own := own_engine(name, unit):
        return own
    register = ledger.register()
    if name not in register.policies and name in SHIPPED:
        return SHIPPED[name]
    return register.named(name).policy


def _known(ledger: ExitLedger) -> list[str]:
    return list(dict.fromkeys((*ledger.register().policies, *SHIPPED)))


def _writing(export: str | None) -> AbstractContextManager[Pairs | None]:
    return nullcontext() if export is None else pairs_file(export)


def _both(first: Pairs, second: Pairs | None) -> Pairs:
    """Return what hands a pair to the one, and to the other if there is one."""

    def take(pair: Pair) -> None:
        first(pair)
        if second is not None:
            second(pair)

    return take


def _ask(
    store_read: OpenStore,
    policies: list[Policy],
    lane: Lane | None,
    pairs: Pairs | None,
    selection: Selection,
    cluster: str | None,
) -> Asked:
    container = store_read.container

    def progress(position: int, answers: int) -> None:
        store_read.work.reached(position, count=answers, unit="answers")

    engine = engine_for(policies, container.engine())
    request = CounterfactualRequest(
        store_read.ledger,
        container.policies(),
        container.snapshots(),
        container.decisions(),
        engine,
        container.settings().mirror_folder,
    )
    try:
        if cluster is None:
            return request.run(policies, selection, lane=lane, progress=progress, pairs=pairs)
        from exitbrain.infrastructure.cli.cluster import on_named_cluster  # noqa: PLC0415 - an extra

        with on_named_cluster(cluster) as on:
            store = visible_to_workers(container.settings().store)
            return request.run(policies, selection, lane="columnar", progress=progress, on=on, store=store)
    except NoColumns as why:
        raise CanNotGoOn(f"--lane columnar cannot be taken: {why}") from why


def _check_any(found: Counterfactual, store: str, *, selected: bool) -> None:
    if found.answers[0].decisions:
        return
    left_out = found.left_out
    left = left_out.unreadable + left_out.unknown_policy + left_out.missing_snapshot
    if left:
        raise NotFound(f"{store}: nothing can be said about any decision, {left} cannot be read or judged")
    raise NotFound(
        f"{store} has no decisions{' of that selection' if selected else ''}: nothing to ask about"
    )


def _write_page(
    path: str,
    store_read: OpenStore,
    answer: WhatIf,
    changes: Changes | None,
    results: OutcomeResults | None,
) -> None:
    """Write the page of one policy, whose changes are given, or of a family on candles."""
    from exitbrain.infrastructure.lab.reports.family import write_family  # noqa: PLC0415 - brings plotly
    from exitbrain.infrastructure.lab.reports.recorded import write_report  # noqa: PLC0415 - brings plotly

    if changes is not None:
        engine = engine_for([answer.policy], store_read.container.engine())
        write_report(Path(path), store_read.ledger, engine, answer, changes, results)
    elif results is not None and results.family_evidence is not None:
        write_family(Path(path), results, results.family_evidence)
    output.say(f"Report: {path}")
