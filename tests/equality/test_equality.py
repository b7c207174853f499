"""What must stay as it is while the code is rearranged; `tests/equality/__init__.py` says how it is pinned."""

from pathlib import Path

import pytest

from tests.equality import commands, exit_codes, findings, subject
from tests.equality.pins import check


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> findings.Found:
    return findings.of_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> findings.Found:
    return findings.of_commands(tmp_path_factory.mktemp("commands"))


def test_every_event_is_stored_in_the_same_bytes(runs: findings.Found) -> None:
    check("stored_bytes", runs["stored_bytes"][0])


def test_every_kind_of_event_is_among_them(runs: findings.Found) -> None:
    stored = {group.partition(": ")[2] for group in runs["stored_bytes"][0]}

    assert {sample.name.partition(".v")[0] for sample in subject.SAMPLES.iterdir()} <= stored


@pytest.mark.parametrize("sample", sorted(subject.SAMPLES.iterdir()), ids=lambda sample: sample.name)
def test_a_sample_is_read_and_written_again_in_the_same_bytes(sample: Path) -> None:
    state = sample.read_bytes().removesuffix(b"\n")

    assert subject.read_and_written_again(sample.name.partition(".v")[0], state) == state


def test_ids_fingerprints_and_hashes_are_the_same(runs: findings.Found) -> None:
    check("identities", runs["identities"][0])


def test_every_published_entry_is_the_same_byte_for_byte(runs: findings.Found) -> None:
    check("published_entries", runs["published_entries"][0])


@pytest.mark.integration
def test_every_command_prints_the_same_json(printed: findings.Found) -> None:
    check("json_of_commands", printed["json_of_commands"][0])


@pytest.mark.integration
def test_every_table_is_shown_as_it_was_at_80_and_100_columns(printed: findings.Found) -> None:
    check("tables", printed["tables"][0])


@pytest.mark.integration
def test_every_table_fits_and_cuts_nothing(printed: findings.Found) -> None:
    for name, lines in printed["tables"][1].items():
        rows, width = [line for line in lines if not line.startswith("Columns")], name.partition(" at ")[2]
        assert rows, name
        assert "…" not in "".join(rows), name
        assert not width or max(map(len, rows)) <= int(width), name


def test_the_json_of_every_command_is_pinned() -> None:
    with_json = {name for name, takes_json in subject.leaf_commands().items() if takes_json}

    assert with_json == {*commands.LINES, *commands.AT_REDIS, *commands.NOT_PINNED}


def test_every_schema_has_the_same_keys_of_the_same_types(tmp_path: Path) -> None:
    check("schemas", findings.of_schemas(tmp_path)["schemas"][0])


@pytest.mark.integration
def test_every_failure_ends_with_the_same_exit_code(printed: findings.Found) -> None:
    check("exit_codes", printed["exit_codes"][0])


@pytest.mark.integration
def test_a_redis_that_can_not_be_used_ends_with_the_code_of_the_table(printed: findings.Found) -> None:
    codes = printed["exit_codes"][0]
    promised = {row: codes["Redis"][row] for row in exit_codes.ROWS_RUN}

    assert codes["run for the table of Redis"] == promised
    assert codes["codes"].keys() - exit_codes.NOT_RUN.keys() == set(map(str, codes["failures"].values()))


def test_every_walk_has_the_same_bits(tmp_path: Path) -> None:
    check("walks", findings.of_walks(tmp_path)["walks"][0])
