"""The browser of the tests: EXITBRAIN_TEST_CHROMIUM, else a Chromium or Chrome on the PATH."""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")


@pytest.fixture(scope="session")
def program() -> str:
    """Return the path of a browser; skip where there is none."""
    named = os.environ.get("EXITBRAIN_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install one, or name it in EXITBRAIN_TEST_CHROMIUM")
    return found


@pytest.fixture
def browser(program: str, tmp_path: Path) -> Chromium:
    """Return a browser with a profile of its own."""
    folder = tmp_path / "browser"
    folder.mkdir()
    return Chromium(program, folder)
