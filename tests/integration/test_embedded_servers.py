"""The servers of the tests end with the test process, however that ends, and hold none of its pipes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.servers import postgres_url

pytestmark = pytest.mark.integration

DEADLINE_S = 20

_START = """
import os, signal, sys
from tests.servers import start_postgres
server, url = start_postgres()
print(server.folder, flush=True)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("ending", ["kill", "exit"])
def test_a_server_is_gone_with_its_folder_when_the_test_process_is(ending: str) -> None:
    if os.environ.get("EXITBRAIN_TEST_POSTGRES_URL") is None:
        postgres_url()  # skips where there is no server to start
    # The end of the output is read too: it only comes when nobody else holds the pipe.
    run = subprocess.run(
        [sys.executable, "-c", _START, ending], check=False, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert run.returncode == (-signal.SIGKILL if ending == "kill" else 0)
    folder = Path(run.stdout.strip())
    assert folder.name.startswith("exitbrain-postgres-")
    deadline = monotonic() + DEADLINE_S
    while folder.exists():  # the guardian removes it after the server has ended
        assert monotonic() < deadline, f"{folder} is still there: {list(folder.iterdir())}"
