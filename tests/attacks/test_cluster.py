"""A neighbour on this machine that wants to join a local cluster, and a folder that wants to run in its workers."""

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

from distributed import Client
from distributed.comm.core import connect
from distributed.security import Security

from exitbrain.infrastructure.cli.cluster import on_named_cluster
from exitbrain.infrastructure.lab.cluster import OnDask, on_cluster
from exitbrain.infrastructure.lab.spread import ClusterUnavailable
from tests.integration import cluster_parts

pytestmark = pytest.mark.integration

EVIL = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with modules that every start of a process imports."""
    folder = tmp_path_factory.mktemp("planted")
    for name in ("multiprocessing", "resource_tracker", "distributed", "sitecustomize", "msgpack"):
        (folder / f"{name}.py").write_text(EVIL)
    return folder


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[OnDask]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with on_cluster("local:1") as workers:
            yield workers


def addresses(cluster: OnDask) -> list[str]:
    """Return where its scheduler, its worker and what watches over that listen."""
    workers = cluster._client.scheduler_info(n_workers=-1)["workers"]
    return [cluster.address, *workers, *(worker["nanny"] for worker in workers.values())]


def test_it_works_and_listens_on_loopback_with_tls_alone(cluster: OnDask) -> None:
    assert [product for product, _ in cluster.map(cluster_parts.tenfold, range(3), 10)] == [0, 10, 20]
    assert len(addresses(cluster)) == 3
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses(cluster))


def test_the_folder_it_was_started_in_runs_nothing_in_its_processes(cluster: OnDask, folder: Path) -> None:
    assert list(cluster.map(cluster_parts.tenfold, [1], 1))
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("kind", ["plain", "without a certificate", "with another certificate"])
def test_a_neighbour_without_the_key_of_this_run_is_refused(cluster: OnDask, kind: str) -> None:
    async def ask(address: str) -> Any:
        given: dict[str, Any] = {}
        if kind == "plain":
            address = address.replace("tls://", "tcp://")
        elif kind == "without a certificate":
            given["ssl_context"] = ssl.create_default_context()
            given["ssl_context"].check_hostname = False
            given["ssl_context"].verify_mode = ssl.CERT_NONE
        else:
            other = Security.temporary()  # type: ignore[no-untyped-call]
            given = other.get_connection_args("client")
        comm = await connect(address, timeout=2, **given)  # type: ignore[no-untyped-call]
        try:
            await comm.write({"op": "identity", "reply": True})
            return await comm.read()
        finally:
            await comm.close()

    for address in addresses(cluster):
        with pytest.raises((OSError, ssl.SSLError)):
            asyncio.run(ask(address))


def test_a_neighbour_runs_no_task(cluster: OnDask) -> None:
    plain = cluster.address.replace("tls://", "tcp://")
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on who hangs up first
        _ = Client(plain, timeout=1, set_as_default=False)  # type: ignore[no-untyped-call]
    with pytest.raises(ClusterUnavailable, match="cannot be reached"), on_cluster(cluster.address):
        pass


def test_there_are_no_pages(cluster: OnDask) -> None:
    services = cluster._client.scheduler_info(n_workers=-1)
    ports = [services["services"]["dashboard"]]
    ports += [worker["services"]["dashboard"] for worker in services["workers"].values()]

    for port in ports:
        for path in ("", "info/main/workers.html", "json/identity.json", "metrics", "health", "proxy/80/x"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10)


@pytest.mark.parametrize(("scheme", "warned"), [("tcp", True), ("ws", True), ("tls", False), ("wss", False)])
def test_a_scheduler_without_tls_is_warned_of(
    scheme: str, warned: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("exitbrain.infrastructure.lab.cluster.CONNECT_S", 0.1)
    with pytest.raises(ClusterUnavailable), on_named_cluster(f"{scheme}://127.0.0.1:9"):
        pass

    said = capsys.readouterr().err
    assert said.count("\n") == warned
    assert ("without TLS" in said) is warned
