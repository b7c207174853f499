"""What every test may ask for."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


_LABORATORY = "exitbrain.infrastructure.lab"
_WALKING = f"{_LABORATORY}.walking"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests together that share what is made once, what takes long first; others are free to go to any worker."""
    for item in items:
        if isinstance(item, pytest.Function) and (shared := _shared_by(item)):
            item.add_marker(pytest.mark.xdist_group(shared))
            if shared == _WALKING:
                item.add_marker(pytest.mark.timeout(600))  # to compile takes 20 s of a core
    items.sort(key=_turn)


def _shared_by(item: pytest.Function) -> str | None:
    """Return a name for what a test shares with others: machine code to compile, or what its module has made once."""
    homes = {str(getattr(used, "__module__", "")) for used in vars(item.module).values()}
    if any(home.startswith(_WALKING) for home in homes):
        return _WALKING  # compiling it takes longest
    made = {fixture[-1].scope for fixture in item._fixtureinfo.name2fixturedefs.values()}
    if "module" in made or any(home.startswith(_LABORATORY) for home in homes):
        return item.path.relative_to(_ROOT).as_posix()
    return None


def _turn(item: pytest.Item) -> int:
    """Return 0 for what must be compiled first, 1 for what waits for servers and processes, 2 for the rest."""
    groups = [marker.args[0] for marker in item.iter_markers("xdist_group")]
    if _WALKING in groups:
        return 0
    return 1 if item.get_closest_marker("integration") else 2


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded intents, golden rows and market data.

    `EXITBRAIN_TEST_DATA` names it; by default it lies beside the project, in `../shared/data`. A missing
    folder skips the test, and fails it in CI, where nothing may be left out unseen.
    """
    folder = Path(os.environ.get("EXITBRAIN_TEST_DATA") or _ROOT.parent / "shared" / "data")
    if folder.is_dir():
        return folder
    reason = f"no test data at {folder}: set EXITBRAIN_TEST_DATA"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
