"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.effort import share_of

_ROOT = Path(__file__).resolve().parents[1]

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
