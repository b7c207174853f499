"""The health server under attack: odd requests, slow and many clients, and strangers who ask."""

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from exitbrain.infrastructure.observability.health_access import is_allowed, is_of_this_machine
from exitbrain.infrastructure.observability.health_server import (
    CONNECTIONS_MAX,
    HEAD_MAX_BYTES,
    REQUEST_TIMEOUT_S,
    THREADS_MAX,
)
from tests.attacks.attacked import MIB
from tests.integration.test_health_server import Worker, address_of, made, threads_of_requests
from tests.own_time import LIVENESS_S, wait_until

pytestmark = pytest.mark.integration

TOKEN = "t" * 40
OPENMETRICS = b"application/openmetrics-text"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with made() as made_worker:
        yield made_worker


def answer(worker: Worker, request: bytes) -> bytes:
    with socket.create_connection(address_of(worker), timeout=LIVENESS_S) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


@pytest.mark.parametrize(
    "accept",
    [
        OPENMETRICS + b"; version=abc",
        OPENMETRICS + b"; version=" + b"9" * 5_000,
        OPENMETRICS + b"; version=1.x.0",
        OPENMETRICS + b"; version=2.0\r\n Injected: yes",
        b"text/plain; version=abc; q=abc",
        b"q=abc",
        b"\xff\xfe\x00 \xd9\xa1;;;,,,===",
        b"",
        b"a/b;" * 15_000,
    ],
    ids=range(9),
)
def test_an_odd_accept_header_is_answered_in_plain_text(worker: Worker, accept: bytes) -> None:
    head, _, body = answer(worker, b"GET /metrics HTTP/1.1\r\nAccept: " + accept + b"\r\n\r\n").partition(
        b"\r\n\r\n"
    )

    assert head.startswith(b"HTTP/1.0 200 ")
    assert b"Content-Type: text/plain" in head
    assert b"Injected" not in head
    assert b"exitbrain_build_info" in body
    assert worker.logged("health_request_failed") == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"GET /metrics HTTP/1.1\r\nAccept: " + b"x" * 100_000 + b"\r\n\r\n", b" 431 "),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b" 431 "),
        (b"GET /metrics HTTP/1.1\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 90 + b"\r\n", b" 431 "),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"DELETE /metrics HTTP/1.1\r\n\r\n", b" 501 "),
        (b"CONNECT evil:443 HTTP/1.1\r\n\r\n", b" 501 "),
        (b"<script> / HTTP/1.1\r\n\r\n", b" 501 "),
        (b"GET /metrics HTTP/99999999999.1\r\n\r\n", b"Bad request version"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"Invalid HTTP version"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"Bad request"),
    ],
    ids=range(10),
)
def test_a_request_that_is_none_is_refused_in_plain_text(
    worker: Worker, request_: bytes, said: bytes
) -> None:
    try:
        answered = answer(worker, request_)
    except ConnectionError:  # it was refused before all of it was sent
        answered = b""

    assert not answered or said in answered
    assert b"<html" not in answered.lower()
    assert b"<script>" not in answered.partition(b"\r\n\r\n")[2]
    assert worker.logged("health_request_failed") == []
    assert worker.status("/") == 404


def test_a_request_of_the_first_http_is_answered_and_ended(worker: Worker) -> None:
    assert answer(worker, b"GET /healthz/live\r\n\r\n") == b"ok\n"


def test_a_client_that_sends_a_byte_now_and_then_is_ended(worker: Worker) -> None:
    with closing(socket.create_connection(address_of(worker))) as slow:
        slow.sendall(b"GET /healthz/live HTTP/1.1\r\nX: ")
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(REQUEST_TIMEOUT_S / 8):
                try:
                    slow.sendall(b"y")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            wait_until(lambda: bool(worker.server._server._open))
            wait_until(lambda: not threads_of_requests())
        finally:
            ended.set()
            dripping.join()


def test_many_clients_hold_neither_threads_nor_memory(worker: Worker) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    filler = b"GET /healthz/live HTTP/1.1\r\n" + b"X: " + b"y" * 60_000 + b"\r\n"
    most = 0
    with ExitStack() as held:
        for _ in range(6 * CONNECTIONS_MAX):
            one = held.enter_context(socket.create_connection(address_of(worker), timeout=LIVENESS_S))
            with suppress(OSError):  # it gave way
                one.sendall(filler)
            most = max(most, len(threads_of_requests()))
        assert worker.status("/") == 404

    assert most <= THREADS_MAX
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert grown < THREADS_MAX * HEAD_MAX_BYTES + 32 * MIB


def outer_address() -> str:
    """Return an address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(asking.getsockname()[0])


def test_a_stranger_needs_the_token_and_this_machine_does_not() -> None:
    with made("0.0.0.0:0", TOKEN) as worker:
        _, port = address_of(worker)
        strange = (outer_address(), port)

        def asked(path: bytes, *headers: bytes) -> bytes:
            with socket.create_connection(strange, timeout=LIVENESS_S) as connection:
                lines = (b"GET " + path + b" HTTP/1.1", *headers, b"", b"")
                connection.sendall(b"\r\n".join(lines))
                return connection.makefile("rb").read()

        for path in (b"/healthz", b"/healthz/live", b"/metrics", b"/nothing"):
            refused = asked(path)
            assert refused.startswith(b"HTTP/1.0 401 ")
            assert b"WWW-Authenticate: Bearer" in refused
            assert b"exitbrain_" not in refused
        for wrong in (b"Bearer ", b"Bearer " + TOKEN[:-1].encode(), b"Basic x", b"\xff\xfe", b"x" * 60_000):
            assert asked(b"/metrics", b"Authorization: " + wrong).startswith(b"HTTP/1.0 401 ")
        good = b"Authorization: Bearer " + TOKEN.encode()
        assert asked(b"/metrics", good).startswith(b"HTTP/1.0 200 ")
        assert worker.status("/") == 404
        assert worker.logged("health_is_open") == worker.logged("health_request_failed") == []
        assert TOKEN not in worker.log.getvalue()


def test_a_server_that_is_open_to_others_says_so() -> None:
    with made("0.0.0.0:0") as worker:
        (line,) = worker.logged("health_is_open")
        assert "HEALTH_TOKEN" in line["why"]
        assert line["level"] == "info"


@pytest.mark.parametrize(
    ("client", "authorization", "allowed"),
    [
        ("127.0.0.1", "", True),
        ("127.8.8.8", "", True),
        ("::1", "", True),
        ("::ffff:127.0.0.1", "", True),
        ("::ffff:10.0.0.7", "", False),
        ("fe80::1%eth0", "", False),
        ("10.0.0.7", f"Bearer {TOKEN}", True),
        ("10.0.0.7", f"Bearer {TOKEN} ", True),
        ("10.0.0.7", f"bearer{TOKEN}", False),
        ("10.0.0.7", TOKEN, False),
        ("10.0.0.7", "Bearer \udcff", False),
        ("10.0.0.7", "Bearer ü", False),
    ],
)
def test_who_may_ask(client: str, authorization: str, allowed: bool) -> None:
    assert is_allowed(client, authorization, TOKEN) is allowed
    assert is_allowed(client, authorization, "")


def test_which_addresses_answer_this_machine_alone() -> None:
    of_this_machine = ("127.0.0.1:9464", "[::1]:9464", "localhost:0", "127.1.2.3:1")
    of_others = ("0.0.0.0:9464", "[::]:9464", "10.0.0.7:1", "worker-a:9464", "127.0.0.1.example.org:1")

    assert all(map(is_of_this_machine, of_this_machine))
    assert not any(map(is_of_this_machine, of_others))
