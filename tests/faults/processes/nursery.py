"""A process that has the programme imported and forks a worker from itself whenever it is told to.

Importing takes most of a start; without it a run is about killing workers at work, not about starting them. What is
forked becomes `exitbrain serve` with the arguments given. When whoever gives the orders is gone, every worker is
killed.
"""

import json
import os
import random
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from exitbrain.infrastructure.cli.main import main
from exitbrain.infrastructure.event_store import postgres as _postgres  # noqa: F401 - the same
from exitbrain.infrastructure.worker import serving as _serving  # noqa: F401 - imported once for all workers

STDIN = 0


def nurse() -> dict[str, Any] | None:
    """Fork and reap until the orders end; return the order in each child, None in the end."""
    ours, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
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


def become(order: dict[str, Any]) -> None:
    """Turn into the process that the order describes; does not return."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, theirs)
    os.closerange(3, 256)
    random.seed()
    os.chdir(Path(order["log"]).parent)
    os.environ.update(order["environment"])
    sys.argv = ["exitbrain", *order["arguments"]]
    main()


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
