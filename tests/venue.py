"""A small venue on this machine: answers of the public shape, signatures checked, and every way to fail."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY, SECRET = "key-of-a-test", "secret-of-a-test"
SIGNED = ("leverageBracket", "commissionRate")

EXCHANGE_INFO: dict[str, Any] = {
    "timezone": "UTC",
    "serverTime": 1767268800000,
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
    ],
    "assets": [{"asset": "USDT", "marginAvailable": True}],
    "symbols": [
        {
            "symbol": symbol,
            "pair": symbol,
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "liquidationFee": "0.012500",
            "triggerProtect": "0.0500",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "1000", "stepSize": step},
                {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": "120", "stepSize": step},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": notional},
                {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
            ],
            "orderTypes": ["LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET"],
        }
        for symbol, tick, step, notional in (
            ("AAAUSDT", "0.10", "0.001", "100"),
            ("BBBUSDT", "0.0001", "1", "5"),
        )
    ],
}
BRACKETS = [
    {
        "symbol": symbol,
        "brackets": [
            {
                "bracket": 2,
                "initialLeverage": 50,
                "notionalCap": 200000,
                "notionalFloor": 50000,
                "maintMarginRatio": 0.01,
                "cum": 250.0,
            },
            {
                "bracket": 1,
                "initialLeverage": 100,
                "notionalCap": 50000,
                "notionalFloor": 0,
                "maintMarginRatio": 0.005,
                "cum": 0.0,
            },
        ],
    }
    for symbol in ("AAAUSDT", "BBBUSDT")
]
PREMIUM_INDEX = [
    {
        "symbol": symbol,
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": "0.00010000",
        "interestRate": "0.00010000",
        "nextFundingTime": 1767283200000,
        "time": 1767268800000,
    }
    for symbol, price in (("AAAUSDT", "50000.12345678"), ("BBBUSDT", "1.25000000"))
]


def commission(symbol: str, taker: str = "0.000400") -> dict[str, str]:
    """Return the answer for the commission of a symbol."""
    return {"symbol": symbol, "makerCommissionRate": "0.000200", "takerCommissionRate": taker}


@dataclass
class Reply:
    """What the venue answers; a `body` that is not bytes is sent as JSON. `hangs` answers when the venue closes."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    hangs: bool = False
    length: int | None = None


def refusal(code: int, text: str, status: int = 400, **headers: str) -> Reply:
    """Return an error as the venue words it."""
    return Reply(
        {"code": code, "msg": text}, status, {name.replace("_", "-"): v for name, v in headers.items()}
    )


class Venue:
    """The replies by path, a queue of replies that come first, and what was asked for, with the headers of each.

    `ahead_s` is how far the venue's clock is ahead; signed calls are held against it as the venue does.
    """

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {
            "exchangeInfo": Reply(EXCHANGE_INFO),
            "premiumIndex": Reply(PREMIUM_INDEX),
            "leverageBracket": Reply(BRACKETS),
        }
        self.first: dict[str, list[Reply]] = {}
        self.asked: list[str] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.ahead_s = 0.0
        self.headers: dict[str, str] = {}
        self.closing = threading.Event()
        self.hanging = threading.Event()
        self.url = ""

    def reply(self, path: str, query: str, key: str | None) -> Reply:
        """Return what is answered to a call."""
        values = {name: each[0] for name, each in parse_qs(query).items()}
        symbol = values.get("symbol")
        self.asked.append(path if symbol is None else f"{path} {symbol}")
        if path == "time" and not self.first.get(path):
            return Reply({"serverTime": self._now_ms()})
        if path in SIGNED and (refused := self._unsigned(query, values, key)):
            return refused
        for name in (f"{path} {symbol}", path):
            if self.first.get(name):
                return self.first[name].pop(0)
            if name in self.replies:
                return self.replies[name]
        return Reply(commission(symbol)) if symbol else refusal(-5000, "Path is invalid", 404)

    def _unsigned(self, query: str, values: dict[str, str], key: str | None) -> Reply | None:
        signed, _, signature = query.rpartition("&signature=")
        expected = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if key != KEY:
            return refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if not hmac.compare_digest(expected, signature):
            return refusal(-1022, "Signature for this request is not valid.")
        behind_ms = self._now_ms() - int(values["timestamp"])
        if not -1000 < behind_ms <= int(values["recvWindow"]):
            return refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        return None

    def _now_ms(self) -> int:
        return round(1000 * (time.time() + self.ahead_s))


@contextmanager
def open_venue() -> Iterator[Venue]:
    """Open a venue; what still hangs when it closes is cut."""
    venue = Venue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            path = address.path.removeprefix("/fapi/v1/")
            venue.requests.append((path, dict(self.headers)))
            reply = venue.reply(path, address.query, self.headers["X-MBX-APIKEY"])
            if reply.hangs:
                venue.hanging.set()
                venue.closing.wait()
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            sent = {"Content-Type": reply.content_type, **venue.headers, **reply.headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.length or len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = reply.length is not None

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    venue.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield venue
    finally:
        venue.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
