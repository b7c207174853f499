"""Where the keys of the venue go: with signed calls alone, to the venue or to whom a setting names, over https."""

import asyncio
from collections.abc import Iterator

import pytest

from exitbrain.infrastructure.binance.access import BinanceAccess
from exitbrain.infrastructure.binance.errors import CallRefused, ClockSkewed, VenueError
from exitbrain.infrastructure.binance.futures import BinanceFutures
from exitbrain.infrastructure.binance.instruments import look
from exitbrain.infrastructure.settings import SettingsError
from tests.venue import KEY, SECRET, SIGNED, Reply, Venue, open_venue, refusal

pytestmark = pytest.mark.integration


@pytest.fixture
def venue() -> Iterator[Venue]:
    with open_venue() as opened:
        yield opened


def access(venue: Venue) -> BinanceAccess:
    return BinanceAccess(KEY, SECRET, url=venue.url)


def brackets(venue: Venue) -> object:
    async def ask() -> object:
        futures = BinanceFutures(access(venue))
        try:
            return await futures.leverage_brackets()
        finally:
            await futures.close()

    return asyncio.run(ask())


def test_the_key_goes_out_with_signed_calls_alone(venue: Venue) -> None:
    asyncio.run(look(access(venue)))

    asked = {path for path, _ in venue.requests}
    assert {"exchangeInfo", "premiumIndex", "time", "leverageBracket"} <= asked
    for path, headers in venue.requests:
        assert (KEY in str(headers)) is (path in SIGNED), path
        assert SECRET not in str(headers)


def test_proxies_and_passwords_of_the_environment_are_not_used(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_venue() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert brackets(venue)
        assert proxy.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["leverageBracket", "time"])
def test_a_redirect_is_not_followed(venue: Venue, status: int, path: str) -> None:
    with open_venue() as elsewhere:
        location = f"{elsewhere.url}/fapi/v1/{path}"
        venue.first[path] = [Reply({}, status, {"Location": location})]

        with pytest.raises(CallRefused, match=f"answered {status} .* which is not followed"):
            brackets(venue)
        assert elsewhere.requests == []


@pytest.mark.parametrize("ahead_s", [-90.0, 90.0, 86_400.0])
def test_nothing_is_signed_by_a_clock_that_is_far_from_ours(venue: Venue, ahead_s: float) -> None:
    venue.ahead_s = ahead_s

    with pytest.raises(
        ClockSkewed, match=r"the clock of Binance is [+-]\d+ s from ours, and nothing is signed"
    ):
        brackets(venue)
    assert [path for path, _ in venue.requests] == ["time"]


def test_a_clock_that_jumps_away_later_is_not_followed(venue: Venue) -> None:
    venue.first["leverageBracket"] = [refusal(-1021, "Timestamp is outside of the recvWindow.")]

    async def story() -> None:
        futures = BinanceFutures(access(venue))
        try:
            await futures.leverage_brackets()
            venue.ahead_s = 3_600.0
            with pytest.raises(ClockSkewed, match="nothing is signed"):
                await futures.leverage_brackets()
        finally:
            await futures.close()

    asyncio.run(story())
    signed = [path for path, _ in venue.requests if path in SIGNED]
    assert len(signed) == 3, "the second refusal was answered with another signature"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example",
        "http://10.0.0.7:8080",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://localhost.evil.example:80",
        "http://evil.example#127.0.0.1",
        "http://evil.example\\@127.0.0.1",
        "http://[::ffff:10.0.0.7]",
        "ftp://127.0.0.1",
        "https://",
        "https://evil.example?x=",
        "fapi.binance.com",
        "https://good.example/?to=@evil.example",
    ],
)
def test_an_address_without_https_is_refused(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"setting BINANCE_URL is .*; allowed: https://HOST, or http://127"
    ):
        BinanceAccess(KEY, SECRET, url=url)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (BinanceAccess(KEY, SECRET), "https://fapi.binance.com"),
        (BinanceAccess(KEY, SECRET, testnet=True), "https://testnet.binancefuture.com"),
        (BinanceAccess(KEY, SECRET, url="https://demo-fapi.binance.com/"), "https://demo-fapi.binance.com"),
        (BinanceAccess(KEY, SECRET, url="http://[::1]:8080"), "http://[::1]:8080"),
        (BinanceAccess(KEY, SECRET, testnet=True, url="http://localhost:1"), "http://localhost:1"),
    ],
)
def test_every_call_goes_to_one_address(
    given: BinanceAccess, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def request(_session: object, _method: str, url: object, **options: object) -> object:
        asked.append(str(url))
        assert options.get("ssl", True) is True, "the certificate is checked"
        raise OSError("there is no network here")

    monkeypatch.setattr("aiohttp.ClientSession._request", request)

    async def ask() -> None:
        futures = BinanceFutures(given)
        try:
            for call in (futures.exchange_info, futures.premium_index, futures.leverage_brackets):
                with pytest.raises(VenueError):
                    await call()
        finally:
            await futures.close()

    asyncio.run(ask())
    assert len(asked) == 3
    assert all(url.startswith(f"{address}/fapi/v1/") for url in asked), asked
