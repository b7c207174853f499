"""The health and the metrics of a worker over HTTP, from a thread of its own.

It answers also while the event loop is blocked, and its thread watches: it notes in the journal when the event loop
does not tick, and when a loop stands still.
"""

import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

import msgspec

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import Journal, Supervisor
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.infrastructure.observability.health import Health, Heartbeat, Watchdog
from exitbrain.infrastructure.observability.health_access import IS_OPEN, is_allowed, is_of_this_machine
from exitbrain.infrastructure.observability.metrics import Metrics

DEFAULT_ADDRESS = "127.0.0.1:9464"
LOOK_EVERY_S = 0.1
REQUEST_TIMEOUT_S = 2.0
"""How long a connection may take from its first byte to the last."""

CONNECTIONS_MAX = 16
THREADS_MAX = 2 * CONNECTIONS_MAX
"""A connection that gave way takes a moment to end."""

HEAD_MAX_BYTES = 131_072
"""A request line, which may have half of it, and all headers."""

PATHS = "/healthz /healthz/live /healthz/ready /metrics"


class HealthServer:
    """Answer on `host:port` until stopped; port 0 takes a free one. Raises OSError when the address is not to be had.

    Who asks from another machine must give the token, where there is one; else the journal is told that all may ask.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        heartbeat: Heartbeat,
        unpublished: Unpublished,
        lease: LeaseWatch,
        metrics: Metrics,
        journal: Journal,
        *,
        mode: str,
        address: str = DEFAULT_ADDRESS,
        token: str = "",
    ) -> None:
        health = Health(supervisor, heartbeat, unpublished, lease, mode)
        metrics.watch_ready(lambda: not health.why_not_ready)
        watchdog = Watchdog(supervisor, heartbeat, unpublished, journal)
        self._server = _Server(address, health, metrics, watchdog, journal, token)
        self._is_open = not (token or is_of_this_machine(address))
        self._journal = journal
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
        if self._is_open:
            self._journal.event("health_is_open", address=self.url, why=IS_OPEN)
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
        self,
        address: str,
        health: Health,
        metrics: Metrics,
        watchdog: Watchdog,
        journal: Journal,
        token: str,
    ) -> None:
        self.health = health
        self.token = token
        self._metrics = metrics
        self._watchdog = watchdog
        self._journal = journal
        self._open: dict[socket.socket, float] = {}
        self._serving = 0
        self._lock = threading.Lock()
        self._exposing = threading.Lock()
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
        self._end_slow()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics; one at a time, or many who ask would keep the event loop from the interpreter."""
        with self._exposing:
            return self._metrics.exposition(accept)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; the oldest gives way when there are too many, so that nobody can hold them all."""
        with self._lock:
            if self._serving >= THREADS_MAX:
                self._hang_up(request)
                super().shutdown_request(request)
                return
            self._serving += 1
            self._open[request] = time.monotonic()
            if len(self._open) > CONNECTIONS_MAX:
                self._hang_up(next(iter(self._open)))
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._serving -= 1

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):  # a client that went away is no trouble
            self._journal.trouble("health_request_failed", error=repr(error))

    def _end_slow(self) -> None:
        """End connections that have been open for too long, also those that send or take a byte now and then."""
        since = time.monotonic() - REQUEST_TIMEOUT_S
        with self._lock:
            for request in [request for request, opened in self._open.items() if opened < since]:
                self._hang_up(request)

    def _hang_up(self, request: Any) -> None:
        """End a connection; its own thread wakes up, and closes it."""
        self._open.pop(request, None)
        with suppress(OSError):  # it has gone by itself
            request.shutdown(socket.SHUT_RDWR)


class _Head:
    """What a client sends, up to a size."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._left = HEAD_MAX_BYTES

    def readline(self, size: int = -1) -> bytes:
        """Return a line; raises LineTooLong when all of them together are too long."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("header")
        return line

    def close(self) -> None:
        self._file.close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "exitbrain"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(message)s\n"

    def setup(self) -> None:
        super().setup()
        self.rfile = _Head(self.rfile)  # type: ignore[assignment]  # all that a request without a body is read with

    def do_GET(self) -> None:
        if not is_allowed(self.client_address[0], self.headers.get("Authorization", ""), self.server.token):
            self._refuse()
            return
        match self.path.partition("?")[0]:
            case "/healthz/live":
                self._answer_reason(self.server.health.why_not_live)
            case "/healthz/ready":
                self._answer_reason(self.server.health.why_not_ready)
            case "/healthz":
                report = self.server.health.report()
                self._answer(_status(report.ready), msgspec.json.encode(report), "application/json")
            case "/metrics":
                self._answer(HTTPStatus.OK, *self.server.exposition(self.headers.get("Accept", "")))
            case _:
                self._answer_text(HTTPStatus.NOT_FOUND, f"there is {PATHS}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  the name is that of the base class
        """Write no line for a request: probes come every few seconds."""

    def _refuse(self) -> None:
        text = "give the token of setting HEALTH_TOKEN, as Authorization: Bearer TOKEN"
        self._answer_text(HTTPStatus.UNAUTHORIZED, text, ("WWW-Authenticate", "Bearer"))

    def _answer_reason(self, reason: str) -> None:
        self._answer_text(_status(not reason), reason or "ok")

    def _answer_text(self, status: HTTPStatus, text: str, *headers: tuple[str, str]) -> None:
        body = f"{text}\n".encode("utf-8", "backslashreplace")
        self._answer(status, body, "text/plain; charset=utf-8", *headers)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers:
            self.send_header(name, value)
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
