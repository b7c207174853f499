"""The browser of the tests, named in EXITBRAIN_TEST_CHROMIUM."""

import os
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium


@pytest.fixture(scope="session")
def program() -> str:
    """Return the path of a browser; skip where none is named."""
    found = os.environ.get("EXITBRAIN_TEST_CHROMIUM")
    if not found:
        pytest.skip("no browser: set EXITBRAIN_TEST_CHROMIUM to the path of a Chromium")
    return found


@pytest.fixture
def browser(program: str, tmp_path: Path) -> Chromium:
    """Return a browser with a profile of its own."""
    folder = tmp_path / "browser"
    folder.mkdir()
    return Chromium(program, folder)
