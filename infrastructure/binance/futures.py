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

CLOCK_APART_MAX_S = 60
"""How far the venue's clock may be from ours where something is signed by it."""

_USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"


class BinanceFutures:
    """Ask the venue. Every call raises VenueError; an answer is JSON that nobody has looked at yet.

    It connects with the first call, in whose event loop it must be used from then on. The key goes out with signed
    calls alone: python-binance gives it to every request of a client, so public calls have a client without keys.
    """

    def __init__(self, access: BinanceAccess, *, now: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self.used_weight = 0
        self._now = now
        self._weighed_at = float("-inf")
        self._client: Any = None
        self._signing: Any = None

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
        clients, self._client, self._signing = (self._client, self._signing), None, None
        for client in clients:
            if client is not None:
                await client.close_connection()

    async def _public(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._client is None:
            self._client = _client(self.access, "", "")
        return await self._ask(self._client, what, call)

    async def _signed(self, what: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        if self._signing is None:
            offset_ms = await self._clock_offset_ms()
            self._signing = _client(self.access, self.access.api_key, self.access.api_secret)
            self._signing.timestamp_offset = offset_ms
        try:
            return await self._ask(self._signing, what, call)
        except ClockSkewed:
            self._signing.timestamp_offset = await self._clock_offset_ms()
            return await self._ask(self._signing, what, call)

    async def _ask(self, client: Any, what: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
        self._check_budget()
        with venue_errors(what):
            answer = await call(client)
        used = client.response.headers.get(_USED_WEIGHT, "")
        if used.isascii() and used.isdigit():
            self.used_weight, self._weighed_at = int(used), self._now()
        return answer

    async def _clock_offset_ms(self) -> int:
        """Return how far the venue's clock is ahead of ours.

        A signature holds for a time: who could name any time would get one that holds tomorrow. Raises ClockSkewed.
        """
        before = time.time()
        server_time = server_time_of(await self._public("time", lambda client: client.futures_time()))
        offset_ms = server_time - round(500 * (before + time.time()))
        if abs(offset_ms) > 1000 * CLOCK_APART_MAX_S:
            raise ClockSkewed(
                f"the clock of Binance is {offset_ms / 1000:+.0f} s from ours, and nothing is signed from {CLOCK_APART_MAX_S} s on; "
                "set the clock of this machine"
            )
        return offset_ms

    def _check_budget(self) -> None:
        wait_s = self._weighed_at + 60.0 - self._now()
        if self.used_weight > OWN_WEIGHT_MAX and wait_s > 0:
            raise RateLimited(
                f"this address has used {self.used_weight} of the {WEIGHT_PER_MINUTE} that Binance allows a minute",
                wait_s,
            )


def _client(access: BinanceAccess, key: str, secret: str) -> Any:
    # Not AsyncClient.create: it asks the spot API, another host, and sets the clock by that.
    client = AsyncClient(
        key or None,
        secret or None,
        # A redirect would take the key to wherever an answer says.
        requests_params={
            "timeout": aiohttp.ClientTimeout(total=access.timeout_s),
            "allow_redirects": False,
        },
    )
    client.FUTURES_URL = f"{access.address}/fapi"
    return client
