"""What every test may ask for, and the order in which several workers take the tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from exitbrain.infrastructure.secrets import OF_THIS_PROCESS, Secrets
from tests.effort import share_of

_ROOT = Path(__file__).resolve().parents[1]
_TESTS = _ROOT / "tests"

COMPILING = "property/test_walk_equals_vectorbt.py", "property/test_kernel_equals_row_walk.py"
"""They compile the kernels of the walk, which takes a quarter of a minute: one worker does it, the others find it kept."""
LONG = (
    "integration/test_redis_errors.py",
    "integration/test_serve.py",
    "faults/test_silent_servers.py",
    "faults/test_silent_stops.py",
    "faults/test_second_store.py",
    "faults/test_schedules.py",
    "attacks/test_redis_state.py",
    "faults/test_kills.py",
    "integration/test_demo.py",
    "integration/test_cluster.py",
    "faults/test_restored_store.py",
    "faults/test_stop.py",
    "integration/test_example_verdicts.py",
    "unit/cli/test_whatif.py",
    "contract/test_exit_ledger.py",
    "integration/test_health_server.py",
    "faults/test_soak.py",
    "integration/test_binance_instruments.py",
)
"""They wait for real processes or compute for long, so they begin first: else all but one worker wait for the last."""
APART = "integration/test_redis_errors.py", "integration/test_serve.py", "faults/test_schedules.py"
"""Their tests share nothing that is dear, so that any worker may take any of them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give out the tests by file; the groups of xdist 3.8 are lost under pytest 9.2, which keeps names elsewhere."""
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = shared_by
    return scheduler


def shared_by(test: str) -> str:
    """Return what a test shares with others: those with the same are done by one worker, in their order."""
    file, _, _ = test.removeprefix("tests/").partition("::")
    if file in APART:
        return test
    return "compiled kernels" if file in COMPILING else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let several workers begin with what takes long."""
    if hasattr(config, "workerinput"):
        order = {name: place for place, name in enumerate((*COMPILING, *LONG))}
        items.sort(key=lambda item: order.get(item.path.relative_to(_TESTS).as_posix(), len(order)))


@pytest.fixture(autouse=True)
def nothing_is_a_secret_yet() -> None:
    """Forget what other tests in this process took for secrets: it may be words here, and would be masked."""
    vars(OF_THIS_PROCESS).update(vars(Secrets()))


# Tables are as wide in every test, whatever the terminal of whoever runs them; a worker of xdist says 80.
os.environ["COLUMNS"] = "100"

# Searches have no limit in wall time, and in CI the same examples in every run.
settings.register_profile(
    "exitbrain",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    max_examples=share_of(100, one_in=2),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("exitbrain")


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
