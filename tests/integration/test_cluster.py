"""The columnar tasks on a cluster: the same bits as in one process, whoever works and whoever is killed."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dask
import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.cluster import OnDask, on_cluster
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.spread import ClusterUnavailable
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.integration import cluster_parts

pytestmark = pytest.mark.integration

SPAN = 200
"""Log positions of a segment: small, so that there are several."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and its mirror."""
    path = tmp_path_factory.mktemp("cluster") / "store.db"
    with opened(load_settings(store=f"sqlite:///{path}", policy="v3.6"), "create") as container:
        container.recorder().handle_batch(list(read_messages(lines(400), max_bytes=65_536)))
    with closing(open_ledger(f"sqlite:///{path}", create=False)) as ledger:
        Mirror.of(ledger, folder_of(path), SPAN).export(ledger)
    return path


def folder_of(store: Path) -> Path:
    return store.with_name("mirror")


@pytest.fixture(scope="module")
def two_workers() -> Iterator[OnDask]:
    with on_cluster("local:2") as workers:
        known = workers._client.security
        certificates = {
            "distributed.comm.tls.ca-file": known.tls_ca_file,
            "distributed.comm.tls.client.cert": known.tls_client_cert,
            "distributed.comm.tls.client.key": known.tls_client_key,
        }
        # As somebody has it in ~/.config/dask who works on a cluster of several machines.
        with dask.config.set(certificates):
            yield workers


def test_results_come_in_the_order_of_the_parts_from_several_processes(two_workers: OnDask) -> None:
    results = list(two_workers.map(cluster_parts.tenfold, range(40), 10))

    assert [product for product, _ in results] == [10 * part for part in range(40)]
    assert len({process for _, process in results}) == 2


def test_no_parts_have_no_results(two_workers: OnDask) -> None:
    assert list(two_workers.map(cluster_parts.tenfold, [], 3)) == []


def test_what_a_part_raises_is_raised_here(two_workers: OnDask) -> None:
    with pytest.raises(ValueError, match="no part 6"):
        list(two_workers.map(cluster_parts.refused, [3], 2))


def test_workers_that_are_killed_in_the_middle_change_nothing(tmp_path: Path, two_workers: OnDask) -> None:
    task = (10, tmp_path, frozenset({2, 7}))

    results = list(two_workers.map(cluster_parts.tenfold_after_a_death, range(12), task))

    assert results == [10 * part for part in range(12)]
    assert {mark.name for mark in tmp_path.iterdir()} == {"2", "7"}


def test_a_part_that_takes_every_worker_with_it_is_given_up_in_one_sentence() -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        on_cluster("local:1") as worker,
        pytest.raises(ClusterUnavailable, match="the local cluster gave up: a part of the work ended"),
    ):
        list(worker.map(cluster_parts.always_fatal, [1], 1))


@pytest.mark.parametrize("where", ["", "local:0", "local:x", "localhost", "127.0.0.1:8786", "tcp://host"])
def test_a_cluster_of_another_form_is_refused(where: str) -> None:
    with (
        pytest.raises(
            InvalidValue, match=r"allowed: local, local:N with N from 1 to 999, or tcp:// or tls://HOST:PORT"
        ),
        on_cluster(where),
    ):
        pass


ASKED = ("whatif", "--policy", "v3.6", "--store", "sqlite:///store.db")
SWEEP = (*ASKED, "--sweep", "base_sl=0.002:0.01:0.0005", "--json")


@pytest.fixture
def exitbrain(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(store.parent)
    monkeypatch.setenv("EXITBRAIN_MIRROR", "mirror")

    def ended(*flags: str) -> tuple[int, str, str]:
        code = run([*ASKED, *flags])
        return code, *capsys.readouterr()

    return ended


def test_a_scheduler_that_can_not_be_reached_is_one_sentence(exitbrain: Any) -> None:
    code, stdout, stderr = exitbrain("--cluster", "tcp://127.0.0.1:9")

    assert (code, stdout) == (3, "")
    warning, sentence = stderr.splitlines()
    assert "tcp://127.0.0.1:9 is a cluster without TLS" in warning
    assert sentence.startswith("exitbrain: cluster tcp://127.0.0.1:9 cannot be reached: Timed out")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ["--cluster", "local", "--lane", "row"],
            "--cluster asks in columns; --lane row and --export ask row by row",
        ),
        (
            ["--cluster", "nowhere"],
            "cluster is 'nowhere'; allowed: local, local:N with N from 1 to 999, or tcp:// or tls://HOST:PORT",
        ),
    ],
)
def test_what_a_cluster_can_not_do_is_one_sentence(exitbrain: Any, flags: list[str], sentence: str) -> None:
    assert exitbrain(*flags) == (2, "", f"exitbrain: {sentence}\n")


def test_a_sweep_has_the_same_answers_on_a_cluster(exitbrain: Any, two_workers: OnDask, capsys: Any) -> None:
    reports = []
    for flags in (["--lane", "columnar"], ["--cluster", two_workers.address]):
        assert run([*SWEEP, *flags]) == 0
        report = json.loads(capsys.readouterr().out)
        report.pop("seconds")
        reports.append(report)

    assert reports[0] == reports[1]
    assert len(reports[0]["policies"]) == 17
    assert reports[0]["policies"][3]["fields"]["sl"]["mean"] != 0.0


def test_a_cluster_without_its_extra_is_one_sentence(exitbrain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    for module in ("lab", "cli"):
        monkeypatch.delitem(sys.modules, f"exitbrain.infrastructure.{module}.cluster", raising=False)

    code, stdout, stderr = exitbrain("--cluster", "local")

    assert (code, stdout) == (3, "")
    assert stderr.startswith("exitbrain: a cluster needs the extra exitbrain[cluster]: ")
    assert stderr.count("\n") == 1
