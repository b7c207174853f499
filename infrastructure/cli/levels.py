"""The commands `levels` and `explain`: levels for given inputs or of a recorded decision, and how they came about."""

from exitbrain.application.explain import Explanation
from exitbrain.domain.decision import JudgedLevels
from exitbrain.domain.levels import Price, Triggers
from exitbrain.domain.values import Assumption, plain
from exitbrain.infrastructure.cli import output, reports, tables
from exitbrain.infrastructure.cli.given import explain_given
from exitbrain.infrastructure.cli.options import InputFlags
from exitbrain.infrastructure.wording import findings


def levels(given: InputFlags, *, as_json: bool) -> None:
    """Report the levels for given inputs."""
    found = explain_given(given)
    if as_json:
        output.emit(report_of(found.explanation, found.assumptions))
    else:
        output.show(
            *tables.levels(found.explanation), *tables.judgement(found.explanation, found.assumptions)
        )


def report_of(explanation: Explanation, assumptions: tuple[Assumption, ...]) -> reports.LevelsReport:
    """Return levels as they are printed with `--json`."""
    judged = explanation.levels
    raw = judged.raw
    refused = raw.refusal is not None
    return reports.LevelsReport(
        policy=explanation.policy.name,
        engine=explanation.engine,
        unit=explanation.policy.unit,
        lsf=raw.lsf,
        lsf_adjusted=raw.lsf_adjusted,
        pnl_factor=raw.pnl_factor,
        tp1=None if refused else raw.tp1,
        tp2=None if refused else raw.tp2,
        tp3=None if refused else raw.tp3,
        sl=None if refused else raw.sl,
        harvest=None if refused else list(raw.harvest),
        refusal=raw.refusal,
        floor=raw.floor,
        cap=raw.cap,
        binding=binding_of(judged),
        guards=guards_of(judged),
        assumptions=assumptions_of(assumptions),
        trigger_prices=prices_of(judged.triggers),
        slices=[
            reports.SliceToClose(part.level, plain(part.quantity), part.merged) for part in judged.slices
        ],
    )


def binding_of(judged: JudgedLevels) -> list[reports.Binding]:
    """Return what bound."""
    return [
        reports.Binding(bound.level, bound.constraint, bound.before, bound.after) for bound in judged.binding
    ]


def guards_of(judged: JudgedLevels) -> list[reports.Guard]:
    """Return what the guards found."""
    return [reports.Guard(name, state, detail) for name, state, detail in findings(judged.guards)]


def assumptions_of(assumptions: tuple[Assumption, ...]) -> list[reports.Assumed]:
    """Return what was assumed."""
    return [reports.Assumed(one.field, one.value, one.why) for one in assumptions]


def prices_of(triggers: Triggers[Price] | None) -> reports.Prices | None:
    """Return trigger prices as decimal strings."""
    if triggers is None:
        return None
    return reports.Prices(plain(triggers.tp1), plain(triggers.tp2), plain(triggers.tp3), plain(triggers.sl))
