"""Words and phrases that a reader has to read twice, checked like spelling."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, product

PLAIN = {
    r"can not": "cannot",
    r"for ever": "forever",
    r"might have been": "may have been, or the fact itself",
    r"nobody interferes": "no other writer interferes",
    r"of normal life": "routine",
    r"nobody'?s fault": "an error in our own code",
    r"in vain": "without result",
    r"in no number": "left out of the figures",
    r"what (?:came|comes) of": "the result of",
    r"would be another": "would change",
    r"to be others": "to change",
    r"had it been": "if it had been",
    r"the cure": "v3.6",
    r"an old one a demand": "an existing store must already use it",
    r"tells? no time": "has no time",
    r"(?:that|which|what) is (?-i:none)": "that is not one, or is invalid",
    r"whoever it may be": "any",
    r"by and by": "gradually",
    r"as it were": "leave it out",
    r"utili[sz]e": "use",
    r"in order to": "to",
    r"thereof|whence|hence|hitherto|heretofore": "the plain word",
}
"""A phrase as a regular expression, and what to write."""

PINNED: dict[str, dict[str, str]] = {
    "infrastructure/wire/reading.py": {"can not": "the reason of an assumption, which is stored"},
    "application/engine_answer.py": {"can not": "the answer of an engine as a stored refusal shows it"},
    "docs/cli.md": {"can not": "the meaning of an exit code, which is pinned"},
    "docs/operations.md": {"can not": "the meaning of the same exit code"},
}
"""Files that may keep a phrase, each with the phrases and the reason: stored bytes, names and pinned text."""

STILL_STIFF: dict[str, set[str]] = {
    r"(?:that|which|what) is (?-i:none)": {
        "application/ports/dead_letters.py",
        "infrastructure/cli/errors.py",
        "infrastructure/cli/given.py",
        "infrastructure/cli/reports.py",
    },
    r"can not": {
        "README.md",
        "SECURITY.md",
        "application/dead_letters.py",
        "application/explain.py",
        "application/intake_replay.py",
        "application/live/supervisor.py",
        "application/live/worker.py",
        "application/lookahead/findings.py",
        "application/outcome_plans.py",
        "application/ports/dead_letters.py",
        "application/ports/decision_log.py",
        "application/ports/exit_ledger.py",
        "application/ports/level_engine.py",
        "application/ports/market.py",
        "application/ports/message_source.py",
        "application/ports/publisher.py",
        "application/ports/raw_log.py",
        "application/ports/reading_places.py",
        "application/register_audit.py",
        "application/replay.py",
        "application/simulation.py",
        "application/subject.py",
        "deploy/alerts.yml",
        "docs/adr/0009-one-event-per-claimed-key.md",
        "docs/adr/0018-foreign-engines-are-named-by-the-user.md",
        "docs/adr/0019-a-column-kernel-beside-the-row-walk.md",
        "docs/adr/0020-workers-take-turns.md",
        "docs/adr/0023-a-store-has-an-identity-and-epochs.md",
        "docs/adr/0026-a-url-with-two-readings-is-refused.md",
        "docs/adr/0027-who-reads-changes-nothing.md",
        "docs/adr/0028-writers-take-turns-on-an-advisory-lock.md",
        "docs/adr/0031-our-ledger-joins-the-transaction-of-a-host.md",
        "docs/adr/0032-what-a-run-goes-on-without.md",
        "docs/adr/0033-what-is-not-placed-is-not-judged-and-not-walked.md",
        "docs/adr/0037-which-names-and-results-count.md",
        "docs/adr/README.md",
        "docs/architecture.md",
        "docs/engines.md",
        "docs/formulas.md",
        "docs/glossary.md",
        "docs/integration.md",
        "docs/judgement.md",
        "docs/laboratory.md",
        "docs/lookahead.md",
        "docs/observability.md",
        "docs/reliability.md",
        "docs/replay.md",
        "docs/simulation.md",
        "docs/streams.md",
        "docs/whatif.md",
        "domain/checked_levels.py",
        "domain/errors.py",
        "domain/exit_plan.py",
        "domain/formulas/usable.py",
        "domain/judgement/resampling.py",
        "domain/liquidation.py",
        "domain/messages.py",
        "domain/policy_register.py",
        "domain/receipt.py",
        "domain/walk/fit.py",
        "domain/walk/order.py",
        "domain/walk/outcome.py",
        "infrastructure/cli/auditing.py",
        "infrastructure/cli/commands.py",
        "infrastructure/cli/dead_letters.py",
        "infrastructure/cli/demo.py",
        "infrastructure/cli/explaining.py",
        "infrastructure/cli/main.py",
        "infrastructure/cli/replaying.py",
        "infrastructure/cli/reports.py",
        "infrastructure/cli/store.py",
        "infrastructure/cli/whatif.py",
        "infrastructure/container.py",
        "infrastructure/counterfactual_lane.py",
        "infrastructure/demo/story.py",
        "infrastructure/engine/foreign.py",
        "infrastructure/event_store/joined.py",
        "infrastructure/event_store/ledger.py",
        "infrastructure/event_store/memory.py",
        "infrastructure/event_store/postgres.py",
        "infrastructure/event_store/postgres_address.py",
        "infrastructure/event_store/postgres_joined.py",
        "infrastructure/event_store/postgres_table.py",
        "infrastructure/event_store/sqlite_reading.py",
        "infrastructure/event_store/sqlite_schema.py",
        "infrastructure/event_store/startup.py",
        "infrastructure/event_store/stores.py",
        "infrastructure/exit_wording.py",
        "infrastructure/files/opened.py",
        "infrastructure/instruments/file.py",
        "infrastructure/lab/arrow_files.py",
        "infrastructure/lab/cluster.py",
        "infrastructure/lab/column_builder.py",
        "infrastructure/lab/columnar_counterfactual.py",
        "infrastructure/lab/csv_tables.py",
        "infrastructure/lab/formula_kernel.py",
        "infrastructure/lab/formula_rows.py",
        "infrastructure/lab/judgement.py",
        "infrastructure/lab/lookahead.py",
        "infrastructure/lab/market_files.py",
        "infrastructure/lab/market_names.py",
        "infrastructure/lab/positions.py",
        "infrastructure/lab/spread.py",
        "infrastructure/lab/spread_counterfactual.py",
        "infrastructure/lab/table_files.py",
        "infrastructure/library/arguments.py",
        "infrastructure/library/facade.py",
        "infrastructure/live/ending.py",
        "infrastructure/live/serving.py",
        "infrastructure/observation/health.py",
        "infrastructure/observation/journal.py",
        "infrastructure/observation/metric_families.py",
        "infrastructure/redis/address.py",
        "infrastructure/redis/connection.py",
        "infrastructure/redis/errors.py",
        "infrastructure/redis/first_look.py",
        "infrastructure/redis/key_types.py",
        "infrastructure/redis/place_scripts.py",
        "infrastructure/redis/places.py",
        "infrastructure/redis/rehearsal.py",
        "infrastructure/redis/scripts.py",
        "infrastructure/redis/source.py",
        "infrastructure/redis/stream_cursors.py",
        "infrastructure/secrets.py",
        "infrastructure/setting_files.py",
        "infrastructure/wire/activation.py",
        "infrastructure/wire/asked.py",
        "infrastructure/wire/envelope.py",
        "infrastructure/wire/flags.py",
        "infrastructure/wire/jsonl.py",
        "infrastructure/wire/paper.py",
        "infrastructure/wire/published_shapes.py",
        "infrastructure/wire/remaining.py",
        "infrastructure/wire/scalars.py",
        "infrastructure/wire/schemas/message_refused.json",
        "infrastructure/wire/shapes.py",
        "infrastructure/wire/translator.py",
        "infrastructure/wording.py",
        "infrastructure/written_files.py",
    },
    r"for ever": {"domain/claim.py"},
    r"in no number": {
        "application/outcome_totals.py",
        "infrastructure/cli/outcome_report.py",
        "infrastructure/cli/simulation_report.py",
        "infrastructure/demo/results.py",
        "infrastructure/lab/outcomes.py",
    },
    r"in vain": {"application/intake_replay.py"},
    r"nobody interferes": {"application/ports/live_recording.py", "application/recording.py"},
    r"nobody'?s fault": {"application/ports/live_recording.py"},
    r"of normal life": {"application/live/supervisor.py"},
    r"the cure": {"domain/formulas/lsf_3_6.py"},
    r"what (?:came|comes) of": {
        "infrastructure/cli/commands.py",
        "infrastructure/cli/outcome_json.py",
        "infrastructure/lab/outcomes.py",
    },
    r"would be another": {
        "README.md",
        "docs/cli.md",
        "infrastructure/cli/whatif_tables.py",
        "infrastructure/lab/sweep_kernel.py",
    },
}
"""Phrases that have to be rewritten, with their files. Never add one."""

_JOINED = re.compile(r"""["']\s*\n\s*[frb]*["']|\s*\n\s*(?:#|>|\|)?\s*""")


def pages() -> list[Path]:
    """Return the files whose text people read, the history of changes aside: what was said then stays."""
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.yml")]
    schemas = (ROOT / "infrastructure" / "wire" / "schemas").glob("*.json")
    found = {*texts, *schemas, *product().values()} - {ROOT / "CHANGELOG.md"}
    return sorted(file for file in found if not file.is_symlink())


def stiff_in(text: str) -> set[str]:
    """Return the phrases of the list that a text contains, also across the ends of lines."""
    joined = _JOINED.sub(lambda found: "" if found[0][0] in "\"'" else " ", text)
    return {phrase for phrase in PLAIN if re.search(rf"\b(?:{phrase})\b", joined, re.IGNORECASE)}


def test_texts_are_plain() -> None:
    found = defaultdict(set)
    for file in pages():
        name = str(file.relative_to(ROOT))
        for phrase in stiff_in(file.read_text(encoding="utf-8")) - PINNED.get(name, {}).keys():
            found[phrase].add(name)

    assert {phrase: sorted(names) for phrase, names in found.items()} == {
        phrase: sorted(names) for phrase, names in STILL_STIFF.items()
    }


def test_a_pinned_phrase_is_still_there() -> None:
    for name, phrases in PINNED.items():
        assert stiff_in((ROOT / name).read_text(encoding="utf-8")) >= phrases.keys(), name


@pytest.mark.parametrize(
    "text",
    [
        "A file that can not be read.",
        "# what can\n    # not be read",
        'f"it can "\n    f"not be read"',
        "Cannot? Can not!",
    ],
)
def test_a_stiff_phrase_is_noticed(text: str) -> None:
    assert stiff_in(text) == {"can not"}


def test_a_plain_text_passes() -> None:
    assert stiff_in("A file that cannot be read, for every reader; what is None stays.") == set()
