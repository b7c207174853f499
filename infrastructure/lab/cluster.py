"""Run the parts of a task on a Dask cluster: processes of this machine, or workers on many machines.

Workers need the same version of ExitBrain and must see files under the same paths. Dask gives the part of a
lost worker to another one, but gives up on a part that ends several workers.

Anyone who can reach a scheduler or a worker can run code in it. Processes of this machine require a key that
only this run has; for others, set certificates in Dask's own configuration (`distributed.comm.tls`).
"""

import asyncio
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from signal import SIG_IGN, SIGINT, signal
from typing import Any

from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.event_store.parallel_replay import cores
from exitbrain.infrastructure.lab.spread import ClusterUnavailable, Part, Result, Task

try:
    import dask
    from dask.distributed import Client, LocalCluster, WorkerPlugin
    from distributed.client import FutureCancelledError, FuturesCancelledError
    from distributed.comm.core import CommClosedError, connect
    from distributed.scheduler import KilledWorker
    from distributed.security import Security
except ImportError as missing:
    raise ClusterUnavailable(f"a cluster needs the extra exitbrain[cluster]: {missing}") from missing

WORKERS_MAX = 999
_LOCAL = re.compile(r"local(?::([1-9]\d{0,2}))?")
_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://.+:\d+")
_WITH_TLS = ("tls", "wss")
CONNECT_S, WORKERS_S = 5, 30
"""The time limits for a scheduler to answer, and to have its first worker."""

AHEAD_PER_WORKER = 4
"""Parts submitted per worker at a time: enough to keep it busy, few enough to limit memory."""

_NO_PAGES: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
"""Disable the web pages that every Dask process would serve without a key."""

_LOST = (CommClosedError, FutureCancelledError, FuturesCancelledError)


class OnDask:
    """Run work on a Dask cluster."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self.address: str = client.scheduler.address

    def map(
        self, function: Callable[[Part, Task], Result], parts: Sequence[Part], task: Task
    ) -> Iterator[Result]:
        # As a future, the task is sent to each worker once, and made again if that worker is lost.
        shared = self._client.submit(_same, task, pure=False)
        workers = max(len(self._client.scheduler_info(n_workers=-1)["workers"]), 1)
        waiting: list[Any] = []
        try:
            for part in parts:
                waiting.append(self._client.submit(function, part, shared, pure=False))
                if len(waiting) >= AHEAD_PER_WORKER * workers:
                    yield self._result(waiting.pop(0))
            while waiting:
                yield self._result(waiting.pop(0))
        finally:
            for future in waiting:
                future.cancel()

    def _result(self, future: Any) -> Any:
        try:
            return future.result()
        except KilledWorker as killed:
            raise ClusterUnavailable(
                f"{self._name} gave up: a part of the work ended several workers (killed, or out of memory?)"
            ) from killed
        except _LOST as lost:
            raise ClusterUnavailable(f"{self._name} was lost while it worked: {lost}") from lost


@contextmanager
def on_cluster(where: str) -> Iterator[OnDask]:
    """Work on the cluster at `tls://HOST:PORT`, on `local` (one process per core here) or on `local:N`.

    Certificates for `tls` come from Dask's configuration; `tcp` needs none. Raises InvalidValue and
    ClusterUnavailable.
    """
    local = _LOCAL.fullmatch(where)
    if local is None and not _ADDRESS.fullmatch(where):
        raise InvalidValue(
            "cluster", where, f"local, local:N with N from 1 to {WORKERS_MAX}, or tcp:// or tls://HOST:PORT"
        )
    if local is not None:
        workers = int(local[1]) if local[1] else cores()
        with _local_cluster(workers) as cluster, _client(cluster, "the local cluster") as client:
            client.register_plugin(_LeaveCtrlCToTheParent())
            yield OnDask(client, "the local cluster")
    else:
        name = f"cluster {where}"
        with _client(where, name) as client:
            yield OnDask(client, name)


def is_without_tls(where: str) -> bool:
    """Return whether an address is one of a scheduler that needs no certificate."""
    address = _ADDRESS.fullmatch(where)
    return address is not None and address[1] not in _WITH_TLS


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """Start workers on this machine that only this process can reach, in a private folder."""
    try:
        security = Security.temporary()  # type: ignore[no-untyped-call]
    except ImportError as missing:
        raise ClusterUnavailable(f"a cluster needs the extra exitbrain[cluster]: {missing}") from missing
    with (
        tempfile.TemporaryDirectory(prefix="exitbrain-cluster-") as folder,
        _safe_path(),
        dask.config.set(_NO_PAGES),
    ):
        try:
            cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                protocol="tls://",
                security=security,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                local_directory=folder,
                memory_limit=None,  # the machine's own limit; a lower one would end healthy workers
                silence_logs=50,
            )
        except (OSError, TimeoutError, RuntimeError) as error:
            raise ClusterUnavailable(f"the local cluster cannot be started: {error}") from error
        with cluster:
            yield cluster


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep processes started in the block from importing modules of the working folder."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextmanager
def _client(where: Any, name: str) -> Iterator[Any]:
    try:
        if isinstance(where, str):
            # First, because a client that fails to connect complains again when it is collected.
            asyncio.run(_knock(where))
        client = Client(where, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
        raise ClusterUnavailable(f"{name} cannot be reached: {error}") from error
    try:
        try:
            client.wait_for_workers(1, timeout=WORKERS_S)
        except (TimeoutError, OSError) as error:
            raise ClusterUnavailable(f"{name} has no workers after {WORKERS_S} s") from error
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]


class _LeaveCtrlCToTheParent(WorkerPlugin):
    """Ignore Ctrl-C in every worker, including later replacements."""

    def setup(self, worker: Any) -> None:
        signal(SIGINT, SIG_IGN)


async def _knock(address: str) -> None:
    """Raise OSError unless a Dask process answers at an address."""
    known = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(address, timeout=CONNECT_S, **known)  # type: ignore[no-untyped-call]
    await comm.close()


def _same(task: Task) -> Task:
    return task
