"""The report of a family of policies on recorded positions: what each would have brought, and what is proven."""

from pathlib import Path

from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.domain.evidence.verdict import FamilyEvidence, Recommendation
from exitbrain.infrastructure.lab.reports.left_out import left_out_tables
from exitbrain.infrastructure.lab.reports.page import Card, Page, ReportTable, Section, write
from exitbrain.infrastructure.lab.reports.sections import BOUNDS
from exitbrain.infrastructure.presentation.closes import closes_text, traded_text
from exitbrain.infrastructure.presentation.evidence import (
    family_headings,
    family_rows,
    family_title,
    family_verdict,
    walk_forward_text,
)
from exitbrain.infrastructure.presentation.result_units import MEANING, between


def write_family(path: Path, results: OutcomeResults, judged: FamilyEvidence) -> None:
    """Write the report of a family as one HTML file."""
    write(family_page(results, judged), path)


def family_page(results: OutcomeResults, judged: FamilyEvidence) -> Page:
    """Return the report of a family."""
    walk_forward = tuple(line.strip() for line in walk_forward_text(results, judged))
    assumed = tuple(f"{each.field} {each.value}: {each.why}." for each in results.assumptions)
    return Page(
        family_title(results),
        _cards(results, judged),
        (walk_forward[0], *family_verdict(results, judged)),
        (
            Section(
                "The policies",
                (f"Net results, in {MEANING[results.question.unit]}.", BOUNDS),
                (_table(results, judged),),
            ),
            Section("Walk forward", walk_forward),
            Section("Recorded closes", (*closes_text(results), *traded_text(results))),
            Section("Left out and assumed", assumed, left_out_tables(results)),
        ),
    )


def _cards(results: OutcomeResults, judged: FamilyEvidence) -> tuple[Card, ...]:
    unit = results.question.unit
    totals = [each.everything for each in results.panel.totals]
    names = [each.name for each in results.question.candidates]
    best = max(range(len(names)), key=lambda place: (totals[place].lower, -place))
    adopted = sum(each.verdict is Recommendation.ADOPT for each in judged.policies)
    return (
        Card("Policies to adopt", str(adopted), f"of {len(names)}, judged one by one"),
        Card("Choosing from them", judged.chosen.verdict.value, judged.chosen.reason.value.replace("_", " ")),
        Card(
            "Highest lower bound",
            between(totals[best].lower, totals[best].upper, unit),
            f"difference of {names[best]}",
        ),
        Card("Positions", str(results.positions), f"against {results.question.baseline_name}"),
        Card("Left out", str(len(results.left_out)), "positions"),
    )


def _table(results: OutcomeResults, judged: FamilyEvidence) -> ReportTable:
    headings = tuple(family_headings(results))
    numbers = frozenset(range(1, len(headings) - 1))
    return ReportTable(headings, tuple(family_rows(results, judged)), numbers)
