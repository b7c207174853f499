"""The command `replay`: what was recorded, computed again, and the verdict."""

from collections.abc import Iterator
from time import perf_counter

from exitbrain.application.replay import Drift, ReplayReport, Selection
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.cli.store import Reading, reading
from exitbrain.infrastructure.parallel_replay import Processes, replay_in_parallel

DECISIONS, INTAKE, CONTEXT = "Replay of decisions", "Replay of the intake", "Audit of the context"


def replay(
    *,
    from_receipts: bool,
    context: bool,
    since: str | None,
    until: str | None,
    symbol: str | None,
    store: str | None,
    as_json: bool,
    engine: str | None,
    unit: str | None,
) -> int:
    """Run the replays asked for; anything that is not EXACT is a finding."""
    if engine is not None or unit is not None:
        from exitbrain.infrastructure.cli.engine_replaying import replay_with  # noqa: PLC0415 - start-up

        if from_receipts or context:
            raise WrongUsage("--engine computes recorded decisions; --from-receipts and --context do not")
        return replay_with(engine, unit, selection_of(since, until, symbol), store=store, as_json=as_json)
    selected = not (since is None and until is None and symbol is None)
    if selected and (from_receipts or context):
        raise WrongUsage(
            "--since, --until and --symbol select decisions; --from-receipts and --context need the whole log"
        )
    selection = selection_of(since, until, symbol)
    # An altered policy is what the audit of the context is there to name.
    with reading(store, "replaying", "inspect" if context else "read") as store_read:
        began_s = perf_counter()
        if from_receipts or context:
            done = dict(_whole_log(store_read, from_receipts=from_receipts, context=context))
        else:
            done = {DECISIONS: _decisions(store_read, selection)}
        seconds = perf_counter() - began_s
    total = _together(list(done.values()))
    if as_json:
        output.emit(_report_of(total, seconds, context=context))
    else:
        output.show(*_text(done, store_read.name, selected=selected, seconds=seconds))
    return FINE if total.clean else FOUND


def _whole_log(
    store_read: Reading, *, from_receipts: bool, context: bool
) -> Iterator[tuple[str, ReplayReport]]:
    container, progress = store_read.container, store_read.work.reached
    if from_receipts:
        yield INTAKE, container.intake_replay().run(progress=progress)
    if context:
        yield CONTEXT, container.context_audit().run(progress=progress)


def _decisions(store_read: Reading, selection: Selection) -> ReplayReport:
    container, ledger, progress = store_read.container, store_read.ledger, store_read.work.reached
    store, head = container.settings().store, ledger.head()
    processes = Processes.for_log(store, head)
    if processes is None:
        return container.decision_replay().run(selection, progress=progress)
    ledger.close()  # a forked process must not inherit it
    return replay_in_parallel(store, head, processes, selection, progress=progress)


def _together(done: list[ReplayReport]) -> ReplayReport:
    """Return the counts of all replays; only that of the intake counts receipts."""
    total = ReplayReport()
    for report in done:
        receipts, exact = report.receipts, report.receipts_exact
        before = (total.receipts, total.receipts_exact)
        total = total.plus(report)
        total.receipts, total.receipts_exact = before if receipts is None else (receipts, exact)
    return total


def first_drift_of(drift: Drift | None) -> reports.FirstDrift | None:
    """Return what a replay found first as it is printed."""
    if drift is None:
        return None
    return reports.FirstDrift(
        drift.subject,
        drift.field,
        drift.recorded,
        drift.recomputed,
        drift.recorded_by or None,
        drift.recomputed_by or None,
    )


def _report_of(total: ReplayReport, seconds: float, *, context: bool) -> reports.ReplayVerdicts:
    return reports.ReplayVerdicts(
        decisions=total.decisions,
        exact=total.exact,
        drift=total.drift,
        unknown_policy=total.unknown_policy,
        unreadable=total.unreadable,
        first_drift=first_drift_of(total.first_drift),
        seconds=round(seconds, 6),
        receipts=total.receipts,
        receipts_exact=total.receipts_exact,
        register=_register_of(total) if context else None,
    )


def _register_of(total: ReplayReport) -> list[reports.RegisterFinding]:
    return [reports.RegisterFinding(one.log_position, one.event, one.why) for one in total.register_findings]


def _text(done: dict[str, ReplayReport], name: str, *, selected: bool, seconds: float) -> Iterator[str]:
    for what, report in done.items():
        if report.clean and not (report.receipts or report.decisions):
            yield f"{name}: no decisions{' selected' if selected else ''}, nothing to replay."
            continue
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
            drift = report.first_drift
            yield f"  first: {drift.subject}, {drift.field}"
            if drift.recorded_by:
                yield f"    engine {drift.recorded_by} had computed it, {drift.recomputed_by} computed it again"
            if drift.recomputed:
                yield f"    recorded   {drift.recorded}"
                yield f"    recomputed {drift.recomputed}"
            else:  # nothing was, since the record can not be read
                yield f"    {drift.recorded}"
    yield f"{name}, {seconds:.2f} s"
