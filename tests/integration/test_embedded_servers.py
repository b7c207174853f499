"""The servers of the tests end with the test process, however that ends, and hold none of its pipes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.own_time import wait_until
from tests.servers import REDIS_KINDS, RedisServer, postgres_url

pytestmark = pytest.mark.integration


_START = """
import os, signal, sys
from tests.servers import RedisServer, start_postgres
kind, ending = sys.argv[1:]
server = start_postgres()[0] if kind == "postgres" else RedisServer(kind)
print(server.folder, flush=True)
if ending == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("ending", ["kill", "exit"])
@pytest.mark.parametrize("kind", ["postgres", *REDIS_KINDS])
def test_a_server_is_gone_with_its_folder_when_the_test_process_is(kind: str, ending: str) -> None:
    if kind != "postgres":
        RedisServer(kind).stop()  # skips where there is no server to start
    elif os.environ.get("EXITBRAIN_TEST_POSTGRES_URL") is None:
        postgres_url()
    # The end of the output is read too: it only comes when nobody else holds the pipe.
    run = subprocess.run(
        [sys.executable, "-c", _START, kind, ending],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert run.returncode == (-signal.SIGKILL if ending == "kill" else 0)
    folder = Path(run.stdout.strip())
    assert folder.name.startswith("exitbrain-")
    wait_until(lambda: not folder.exists())  # the guardian removes it after the server has ended


@pytest.mark.parametrize("kind", REDIS_KINDS)
@pytest.mark.parametrize("append_only", [True, False])
def test_a_redis_that_was_killed_has_its_data_again_when_it_was_to_keep_them(
    kind: str, append_only: bool
) -> None:
    server = RedisServer(kind, append_only=append_only)
    with redis.Redis.from_url(server.url) as client:
        client.set("key", "before")
    older = server.copy_data()
    with redis.Redis.from_url(server.url) as client:
        client.set("key", "after")
    server.kill()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("key") == (b"after" if append_only else None)
    server.go_back_to(older)
    with redis.Redis.from_url(server.url) as client:
        assert client.get("key") == (b"before" if append_only else None)
    server.stop()
