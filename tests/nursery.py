"""A process that has the programme imported and forks a command from itself whenever it is told to.

Importing takes most of a start; without it a test is about what a command does, not about starting it. What is forked
becomes `exitbrain` with the arguments given, in a folder and an environment of its own. When whoever gives the orders
is gone, every command is killed.
"""

import atexit
import gc
import json
import os
import random
import select
import signal
import socket
import sys
import threading
from typing import Any, NoReturn

from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.formulas.registry import SHIPPED

# Imported once for all commands; the laboratory is not, for few of them need it.
from exitbrain.infrastructure.cli import book as _book  # noqa: F401
from exitbrain.infrastructure.cli import doctor as _doctor  # noqa: F401
from exitbrain.infrastructure.cli import ingest as _ingest  # noqa: F401
from exitbrain.infrastructure.cli import replay as _replay  # noqa: F401
from exitbrain.infrastructure.cli.main import main
from exitbrain.infrastructure.event_store import postgres as _postgres  # noqa: F401
from exitbrain.infrastructure.worker import serving as _serving  # noqa: F401

STDIN = 0


def nurse() -> dict[str, Any] | None:
    """Fork and reap until the orders end; return the order in each child, None in the end."""
    ours, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for policy in SHIPPED.values():  # each command that opens a store compares the fingerprints
        fingerprint(policy)
    gc.freeze()  # else the collector of each child writes to every page, which is then copied
    living: set[int] = set()
    orders = b""
    while True:
        ready, _, _ = select.select([STDIN, ours.fileno()], [], [])
        if ours.fileno() in ready:
            ours.recv(4096)
            _reap(living)
        if STDIN not in ready:
            continue
        data = os.read(STDIN, 65536)
        if not data:
            break
        orders += data
        *lines, orders = orders.split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                ours.close()
                woken.close()
                order: dict[str, Any] = json.loads(line)
                return order
            living.add(pid)
            _say("started", pid)
    for pid in living:
        os.kill(pid, signal.SIGKILL)
    return None


def become(order: dict[str, Any]) -> NoReturn:
    """Turn into the process that the order describes."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    out, err = (os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND) for name in ("stdout", "stderr"))
    for ours, theirs in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(ours, theirs)
    os.closerange(3, 256)
    random.seed()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["exitbrain", *order["arguments"]]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    threading._shutdown()  # type: ignore[attr-defined] # the end of an interpreter, but for taking all apart
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _reap(living: set[int]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        living.discard(pid)
        _say("ended", pid, os.waitstatus_to_exitcode(status))


def _say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


if __name__ == "__main__":
    its_order = nurse()
    if its_order is not None:
        become(its_order)
