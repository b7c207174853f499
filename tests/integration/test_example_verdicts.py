"""The documented sweep over the laboratory's example reaches the documented verdicts, in the tour too."""

import json
from pathlib import Path

import pytest

from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.demo import demo
from exitbrain.infrastructure.demo import story


def test_a_wider_stop_is_adopted_where_dips_come_back_and_not_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steps of the tour are the documented commands; each checks its verdict."""
    monkeypatch.chdir(tmp_path)

    code = demo(app, folder="kept", as_json=True, steps=story.verdicts(draws=True))

    report = json.loads(capsys.readouterr().out)
    assert code == 0, report
    checks = [check for step in report["steps"] for check in step["checks"]]
    for verdict in ("adopt", "inconclusive"):
        assert f"family[walk_forward][judgement][verdict] is {verdict}" in checks
    for effect, verdict in (("wicks", "ADOPT"), ("none", "INCONCLUSIVE")):
        page = (tmp_path / "kept" / f"{effect}.html").read_text(encoding="utf-8")
        assert f"judged on what followed in committed: {verdict}" in page
