"""The verdicts of a replay: of decisions, of the intake, of the context, or with a user's own engine."""

from collections.abc import Iterator

from msgspec import Struct

from exitbrain.application.replay.decisions import Drift, RegisterFinding, ReplayReport
from exitbrain.application.replay.engines import EngineReport, Spread
from exitbrain.domain.levels.levels import LEVELS
from exitbrain.infrastructure.presentation.drifts import FirstDrift, first_drift_of
from exitbrain.infrastructure.presentation.table import ShownTable


class FailedBeforeAndAfter(Struct):
    """How many decisions failed each guard as recorded, and how many with the levels of another engine."""

    before: dict[str, int]
    after: dict[str, int]


class ReplayVerdicts(Struct, omit_defaults=True):
    """The verdicts of a replay.

    `receipts` and `receipts_exact` are present only with `--from-receipts`, `register` (errors in the policy register)
    only with `--context`; `engine`, `failed` (decisions without levels from it), `fields`, `harvest_changed` and
    `guards` only with `--engine`.
    """

    decisions: int
    exact: int
    drift: int
    unknown_policy: int
    unreadable: int
    first_drift: FirstDrift | None
    seconds: float
    receipts: int | None = None
    receipts_exact: int | None = None
    engine: str | None = None
    failed: int | None = None
    fields: dict[str, Spread] | None = None
    harvest_changed: int | None = None
    guards: FailedBeforeAndAfter | None = None
    register: tuple[RegisterFinding, ...] | None = None


def replay_report(total: ReplayReport, seconds: float, *, context: bool) -> ReplayVerdicts:
    """Return verdicts for `--json`."""
    verdicts = _verdicts(total, seconds)
    verdicts.receipts, verdicts.receipts_exact = total.receipts, total.receipts_exact
    verdicts.register = total.register_findings if context else None
    return verdicts


def engine_report(engine: str, found: EngineReport, seconds: float) -> ReplayVerdicts:
    """Return the replay with an engine for `--json`."""
    verdicts = _verdicts(found, seconds)
    verdicts.engine, verdicts.failed, verdicts.fields = engine, found.failed, found.fields
    verdicts.harvest_changed = found.harvest_changed
    verdicts.guards = FailedBeforeAndAfter(
        {name: before for name, (before, _) in found.guards.items()},
        {name: after for name, (_, after) in found.guards.items()},
    )
    return verdicts


def _verdicts(found: ReplayReport | EngineReport, seconds: float) -> ReplayVerdicts:
    return ReplayVerdicts(
        decisions=found.decisions,
        exact=found.exact,
        drift=found.drift,
        unknown_policy=found.unknown_policy,
        unreadable=found.unreadable,
        first_drift=first_drift_of(found.first_drift),
        seconds=round(seconds, 6),
    )


def replay_text(what: str, report: ReplayReport) -> Iterator[str]:
    """Yield the verdict of one kind of replay, and the first difference."""
    receipts = (
        "" if report.receipts is None else f"{report.receipts_exact} of {report.receipts} receipts and "
    )
    verdict = "EXACT" if report.all_exact else "NOT EXACT"
    yield f"{what}: {verdict}, {receipts}{report.exact} of {report.decisions} decisions bit for bit."
    if report.register_findings:
        yield f"  the policy register is not in order, {len(report.register_findings)} found:"
        yield from (f"    {finding}" for finding in report.register_findings)
    if not report.all_exact:
        yield (
            f"  {report.drift} drift, {report.unknown_policy} of an unknown policy, "
            f"{report.unreadable} unreadable"
        )
    if report.first_drift is not None:
        yield from _first(report.first_drift)


def _first(drift: Drift) -> Iterator[str]:
    yield f"  first: {drift.subject}, {drift.field}"
    if drift.recorded_by:
        yield f"    engine {drift.recorded_by} had computed it, {drift.recomputed_by} computed it again"
    if drift.recomputed:
        yield f"    recorded   {drift.recorded}"
        yield f"    recomputed {drift.recomputed}"
    else:  # no engine is named, since the record cannot be read
        yield f"    {drift.recorded}"


def engine_text(engine: str, found: EngineReport) -> Iterator[ShownTable | str]:
    """Yield the verdict on an engine, and how far its levels are from the record."""
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


_DROPPED = {"5 %": 1, "95 %": 1, "Median": 2}
"""Where there is no room for every figure."""


def _differences(found: EngineReport) -> ShownTable:
    table = ShownTable("Engine minus record; levels in percent of the entry price")
    table.text("Field")
    for heading in ("Changed", "Lowest", "5 %", "Median", "Mean", "95 %", "Highest"):
        table.number(heading, drop=_DROPPED.get(heading, 0))
    for name, one in found.fields.items():
        scale = 100.0 if name in LEVELS else 1.0
        values = (one.min, one.p05, one.median, one.mean, one.p95, one.max)
        table.row(name.upper(), str(one.changed), *(f"{value * scale:.4g}" for value in values))
    return table
