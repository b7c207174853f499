"""Tests use the in-memory adapters, which keep their promises; a mock promises whatever it is told."""

from pathlib import Path

import pytest

from tests.architecture.source import ROOT, imports, python_files

_BARRED = ("unittest.mock", "mock", "pytest_mock", "asynctest")


def mocks_imported(source: str) -> list[str]:
    """Return what the source imports of a mocking library."""
    return [name for _, name in imports(source) if any(f"{name}.".startswith(f"{bar}.") for bar in _BARRED)]


@pytest.mark.parametrize("file", python_files("tests"), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_mocking_library_is_imported(file: Path) -> None:
    assert mocks_imported(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import Mock",
        "import mock",
        "def test_it():\n    from pytest_mock import MockerFixture",
    ],
)
def test_an_imported_mock_is_noticed(source: str) -> None:
    assert mocks_imported(source)


def test_a_name_that_only_begins_like_a_mock_passes() -> None:
    assert mocks_imported("import mockingbird\nfrom unittest import TestCase") == []
