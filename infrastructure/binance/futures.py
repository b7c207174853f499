"""BinanceFutures: the calls we make to the USD-M futures API, with their limits kept and their errors named."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from binance import AsyncClient

from exitbrain.infrastructure.binance.access import BinanceAccess
from exitbrain.infrastructure.binance.errors import ClockSkewed, RateLimited, venue_errors
from exitbrain.infrastructure.binance.payloads import server_time_of

WEIGHT_PER_MINUTE = 2_400
"""What the venue allows one address."""

OWN_WEIGHT_MAX = WEIGHT_PER_MINUTE // 2
"""From here on nothing is asked that can wait: the rest belongs to orders that protect a position."""

_USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"


class BinanceFutures:
    """Ask the venue. Every call raises VenueError; an answer is JSON that nobody has looked at yet.

    It connects with the first call, in whose event loop it must be used from then on.
    """

    def __init__(self, access: BinanceAccess, *, now: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self.used_weight = 0
        self._now = now
        self._weighed_at = float("-inf")
        self._client: Any = None
        self._clock_is_set = False

    async def exchange_info(self) -> Any:
        """Return the trading rules of every symbol; weight 1."""
        return await self._public("exchangeInfo", lambda client: client.futures_exchange_info())

    async def premium_index(self) -> Any:
        """Return the mark price of every symbol; weight 10."""
        return await self._public("premiumIndex", lambda client: client.futures_mark_price())

    async def leverage_brackets(self) -> Any:
        """Return the leverage brackets of every symbol, as they are for this account; signed, weight 1."""
        return await self._signed("leverageBracket", lambda client: client.futures_leverage_bracket())

    async def commission_rate(self, symbol: str) -> Any:
        """Return the commission of this account for a symbol; signed, weight 20."""
        return await self._signed(
            "commissionRate", lambda client: client.futures_commission_rate(symbol=symbol)
        )

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close_connection()

    async def _public(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        self._check_budget()
        if self._client is None:
            self._client = _client(self.access)
        with venue_errors(what):
            answer = await call(self._client)
        used = self._client.response.headers.get(_USED_WEIGHT, "")
        if used.isascii() and used.isdigit():
            self.used_weight, self._weighed_at = int(used), self._now()
        return answer

    async def _signed(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        if not self._clock_is_set:
            await self._set_clock()
        try:
            return await self._public(what, call)
        except ClockSkewed:
            await self._set_clock()
            return await self._public(what, call)

    async def _set_clock(self) -> None:
        before = time.time()
        server_time = server_time_of(await self._public("time", lambda client: client.futures_time()))
        self._client.timestamp_offset = server_time - round(500 * (before + time.time()))
        self._clock_is_set = True

    def _check_budget(self) -> None:
        wait_s = self._weighed_at + 60.0 - self._now()
        if self.used_weight > OWN_WEIGHT_MAX and wait_s > 0:
            raise RateLimited(
                f"this address has used {self.used_weight} of the {WEIGHT_PER_MINUTE} that Binance allows a minute",
                wait_s,
            )


def _client(access: BinanceAccess) -> Any:
    # Not AsyncClient.create: it asks the spot API, another host, and sets the clock by that.
    client = AsyncClient(
        access.api_key or None,
        access.api_secret or None,
        requests_params={"timeout": aiohttp.ClientTimeout(total=access.timeout_s)},
        testnet=access.testnet,
    )
    if access.url is not None:
        client.FUTURES_URL = client.FUTURES_TESTNET_URL = f"{access.url.rstrip('/')}/fapi"
    return client
