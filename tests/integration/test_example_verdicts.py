"""The documented sweep over the laboratory's example reaches the documented verdicts."""

from pathlib import Path

import pytest

from exitbrain.infrastructure.demo.lab_example import PlantedEffect
from tests.integration.example_verdicts import verdict_on

SEED = 7


@pytest.mark.parametrize(
    ("effect", "verdict", "has_winner"),
    [(PlantedEffect.WICKS, "adopt", True), (PlantedEffect.NONE, "inconclusive", False)],
)
def test_a_wider_stop_is_adopted_where_dips_come_back_and_not_where_there_are_none(
    effect: PlantedEffect,
    verdict: str,
    has_winner: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    found = verdict_on(effect, SEED)

    assert (found.verdict, bool(found.superior)) == (verdict, has_winner)
