"""The command `replay --engine`: what a user's own engine makes of the record."""

from collections.abc import Iterator
from time import perf_counter

from rich.console import RenderableType
from rich.table import Table

from exitbrain.application.engine_replay import EngineReplay, EngineReport
from exitbrain.application.replay import Selection
from exitbrain.domain.levels import LEVELS
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.engines import engine_of, speaking_aside, unit_of
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.replaying import first_drift_of
from exitbrain.infrastructure.cli.store import reading


def replay_with(
    engine: str | None, unit: str | None, selection: Selection, *, store: str | None, as_json: bool
) -> int:
    """Replay with an engine; a decision that does not come out as recorded is a finding."""
    if engine is None:
        raise WrongUsage("--unit says how to read the engine of --engine, and there is none")
    wanted = None if unit is None else unit_of(unit)
    with speaking_aside():
        loaded = engine_of(engine)
    with reading(store, f"replaying with {engine}") as store_read, speaking_aside():
        began_s = perf_counter()
        container = store_read.container
        replay = EngineReplay(
            container.policies(), container.snapshots(), container.decisions(), loaded, engine, wanted
        )
        report = replay.run(selection, progress=store_read.work.reached)
        seconds = perf_counter() - began_s
    if as_json:
        output.emit(_report_of(engine, report, seconds))
    else:
        output.show(*_text(engine, report), f"{store_read.name}, {seconds:.2f} s")
    return FINE if report.clean else FOUND


def _report_of(engine: str, found: EngineReport, seconds: float) -> reports.ReplayVerdicts:
    return reports.ReplayVerdicts(
        decisions=found.decisions,
        exact=found.exact,
        drift=found.drift,
        unknown_policy=found.unknown_policy,
        unreadable=found.unreadable,
        first_drift=first_drift_of(found.first_drift),
        seconds=round(seconds, 6),
        engine=engine,
        failed=found.failed,
        harvest_changed=found.harvest_changed,
        fields={
            name: reports.Spread(
                one.changed, one.lowest, one.low, one.median, one.mean, one.high, one.highest
            )
            for name, one in found.fields.items()
        },
        guards=reports.GuardCounts(
            {name: before for name, (before, _) in found.guards.items()},
            {name: after for name, (_, after) in found.guards.items()},
        ),
    )


def _text(engine: str, found: EngineReport) -> Iterator[RenderableType]:
    if not found.decisions:
        yield "No decisions selected, nothing to replay."
        return
    verdict = "EXACT" if found.clean else "NOT EXACT"
    yield f"{engine} on the recorded inputs: {verdict}, {found.exact} of {found.decisions} decisions bit for bit."
    if not found.clean:
        yield (
            f"  {found.drift} drift, {found.failed} without levels, "
            f"{found.unknown_policy} of an unknown policy, {found.unreadable} unreadable"
        )
    if found.first_drift is not None:
        drift = found.first_drift
        yield f"  first: {drift.subject}, {drift.field}"
        if drift.recorded_by:
            yield f"    computed by {drift.recorded_by} when it was recorded"
        yield f"    recorded {drift.recorded}"
        yield f"    engine   {drift.recomputed}"
    if any(one.changed for one in found.fields.values()):
        yield _differences(found)
    if found.harvest_changed:
        yield f"Harvest scheme: another one in {found.harvest_changed}"
    for name, (before, after) in found.guards.items():
        if before != after:
            yield f"{name}: failed by {before} as recorded, by {after} with the engine"


def _differences(found: EngineReport) -> Table:
    table = Table(title="Engine minus record; levels in percent of the entry price", title_justify="left")
    table.add_column("Field")
    for heading in ("Changed", "Lowest", "5 %", "Median", "Mean", "95 %", "Highest"):
        table.add_column(heading, justify="right")
    for name, one in found.fields.items():
        scale = 100.0 if name in LEVELS else 1.0
        values = (one.lowest, one.low, one.median, one.mean, one.high, one.highest)
        table.add_row(name.upper(), str(one.changed), *(f"{value * scale:.4g}" for value in values))
    return table
