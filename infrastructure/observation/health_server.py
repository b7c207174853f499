"""The health and the metrics of a worker over HTTP, from a thread of its own.

It answers also while the event loop is blocked, and its thread watches: it notes in the journal when the event loop
does not tick, and when a loop stands still.
"""

import socket
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

import msgspec

from exitbrain.application.live.supervisor import Journal, Supervisor
from exitbrain.application.live.turn_watch import TurnWatch
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.infrastructure.observation.health import Health, Heartbeat, Watchdog
from exitbrain.infrastructure.observation.metrics import Metrics

DEFAULT_ADDRESS = "127.0.0.1:9464"
LOOK_EVERY_S = 0.1
REQUEST_TIMEOUT_S = 2.0
CONNECTIONS_MAX = 16
PATHS = "/healthz /healthz/live /healthz/ready /metrics"


class HealthServer:
    """Answer on `host:port` until stopped; port 0 takes a free one. Raises OSError when the address is not to be had."""

    def __init__(
        self,
        supervisor: Supervisor,
        heartbeat: Heartbeat,
        unpublished: Unpublished,
        turn: TurnWatch,
        metrics: Metrics,
        journal: Journal,
        *,
        mode: str,
        address: str = DEFAULT_ADDRESS,
    ) -> None:
        health = Health(supervisor, heartbeat, unpublished, turn, mode)
        metrics.watch_ready(lambda: not health.why_not_ready)
        watchdog = Watchdog(supervisor, heartbeat, unpublished, journal)
        self._server = _Server(address, health, metrics, watchdog, journal)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_EVERY_S,), name="health", daemon=True
        )

    @property
    def url(self) -> str:
        """Return where it answers, with the port that was taken."""
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def start(self) -> None:
        """Answer and watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and release the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, address: str, health: Health, metrics: Metrics, watchdog: Watchdog, journal: Journal
    ) -> None:
        self.health = health
        self.metrics = metrics
        self._watchdog = watchdog
        self._journal = journal
        self._open: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        host, port = _parsed(address)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), f"health server at {address}") from error

    def server_bind(self) -> None:
        # HTTPServer would look up the name of this host, which may wait for a name server.
        TCPServer.server_bind(self)

    def service_actions(self) -> None:
        self._watchdog.look()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; the oldest gives way when there are too many, so that nobody can hold them all."""
        with self._lock:
            self._open[request] = None
            crowded = len(self._open) > CONNECTIONS_MAX
            oldest = next(iter(self._open))
            if crowded:
                del self._open[oldest]
        if crowded:
            with suppress(OSError):  # it has gone by itself
                oldest.shutdown(socket.SHUT_RDWR)  # its own thread wakes up, and closes it
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):  # a client that went away is no trouble
            self._journal.trouble("health_request_failed", error=repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "exitbrain"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/healthz/live":
                self._answer_reason(self.server.health.why_not_live)
            case "/healthz/ready":
                self._answer_reason(self.server.health.why_not_ready)
            case "/healthz":
                report = self.server.health.report()
                self._answer(_status(report.ready), msgspec.json.encode(report), "application/json")
            case "/metrics":
                self._answer(HTTPStatus.OK, *self.server.metrics.exposition(self.headers.get("Accept", "")))
            case _:
                self._answer_text(HTTPStatus.NOT_FOUND, f"there is {PATHS}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the name is that of the base class
        """Write no line for a request: probes come every few seconds."""

    def _answer_reason(self, reason: str) -> None:
        self._answer_text(_status(not reason), reason or "ok")

    def _answer_text(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, f"{text}\n".encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _status(good: bool) -> HTTPStatus:
    return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise OSError(None, "no address; allowed: host:port, port 0 to 65535", address)
    return host, int(port)
