"""Values are frozen structs; a dataclass is only what is filled step by step, and each of those is listed here."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, python_files

FILLED_STEP_BY_STEP = {
    "application/whatif/decisions.py": {"LeftOut"},  # counts, while decisions are asked
    "application/replay/engines.py": {"EngineReport"},  # counts, while decisions are replayed
    "application/recording/ingest_summary.py": {"IngestSummary"},  # counts, while batches are taken in
    "application/replay/intake.py": {"_Group"},  # grows with each entry of its transaction
    "application/live/place.py": {"_Ahead"},  # counts, while a group is read backwards
    "application/live/publishing.py": {"_Progress"},  # moves with every page that is published
    "application/live/supervisor.py": {"LoopState"},  # changes with every step of a loop
    "application/lookahead/findings.py": {"PolicyVerdict"},  # collects what checks find
    "application/lookahead/history.py": {"RecordExcerpt"},  # grows while the log is read
    "application/queries/lookup.py": {"FoundPosition"},  # learns of its end while the log is read
    "application/queries/lsf_history.py": {"LsfCounts"},  # counts, while changes are listed
    "application/whatif/results.py": {"OutcomeResults"},  # grows while outcomes come in
    "application/whatif/totals.py": {
        "CandidateSums",
        "CandidateTotals",
        "TradedSums",
    },  # sums, while outcomes come in
    "application/queries/recorded_positions.py": {"RecordedPosition"},  # grows while the log is read
    "application/replay/decisions.py": {"ReplayReport"},  # counts, while decisions are replayed
    "application/simulation/totals.py": {"BoundSums", "Totals"},  # sums, while walks come in
}


def classes(source: str) -> Iterator[ast.ClassDef]:
    """Yield every class of a module."""
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))


def dataclasses_of(source: str) -> set[str]:
    """Return the names of the dataclasses of a module."""
    return {
        found.name
        for found in classes(source)
        if any("dataclass" in ast.unparse(d) for d in found.decorator_list)
    }


def unfrozen_structs_of(source: str) -> set[str]:
    """Return the names of the structs of a module that can be changed in place."""
    return {
        found.name
        for found in classes(source)
        if any(ast.unparse(base) == "Struct" for base in found.bases)
        and not any(ast.unparse(keyword) == "frozen=True" for keyword in found.keywords)
    }


def test_dataclasses_are_only_what_is_filled_step_by_step() -> None:
    found = {
        str(file.relative_to(ROOT)): names
        for layer in ("domain", "application")
        for file in python_files(layer)
        if (names := dataclasses_of(file.read_text(encoding="utf-8")))
    }

    assert found == FILLED_STEP_BY_STEP


@pytest.mark.parametrize("layer", ["domain", "application"])
def test_every_struct_is_frozen(layer: str) -> None:
    found = {
        str(file.relative_to(ROOT)): unfrozen_structs_of(file.read_text(encoding="utf-8"))
        for file in python_files(layer)
    }

    assert {file: names for file, names in found.items() if names} == {}


def test_an_unfrozen_struct_and_a_dataclass_are_noticed() -> None:
    source = "class Leg(Struct):\n    x: int\n@dataclass(slots=True)\nclass Sums:\n    x: int\n"

    assert unfrozen_structs_of(source) == {"Leg"}
    assert dataclasses_of(source) == {"Sums"}
