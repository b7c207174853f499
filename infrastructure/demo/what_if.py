"""What v3.6 would have brought on the positions recorded under v3.5: walked on synthetic candles, judged, reported."""

from collections import Counter
from collections.abc import Sequence
from decimal import Context, Decimal, Inexact
from html.parser import HTMLParser
from pathlib import Path

from exitbrain.application.counterfactual import RowCounterfactual
from exitbrain.application.outcome_plans import LeftOutBecause
from exitbrain.application.outcome_results import Found, Question, find_outcomes
from exitbrain.application.outcomes import PositionOutcome, Walked
from exitbrain.application.ports.decision_log import DecisionLog
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recorded_positions import recorded_positions
from exitbrain.application.simulation import Terms
from exitbrain.domain.judgement.attribution import Attribution, Pair
from exitbrain.domain.judgement.interval import Interval
from exitbrain.domain.judgement.verdict import Verdict
from exitbrain.domain.policy import Policy
from exitbrain.domain.walk.outcome import History, LegLevel
from exitbrain.infrastructure.demo.candles import SyntheticMarket, SyntheticSymbol
from exitbrain.infrastructure.demo.claims import claim
from exitbrain.infrastructure.demo.results import AskedWhatIf, StoppedSoon, WalkedPolicy
from exitbrain.infrastructure.lab.judges import Statistics
from exitbrain.infrastructure.lab.report.changes import Changes

SYNTHETIC = "Synthetic messages and candles of exitbrain demo: nothing in them was ever traded."
"""What every page of the demonstration says, and no other does."""

SOON_MINUTES = 5
DRAWN_BY = "plotly"

_EXACT = Context(prec=2500, traps=[Inexact])


def ask(
    ledger: ExitLedger,
    decisions: DecisionLog,
    engine: LevelEngine,
    symbols: dict[str, SyntheticSymbol],
    policies: tuple[Policy, Policy],
    page: Path,
    commands: tuple[str, ...],
) -> AskedWhatIf:
    """Walk the recorded positions under the policy that was in force and under another; write the page of it."""
    recorded, candidate = policies
    changes = Changes()
    known, snapshots = Policies(ledger), Snapshots(ledger)
    rows = RowCounterfactual(known, snapshots, decisions, engine)
    answered = rows.run([candidate], pairs=changes.take)
    question = Question(None, [candidate], Terms(candidate))
    market, positions = SyntheticMarket(symbols), recorded_positions(ledger)
    found = find_outcomes(known, snapshots, engine, market, question, positions, Statistics())
    check(found)
    try:
        # Only here: it brings plotly, which is not in every environment.
        from exitbrain.infrastructure.lab.report.recorded import write_report  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != DRAWN_BY:
            raise
        return _asked(found, recorded, None, commands)
    write_report(page, ledger, engine, answered.answers[0], changes, found, notes=(SYNTHETIC,))
    check_page(page.read_text(encoding="utf-8"))
    return _asked(found, recorded, page.name, commands)


def check(found: Found) -> None:
    """Check what is claimed of the outcomes; raises ClaimFalse."""
    because = {each.because for each in found.left_out}
    claim(not found.panel.off_market, "every recorded price lies within the candle of its time")
    known = {LeftOutBecause.REFUSED, LeftOutBecause.NOT_PLACEABLE}
    claim(because <= known, "only what is refused or too small to be closed is not walked")
    claim(found.positions > 0, "positions are walked on the synthetic candles")
    sums, totals = found.panel.totals[0].everything, found.panel.totals[0]
    for lower, upper in (
        (sums.baseline.lower, sums.baseline.upper),
        (sums.pessimistic, sums.optimistic),
        (sums.lower, sums.upper),
    ):
        claim(lower <= upper, "the lower bound of every total is not above the upper one")
    pairs = [outcome.differences[0] for outcome in found.outcomes]
    for split, both in (
        (totals.lower, [pair.lowest for pair in pairs]),
        (totals.upper, [pair.highest for pair in pairs]),
    ):
        claim(split.total == _exact_difference(both), "the effects sum to the difference in every digit")
    judged = found.judgement
    claim(judged is not None and judged.verdict is Verdict.INCONCLUSIVE, "a single day proves nothing")


def check_page(text: str) -> None:
    """Check what is claimed of the page; raises ClaimFalse."""
    loaded = _Loaded()
    loaded.feed(text)
    claim(not loaded.found, "the report loads nothing from elsewhere")
    claim(SYNTHETIC in text, "the report says that its positions are synthetic")


def is_ours(page: Path) -> bool:
    """Return whether a file is a report of the demonstration, which may be replaced by the next one."""
    return SYNTHETIC.encode() in page.read_bytes()


class _Loaded(HTMLParser):
    """Finds what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "data", "action") and not (value or "").startswith("#"):
                self.found.append(f"{tag} {name}={value}")


def _asked(found: Found, recorded: Policy, page: str | None, commands: tuple[str, ...]) -> AskedWhatIf:
    totals, candidate = found.panel.totals[0], found.question.candidates[0]
    sums = totals.everything
    assert found.judgement is not None  # one policy was asked about
    before = _stopped_soon(found.outcomes, [one.baseline for one in found.outcomes])
    after = _stopped_soon(found.outcomes, [one.candidates[0] for one in found.outcomes])
    claim(before.pessimistic > after.pessimistic, f"{recorded.name} loses more positions to its stop at once")
    return AskedWhatIf(
        positions=found.positions,
        left_out=dict(Counter(each.because.value for each in found.left_out)),
        ambiguous=totals.ambiguous,
        before=WalkedPolicy(recorded.name, sums.baseline, before),
        after=WalkedPolicy(candidate.name, Interval(sums.pessimistic, sums.optimistic), after),
        difference=Interval(sums.lower, sums.upper),
        lower=_effects(totals.lower),
        upper=_effects(totals.upper),
        judgement=found.judgement,
        report=page,
        commands=commands,
    )


def _effects(split: Attribution) -> dict[str, Decimal]:
    names = ("levels", "harvest", "liquidation", "cost", "funding", "total")
    return {name: getattr(split, name) for name in names}


def _stopped_soon(outcomes: Sequence[PositionOutcome], walked: Sequence[Walked]) -> StoppedSoon:
    pessimistic = optimistic = 0
    for outcome, one in zip(outcomes, walked, strict=True):
        until_ms = one.plan.givens.opened_at_ms + SOON_MINUTES * 60_000
        interval_ms = outcome.market.candles.interval_ms
        pessimistic += _is_stopped(one.walk.pessimistic, until_ms - interval_ms)
        optimistic += _is_stopped(one.walk.optimistic, until_ms - interval_ms)
    return StoppedSoon(SOON_MINUTES, pessimistic, optimistic)


def _is_stopped(history: History, last_ms: int) -> bool:
    """Return whether the stop closed what was open in a candle that opens at a time or before."""
    last = history.legs[-1]
    return last.level is LegLevel.SL and last.at_ms <= last_ms


def _exact_difference(pairs: Sequence[Pair]) -> Decimal:
    total = Decimal(0)
    for baseline, candidate in pairs:
        total = _EXACT.add(total, _EXACT.subtract(Decimal(candidate.net), Decimal(baseline.net)))
    return total
