"""The command `replay`: recompute what was recorded and give the verdict."""

from collections.abc import Iterator
from itertools import chain
from time import perf_counter
from typing import Annotated

from typer import Option

from exitbrain.application.replay.decisions import ReplayReport, Selection
from exitbrain.application.replay.engines import EngineReplay
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import engine_of, speaking_aside, unit_of
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.options import Json, OfSymbol, Since, Store, Until, Wide, flag, verbs
from exitbrain.infrastructure.cli.store import OpenStore, reading
from exitbrain.infrastructure.presentation.replays import (
    engine_report,
    engine_text,
    replay_report,
    replay_text,
)

DECISIONS, INTAKE, CONTEXT = "Replay of decisions", "Replay of the intake", "Audit of the context"

verb = verbs()


@verb.command(epilog="Example: exitbrain replay --store sqlite:///t.db --from-receipts")
def replay(
    from_receipts: Annotated[
        bool, Option("--from-receipts", help="Start from the raw messages, not from the recorded inputs.")
    ] = False,
    context: Annotated[
        bool, Option("--context", help="Audit what decisions read: average PnL, policy, instrument snapshot.")
    ] = False,
    engine: Annotated[
        str | None,
        flag("E", "Compute with your own engine instead of the recorded formulas: foreign:MODULE:CLASS."),
    ] = None,
    unit: Annotated[
        str | None,
        flag("U", "Unit of your own engine, fraction or percent; default: the unit of each recorded policy."),
    ] = None,
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    store: Store = None,
    wide: Wide = False,
    as_json: Json = False,
) -> int:
    """Run the requested replays; anything that is not EXACT is a finding."""
    if engine is not None or unit is not None:
        if from_receipts or context:
            raise WrongUsage("--engine computes recorded decisions; --from-receipts and --context do not")
        return _with_engine(
            engine, unit, selection_of(since, until, symbol), store=store, as_json=as_json, wide=wide
        )
    selected = not (since is None and until is None and symbol is None)
    if selected and (from_receipts or context):
        raise WrongUsage(
            "--since, --until and --symbol select decisions; --from-receipts and --context need the whole log"
        )
    selection = selection_of(since, until, symbol)
    # The audit of the context exists to name an altered policy.
    with reading(store, "replaying", "inspect" if context else "read") as store_read:
        began_s = perf_counter()
        if from_receipts or context:
            done = dict(_whole_log(store_read, from_receipts=from_receipts, context=context))
        else:
            done = {DECISIONS: _decisions(store_read, selection)}
        seconds = perf_counter() - began_s
    total = _together(list(done.values()))
    text = _text(done, store_read.name, selected=selected, seconds=seconds)
    output.give(replay_report(total, seconds, context=context), text, as_json=as_json)
    return FINE if total.clean else FOUND


def _with_engine(
    engine: str | None,
    unit: str | None,
    selection: Selection,
    *,
    store: str | None,
    as_json: bool,
    wide: bool,
) -> int:
    """Replay with an engine; a decision that differs from the record is a finding."""
    if engine is None:
        raise WrongUsage("--unit says how to read the engine of --engine, which is missing")
    wanted = None if unit is None else unit_of(unit)
    with speaking_aside():
        loaded = engine_of(engine)
    with reading(store, f"replaying with {engine}") as store_read, speaking_aside():
        began_s = perf_counter()
        container = store_read.container
        replayed = EngineReplay(
            container.policies(), container.snapshots(), container.decisions(), loaded, engine, wanted
        )
        found = replayed.run(selection, progress=store_read.work.reached)
        seconds = perf_counter() - began_s
    text = chain(engine_text(engine, found), [f"{store_read.name}, {seconds:.2f} s"])
    output.give(engine_report(engine, found, seconds), text, as_json=as_json, wide=wide)
    return FINE if found.clean else FOUND


def _whole_log(
    store_read: OpenStore, *, from_receipts: bool, context: bool
) -> Iterator[tuple[str, ReplayReport]]:
    container, progress = store_read.container, store_read.work.reached
    if from_receipts:
        yield INTAKE, container.intake_replay().run(progress=progress)
    if context:
        yield CONTEXT, container.context_audit().run(progress=progress)


def _decisions(store_read: OpenStore, selection: Selection) -> ReplayReport:
    from exitbrain.infrastructure.event_store.parallel_replay import Processes, replay_in_parallel  # noqa: PLC0415 - start-up

    container, ledger, progress = store_read.container, store_read.ledger, store_read.work.reached
    store, head = container.settings().store, ledger.head()
    processes = Processes.for_log(store, head)
    if processes is None:
        return container.decision_replay().run(selection, progress=progress)
    ledger.close()  # a forked process must not inherit it
    return replay_in_parallel(store, head, processes, selection, progress=progress)


def _together(done: list[ReplayReport]) -> ReplayReport:
    """Return the counts of all replays; only the intake replay counts receipts."""
    total = ReplayReport()
    for report in done:
        receipts, exact = report.receipts, report.receipts_exact
        before = (total.receipts, total.receipts_exact)
        total = total.plus(report)
        total.receipts, total.receipts_exact = before if receipts is None else (receipts, exact)
    return total


def _text(done: dict[str, ReplayReport], name: str, *, selected: bool, seconds: float) -> Iterator[str]:
    for what, report in done.items():
        if report.clean and not (report.receipts or report.decisions):
            yield f"{name}: no decisions{' selected' if selected else ''}, nothing to replay."
        else:
            yield from replay_text(what, report)
    yield f"{name}, {seconds:.2f} s"
