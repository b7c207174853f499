"""A producer of its own process: synthetic intents and closes at a steady rate, until the end of its input.

Each message carries a trace id. One whose reply was lost is sent again with the same trace id, and so is one in
twenty for no reason, as producers do. One intent in five is followed by a report of what an executor made of it: with an
order id that is none, a counter, or real; by a clock that may be hours off; at once, or after later entries. What the
server has acknowledged is written to a file, one entry a line.
"""

import json
import select
import sys
from collections.abc import Iterator
from random import Random
from time import monotonic, time
from typing import Any

import redis

from exitbrain.infrastructure.demo.synthetic import messages
from tests.names import TRADE_CLOSES

RESEND_ONE_IN = 20
REPORT_ONE_IN = 5
RETRY_AFTER_S = 0.05
MANY = 10_000_000
Sent = tuple[str, dict[str, str]]


def produce(url: str, seed: int, rate_per_s: float, symbols: int, acknowledged: str) -> None:
    """Send until told to stop; nothing is left unsent in between."""
    client = redis.Redis.from_url(url, socket_timeout=5, retry=None, decode_responses=True)
    began, count = monotonic(), 0
    with open(acknowledged, "w", encoding="utf-8") as file:  # noqa: PTH123 - a name from the command line
        for stream, fields in _resent(Random(seed), seed, symbols):
            count += 1
            if _told_to_stop(began + count / rate_per_s - monotonic()):
                return
            entry_id = _insist(client, stream, fields)
            file.write(f"{stream} {entry_id}\n")


def _resent(random: Random, seed: int, symbols: int) -> Iterator[Sent]:
    last: list[Sent] = []
    late: list[Sent] = []
    for number, message in enumerate(messages(MANY, seed=seed, symbols=symbols), start=1):
        sent = (message["stream"], _fields(message["fields"], f"trace-{seed}-{number}"))
        yield sent
        last = [*last[-30:], sent]
        if random.randrange(REPORT_ONE_IN) == 0:
            late.append(_report(random, random.choice((sent, *last)), f"report-{seed}-{number}"))
        if late and random.randrange(3) == 0:
            yield late.pop(random.randrange(len(late)))
        if random.randrange(RESEND_ONE_IN) == 0:
            yield random.choice(last)


def _report(random: Random, of: Sent, trace_id: str) -> Sent:
    """Return what an executor reports of a message."""
    about = json.loads(of[1]["payload"]) if "payload" in of[1] else of[1]
    off_s = random.choice((0, 0, -5 * 3600, 25))
    fields = {
        "symbol": str(about.get("symbol", "")),
        "side": random.choice(("LONG", "SHORT", "BUY", "SELL")),
        "order_id": random.choice(
            ("None", "", "0", str(random.randrange(9)), str(random.randrange(10**18, 10**19)))
        ),
        "pnl_percent": random.choice(("0.4", "-0.2", "nan")),
        "timestamp": str(int(time() + off_s)),
        "trace_id": trace_id,
    }
    return TRADE_CLOSES, fields


def _fields(fields: dict[str, Any], trace_id: str) -> dict[str, str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    return texts | {"trace_id": trace_id}


def _insist(client: redis.Redis, stream: str, fields: dict[str, str]) -> str:
    while True:
        try:
            entry_id = client.xadd(stream, dict[Any, Any](fields))
        except (redis.RedisError, OSError):
            _told_to_stop(RETRY_AFTER_S)  # the server is away; the message may or may not have arrived
        else:
            return str(entry_id)


def _told_to_stop(within_s: float) -> bool:
    """Wait, and return early when the input has ended."""
    ready, _, _ = select.select([sys.stdin], [], [], max(0.0, within_s))
    return bool(ready)


if __name__ == "__main__":
    produce(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
