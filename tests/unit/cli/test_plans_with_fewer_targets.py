"""Plans that close everything at one target or two: recorded, replayed, asked about and published like any other."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from exitbrain import ExitBrain
from exitbrain.domain.levels.guard_rules import ON_THE_LEVELS
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.published_decisions import computed, facts_of
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain
from tests.world import NOON, THIS

ONE_STORE = "sqlite:///fewer.db"
ONE_TARGET = {
    f"harvest{target}_{at}": share
    for at in ("low", "middle", "high")
    for target, share in ((1, 1.0), (2, 0.0), (3, 0.0))
}
"""Everything at TP1, at every leverage."""

RULES = {
    symbol: {
        "tick_size": "0.01",
        "step_size": "0.001",
        "min_notional": "5",
        "brackets": [[0, 50000, 0.004, 125], [50000, 600000, 0.005, 100]],
    }
    for symbol in ("BTCUSDT", "ETHUSDT")
}


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder with a store of three decisions, taken under a policy of one target."""
    Path("rules.json").write_text(json.dumps(RULES), encoding="utf-8")
    messages.write(Path("story.jsonl"), messages.story())
    with ExitBrain.open(ONE_STORE) as brain:
        brain.put_in_force(variant_of(V3_6, ONE_TARGET), by="test", why="a test", at=NOON)
    taken = exitbrain("ingest", "story.jsonl", "--store", ONE_STORE, "--instruments", "rules.json", "--json")
    assert taken.report["decisions"] == 3
    return exitbrain


def test_every_decision_has_one_slice_at_its_one_target_and_passes_the_guards(stored: Exitbrain) -> None:
    with closing(open_ledger(ONE_STORE, create=False)) as ledger:
        entries = list(ledger.log(topics=[LevelsComputed.TOPIC]))

    for entry in entries:
        decision = entry.event
        assert isinstance(decision, LevelsComputed)
        assert [part.level for part in decision.levels.slices] == ["tp1"]
        assert set(ON_THE_LEVELS) <= set(decision.levels.guards.passed)
        published, _ = computed(decision, facts_of(decision, entry, THIS, Unit.FRACTION))
        assert published.adaptive_levels.harvest_scheme == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("way", [(), ("--from-receipts",), ("--context",)], ids=" ".join)
def test_every_way_of_replay_finds_them_exact(stored: Exitbrain, way: tuple[str, ...]) -> None:
    ended = stored("replay", "--store", ONE_STORE, *way, "--json")

    assert (ended.code, ended.report["decisions"], ended.report["drift"]) == (0, 3, 0)


def test_both_lanes_answer_what_another_scheme_of_one_target_would_have_said(stored: Exitbrain) -> None:
    last = [f"--set={name}={1.0 - share if name[7] != '2' else 0.0}" for name, share in ONE_TARGET.items()]
    asked = ("whatif", "--store", ONE_STORE, "--policy", "v3.6", *last, "--json", "--lane")

    row, columnar = stored(*asked, "row").report, stored(*asked, "columnar").report

    assert row["changed"] == 3
    assert row["safe"] == {"before": 3, "after": 3}
    assert {**row, "lane": "", "seconds": 0} == {**columnar, "lane": "", "seconds": 0}
