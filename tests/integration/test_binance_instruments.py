"""Instruments from the venue: the real client against a venue on this machine, in good days and bad."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.binance.access import BinanceAccess
from exitbrain.infrastructure.binance.futures import BinanceFutures
from exitbrain.infrastructure.binance.instruments import BinanceInstruments
from exitbrain.infrastructure.binance.payloads import MarkPrice
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.container import Container
from exitbrain.infrastructure.instruments.combined import CombinedInstruments
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.settings import SettingsError, load_settings
from tests.own_time import LIVENESS_S
from tests.venue import EXCHANGE_INFO, KEY, SECRET, Reply, Venue, commission, open_venue, refusal
from tests.world import World

pytestmark = pytest.mark.integration

BRACKETS = (Bracket(0.0, 50000.0, 0.005, 100.0, 0.0), Bracket(50000.0, 200000.0, 0.01, 50.0, 250.0))
AAA = Instrument("AAAUSDT", Decimal("0.10"), Decimal("0.001"), Decimal(100), None, BRACKETS)


class Seconds:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Heard:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        self.troubles: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, **facts: object) -> None:
        self.events.append((name, facts))

    def trouble(self, name: str, **facts: object) -> None:
        self.troubles.append((name, facts))


class Desk:
    """Instruments of a venue, with a clock and a journal that can be looked at."""

    def __init__(
        self, venue: Venue, *, keys: bool = True, secret: str = SECRET, timeout_s: float = 5.0
    ) -> None:
        self.seconds, self.journal = Seconds(), Heard()
        access = BinanceAccess(
            KEY if keys else "", secret if keys else "", url=venue.url, timeout_s=timeout_s
        )
        self.futures = BinanceFutures(access, now=self.seconds)
        self.instruments = BinanceInstruments(self.futures, self.journal, now=self.seconds)

    def error(self, name: str) -> str:
        return self.instruments.facts().sources[name].error


@pytest.fixture
def venue() -> Iterator[Venue]:
    """Open a venue for one test."""
    with open_venue() as opened:
        yield opened


def at(desk: Desk, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Live through a story and leave the desk in order."""

    async def whole() -> None:
        try:
            await story()
        finally:
            await desk.instruments.close()

    asyncio.run(whole())


def test_what_the_venue_tells_becomes_instruments(venue: Venue) -> None:
    desk = Desk(venue)

    async def story() -> None:
        assert desk.instruments.instrument("AAAUSDT") is None
        assert desk.instruments.age_s("AAAUSDT") is None
        await desk.instruments.refresh()

        assert desk.instruments.instrument("AAAUSDT") == AAA
        assert desk.instruments.instrument("ZZZUSDT") is None
        assert desk.instruments.mark_price("AAAUSDT") == MarkPrice(
            Decimal("50000.12345678"), datetime(2026, 1, 1, 12, tzinfo=UTC)
        )
        assert desk.instruments.mark_price("ZZZUSDT") is None

    at(desk, story)
    assert venue.asked == ["exchangeInfo", "premiumIndex", "time", "leverageBracket"]
    assert [name for name, _ in desk.journal.events] == ["instruments_fetched"] * 3
    assert desk.journal.troubles == []


def test_without_keys_only_public_calls_are_made(venue: Venue) -> None:
    desk = Desk(venue, keys=False)

    async def story() -> None:
        await desk.instruments.refresh()
        found = desk.instruments.instrument("AAAUSDT")
        assert found is not None
        assert (found.tick_size, found.brackets, found.taker_fee_bps) == (Decimal("0.10"), (), None)
        await desk.instruments.refresh()

    at(desk, story)
    assert venue.asked == ["exchangeInfo", "premiumIndex"]
    assert not desk.instruments.facts().signs


def test_each_source_is_asked_again_at_its_own_interval(venue: Venue) -> None:
    desk = Desk(venue)

    async def story() -> None:
        await desk.instruments.refresh()
        venue.asked.clear()
        for _ in range(300):
            desk.seconds.at += 1.0
            await desk.instruments.refresh()

    at(desk, story)
    asked = {path: venue.asked.count(path) for path in set(venue.asked)}
    assert asked == {"exchangeInfo": 1, "premiumIndex": 20, "leverageBracket": 1}


def test_an_answer_that_repeats_the_content_leaves_the_object_and_renews_its_age(venue: Venue) -> None:
    desk = Desk(venue, keys=False)

    async def story() -> None:
        await desk.instruments.refresh()
        before = desk.instruments.instrument("AAAUSDT")
        desk.seconds.at += 299.0
        assert desk.instruments.age_s("AAAUSDT") == 299.0
        desk.seconds.at += 1.0
        await desk.instruments.refresh()
        assert desk.instruments.instrument("AAAUSDT") is before
        assert desk.instruments.age_s("AAAUSDT") == 0.0

    at(desk, story)


def test_a_delisted_symbol_keeps_its_rules_and_ages(venue: Venue) -> None:
    desk = Desk(venue, keys=False)

    async def story() -> None:
        await desk.instruments.refresh()
        left = {**EXCHANGE_INFO, "symbols": EXCHANGE_INFO["symbols"][1:]}
        venue.replies["exchangeInfo"] = Reply(left)
        desk.seconds.at += 300.0
        await desk.instruments.refresh()

        gone = desk.instruments.instrument("AAAUSDT")
        assert gone is not None
        assert gone.tick_size == Decimal("0.10")
        assert desk.instruments.age_s("AAAUSDT") == 300.0
        assert desk.instruments.age_s("BBBUSDT") == 0.0
        assert desk.instruments.facts().sources["rules"].age_s == 0.0

    at(desk, story)


def test_filters_that_are_missing_are_not_known_and_a_symbol_that_can_not_be_read_harms_no_other(
    venue: Venue,
) -> None:
    content = deepcopy(EXCHANGE_INFO)
    first, second = content["symbols"]
    first["filters"] = [each for each in first["filters"] if each["filterType"] == "LOT_SIZE"]
    broken = {**second, "symbol": "CCCUSDT", "filters": [{"filterType": "PRICE_FILTER", "tickSize": "fine"}]}
    negative = {**second, "symbol": "DDDUSDT", "filters": [{"filterType": "LOT_SIZE", "stepSize": "-1"}]}
    venue.replies["exchangeInfo"] = Reply({**content, "symbols": [first, broken, negative, "what", second]})
    desk = Desk(venue, keys=False)

    async def story() -> None:
        await desk.instruments.refresh()
        assert desk.instruments.instrument("AAAUSDT") == Instrument("AAAUSDT", None, Decimal("0.001"))
        assert desk.instruments.instrument("CCCUSDT") is None
        found = desk.instruments.instrument("BBBUSDT")
        assert found is not None
        assert found.tick_size == Decimal("0.0001")

    at(desk, story)
    ((name, facts),) = desk.journal.troubles
    assert (name, facts["what"]) == ("instruments_unreadable", "rules")
    assert set(facts["symbols"]) == {"CCCUSDT", "DDDUSDT", "?"}  # type: ignore[call-overload]
    assert desk.instruments.facts().sources["rules"].unreadable == 3


@pytest.mark.parametrize(
    ("reply", "silent_s"),
    [
        (refusal(-1003, "Too many requests.", 429, Retry_After="17"), 17),
        (refusal(-1003, "Too many requests."), 60),
        (Reply(b"<html>slow down</html>", 429, content_type="text/html"), 60),
        (Reply(b"", 403), 60),
        (refusal(-1003, "Banned.", 418, Retry_After="999999999"), 259_200),
    ],
    ids=["429", "-1003", "429 without JSON", "403", "418 for ever"],
)
def test_a_venue_that_wants_silence_gets_it(venue: Venue, reply: Reply, silent_s: float) -> None:
    assert _silence(venue, reply) == silent_s


def test_a_venue_that_names_the_end_of_a_ban_gets_silence_until_then(venue: Venue) -> None:
    before_s = time.time()
    until_ms = round(1000 * (before_s + 3600))
    banned = refusal(-1003, f"Way too many requests; IP banned until {until_ms}.", 418)
    silent_s = _silence(venue, banned)
    assert 3600 - (time.time() - before_s) <= silent_s <= 3600.001  # the venue tells milliseconds


def _silence(venue: Venue, reply: Reply) -> float:
    """Let the venue give this answer, and return for how many seconds it is not asked again."""
    desk = Desk(venue)
    venue.first["exchangeInfo"] = [reply]
    silences: list[float] = []

    async def story() -> None:
        await desk.instruments.refresh()
        silences.append(desk.instruments.facts().silent_s)
        desk.seconds.at += desk.instruments.facts().silent_s - 1.0
        await desk.instruments.refresh()
        assert venue.asked == ["exchangeInfo"]
        desk.seconds.at += 2.0
        await desk.instruments.refresh()
        assert desk.instruments.instrument("AAAUSDT") == AAA

    at(desk, story)
    assert "Binance answered" in str(desk.journal.troubles[0][1]["error"])
    assert desk.error("rules") == ""
    return silences[0]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"<html>bad gateway</html>", 502, content_type="text/html"), "answered 502 (no code)"),
        (refusal(-1001, "Internal error; unable to process your request.", 500), "answered 500 (-1001)"),
        (refusal(-1007, "Timeout waiting for response.", 408), "answered 408 (-1007)"),
        (Reply(["no", "object"], 500), "an unreadable error"),
        (Reply(b'{"symbols": [', 200), "could not be asked"),
        (Reply(b"[" * 100_000, 200), "no readable answer"),
        (Reply(b"\xff\xfe", 200), "no readable answer"),
        (Reply(b"<html></html>", 200, content_type="text/html"), "sent no JSON"),
        (Reply(b"", 200), "no list of symbols"),
        (Reply([1, 2], 200), "no list of symbols"),
        (Reply({"symbols": {}}, 200), "no list of symbols"),
        (Reply(b'{"symbols"', 200, length=5000), "could not be asked"),
        (refusal(-9999, "Something new.", 400), "answered 400 (-9999)"),
    ],
    ids=[
        "502", "500", "408", "error that is a list", "cut JSON", "deep JSON", "no UTF-8", "HTML", "nothing", "list",
        "no symbols", "cut connection", "unknown code",
    ],
)  # fmt: skip
def test_an_answer_that_can_not_be_used_leaves_the_older_one_in_force(
    venue: Venue, reply: Reply, said: str
) -> None:
    desk = Desk(venue)

    async def story() -> None:
        await desk.instruments.refresh()
        venue.first["exchangeInfo"] = [reply]
        desk.seconds.at += 300.0
        await desk.instruments.refresh()

        assert desk.instruments.instrument("AAAUSDT") == AAA
        assert desk.instruments.age_s("AAAUSDT") == 300.0
        facts = desk.instruments.facts().sources["rules"]
        assert (facts.age_s, facts.failures) == (300.0, 1)
        assert said in facts.error
        assert desk.error("brackets") == desk.error("mark_price") == ""

        desk.seconds.at += 5.0
        await desk.instruments.refresh()
        assert desk.instruments.facts().sources["rules"].age_s == 0.0
        assert desk.error("rules") == ""

    at(desk, story)
    ((name, facts),) = desk.journal.troubles
    assert (name, facts["what"], facts["age_s"]) == ("instruments_not_fetched", "rules", 300.0)
    assert ("instruments_fetched", {"what": "rules", "after_failures": 1}) in desk.journal.events


def test_a_venue_that_stays_away_is_asked_ever_less_often(venue: Venue) -> None:
    venue.replies["exchangeInfo"] = refusal(-1001, "Internal error.", 500)
    desk = Desk(venue, keys=False)

    async def story() -> None:
        tried: list[float] = []
        for _ in range(700):
            count = venue.asked.count("exchangeInfo")
            await desk.instruments.refresh()
            if venue.asked.count("exchangeInfo") > count:
                tried.append(desk.seconds.at - 1000.0)
            desk.seconds.at += 1.0
        assert tried == [0.0, 5.0, 15.0, 35.0, 75.0, 155.0, 315.0, 615.0]

    at(desk, story)


def test_nobody_there_is_noted_and_not_raised(venue: Venue) -> None:
    desk = Desk(venue)
    venue.url = "http://127.0.0.1:1"
    desk = Desk(venue)

    async def story() -> None:
        await desk.instruments.refresh()
        assert "could not be asked for exchangeInfo" in desk.error("rules")
        assert desk.instruments.instrument("AAAUSDT") is None

    at(desk, story)


def test_a_venue_that_hangs_holds_up_neither_refresh_nor_the_end(venue: Venue) -> None:
    desk = Desk(venue, timeout_s=3600.0)
    venue.replies["exchangeInfo"] = Reply(None, hangs=True)

    async def story() -> None:
        async with asyncio.timeout(LIVENESS_S):
            await desk.instruments.refresh()
            await desk.instruments.refresh()
        assert venue.hanging.is_set()
        assert desk.instruments.instrument("AAAUSDT") is None

    at(desk, story)
    assert venue.asked == ["exchangeInfo"]


def test_a_venue_that_hangs_is_given_up_after_the_timeout_and_the_rest_is_asked(venue: Venue) -> None:
    desk = Desk(venue, timeout_s=0.2)
    venue.replies["exchangeInfo"] = Reply(None, hangs=True)

    async def story() -> None:
        await desk.instruments.fetch()
        assert "did not answer in time when asked for exchangeInfo" in desk.error("rules")
        found = desk.instruments.instrument("AAAUSDT")
        assert found is not None
        assert (found.tick_size, found.brackets) == (None, BRACKETS)

    at(desk, story)


@pytest.mark.parametrize("ahead_s", [-50.0, 50.0])
def test_a_clock_that_is_wrong_is_set_by_the_venue_and_again_when_it_jumps(
    venue: Venue, ahead_s: float
) -> None:
    desk = Desk(venue)
    venue.ahead_s = ahead_s

    async def story() -> None:
        await desk.instruments.refresh()
        assert desk.error("brackets") == ""
        venue.ahead_s = -ahead_s
        venue.asked.clear()
        desk.seconds.at += 300.0
        await desk.instruments.refresh()
        assert desk.error("brackets") == ""
        assert venue.asked[-3:] == ["leverageBracket", "time", "leverageBracket"]

    at(desk, story)


def test_a_clock_that_can_not_be_set_right_costs_the_brackets_only(venue: Venue) -> None:
    desk = Desk(venue)
    venue.first["leverageBracket"] = [refusal(-1021, "Timestamp is outside of the recvWindow.")] * 2

    async def story() -> None:
        await desk.instruments.refresh()
        assert "(-1021)" in desk.error("brackets")
        found = desk.instruments.instrument("AAAUSDT")
        assert found is not None
        assert found.tick_size == Decimal("0.10")

    at(desk, story)


def test_keys_that_are_refused_cost_what_needs_them_and_show_nowhere(venue: Venue) -> None:
    desk = Desk(venue, secret="another-secret")  # noqa: S106 - of a test

    async def story() -> None:
        await desk.instruments.refresh()
        assert "(-1022)" in desk.error("brackets")
        found = desk.instruments.instrument("AAAUSDT")
        assert found is not None
        assert found.brackets == ()

    at(desk, story)
    shown = f"{desk.instruments.facts()} {desk.journal.troubles} {desk.futures.access!r}"
    assert "another-secret" not in shown
    assert KEY not in shown


def test_the_commission_is_fetched_for_symbols_that_were_asked_for_and_is_their_fee(venue: Venue) -> None:
    desk = Desk(venue)
    venue.replies["commissionRate AAAUSDT"] = Reply(commission("AAAUSDT", "0.000350"))

    async def story() -> None:
        await desk.instruments.refresh()
        desk.instruments.instrument("AAAUSDT")
        desk.instruments.instrument("ZZZUSDT")
        await desk.instruments.refresh()
        found = desk.instruments.instrument("AAAUSDT")
        assert found is not None
        assert found.taker_fee_bps == 3.5
        for step_s in (*[60.0] * 59, 59.0):
            desk.seconds.at += step_s
            await desk.instruments.refresh()
        assert [path for path in venue.asked if "commission" in path] == ["commissionRate AAAUSDT"]
        desk.seconds.at += 1.0
        await desk.instruments.refresh()
        assert venue.asked.count("commissionRate AAAUSDT") == 2

    at(desk, story)


def test_one_round_asks_for_ten_commissions_at_most_and_a_refused_one_stops_none(venue: Venue) -> None:
    symbols = [f"S{number:02}USDT" for number in range(25)]
    rules = EXCHANGE_INFO["symbols"][0]
    venue.replies["exchangeInfo"] = Reply({"symbols": [{**rules, "symbol": each} for each in symbols]})
    venue.replies["commissionRate S03USDT"] = refusal(-1121, "Invalid symbol.")
    venue.replies["commissionRate S04USDT"] = Reply({"symbol": "S04USDT"})
    desk = Desk(venue)

    async def story() -> None:
        await desk.instruments.refresh()
        for symbol in symbols:
            desk.instruments.instrument(symbol)
        counts = []
        for _ in range(4):
            await desk.instruments.refresh()
            counts.append(sum("commission" in path for path in venue.asked))
        assert counts == [10, 20, 25, 25]
        known = {each for each in symbols if _fee(desk, each) is not None}
        assert known == set(symbols) - {"S03USDT", "S04USDT"}
        assert desk.instruments.facts().sources["commission"].unreadable == 2

    at(desk, story)


def _fee(desk: Desk, symbol: str) -> float | None:
    found = desk.instruments.instrument(symbol)
    return None if found is None else found.taker_fee_bps


def test_an_address_that_has_used_half_its_weight_leaves_the_rest_to_orders(venue: Venue) -> None:
    desk = Desk(venue)
    venue.headers["X-MBX-USED-WEIGHT-1M"] = "1201"

    async def story() -> None:
        await desk.instruments.refresh()
        assert venue.asked == ["exchangeInfo"]
        assert "used 1201 of the 2400" in desk.error("mark_price")
        assert desk.instruments.facts().used_weight == 1201
        venue.headers["X-MBX-USED-WEIGHT-1M"] = "12"
        desk.seconds.at += 59.0
        await desk.instruments.refresh()
        assert venue.asked == ["exchangeInfo"]
        desk.seconds.at += 1.0
        await desk.instruments.refresh()
        assert desk.instruments.instrument("AAAUSDT") == AAA

    at(desk, story)


def _decided(world: World) -> LevelsComputed:
    outcome = world.intent(
        symbol="AAAUSDT", side="BUY", leverage=10, entry_price=50000, quantity=0.1, volatility_factor=1.0
    )
    decision = world.decision_of(outcome)
    assert isinstance(decision, LevelsComputed)
    return decision


def test_decisions_are_made_without_an_answer_with_one_and_with_a_stale_one(venue: Venue) -> None:
    desk = Desk(venue)
    world = World(policy="v3.6", instruments=desk.instruments)

    async def story() -> None:
        missing = _decided(world)
        await desk.instruments.refresh()
        fresh = _decided(world)
        failing = refusal(-1001, "Internal error.", 500)
        venue.replies = dict.fromkeys([*venue.replies, "commissionRate"], failing)
        desk.seconds.at += 86_400.0
        await desk.instruments.refresh()
        stale = _decided(world)

        assert {"levels_on_distinct_ticks", "stop_inside_liquidation"} <= missing.levels.guards.unknown.keys()
        assert {"levels_on_distinct_ticks", "stop_inside_liquidation"} <= set(fresh.levels.guards.passed)
        assert stale.levels.guards == fresh.levels.guards
        assert stale.context.snapshot == fresh.context.snapshot != missing.context.snapshot
        assert desk.instruments.age_s("AAAUSDT") == 86_400.0

    at(desk, story)
    world.check_every_replay_is_exact()


def test_the_commission_wins_over_the_configured_fee_of_a_decision(venue: Venue) -> None:
    desk = Desk(venue)
    venue.replies["commissionRate AAAUSDT"] = Reply(commission("AAAUSDT", "0.000900"))
    world = World(policy="v3.6", instruments=desk.instruments)

    async def story() -> None:
        await desk.instruments.refresh()
        before = _decided(world)
        await desk.instruments.refresh()
        after = _decided(world)
        assert (before.inputs.fee_bps, after.inputs.fee_bps) == (5.0, 9.0)

    at(desk, story)


def test_a_file_beside_the_venue_gives_the_brackets_that_need_keys(venue: Venue, tmp_path: Path) -> None:
    path = tmp_path / "beside.json"
    rules = {"tick_size": "0.5", "brackets": [[0, 1000, 0.02, 20]]}
    path.write_text(json.dumps({"AAAUSDT": rules, "FFFUSDT": rules}), encoding="utf-8")
    desk = Desk(venue, keys=False)
    both = CombinedInstruments(desk.instruments, InstrumentsFile(path))
    of_file = (Bracket(0.0, 1000.0, 0.02, 20.0, 0.0),)

    async def story() -> None:
        before = both.instrument("AAAUSDT")
        assert before is not None
        assert before.tick_size == Decimal("0.5")
        await desk.instruments.refresh()
        found = both.instrument("AAAUSDT")
        assert found == Instrument("AAAUSDT", Decimal("0.10"), Decimal("0.001"), Decimal(100), None, of_file)
        assert both.instrument("AAAUSDT") is found
        assert both.instrument("BBBUSDT") == desk.instruments.instrument("BBBUSDT")
        assert both.instrument("FFFUSDT") == Instrument("FFFUSDT", Decimal("0.5"), brackets=of_file)
        assert both.instrument("ZZZUSDT") is None

    at(desk, story)


def test_the_settings_name_the_venue_its_keys_and_the_file_beside_it(venue: Venue, tmp_path: Path) -> None:
    path = tmp_path / "beside.json"
    path.write_text(json.dumps({"FFFUSDT": {"tick_size": "0.5"}}), encoding="utf-8")
    settings = load_settings(
        instruments="binance",
        instruments_beside=path,
        binance_api_key=KEY,
        binance_api_secret=SECRET,
        binance_url=venue.url,
    )
    assert SECRET not in f"{settings!r}{settings}{settings.model_dump_json()}"
    container = Container(settings=settings)
    live = container.venue_instruments()

    async def story() -> None:
        assert live is not None
        try:
            await live.refresh()
        finally:
            await live.close()

    asyncio.run(story())
    assert container.instruments().instrument("AAAUSDT") == AAA
    assert container.instruments().instrument("FFFUSDT") == Instrument("FFFUSDT", Decimal("0.5"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"instruments": "binance", "binance_api_key": KEY}, "BINANCE_API_SECRET is missing"),
        ({"instruments": "binance", "binance_api_secret": SECRET}, "BINANCE_API_KEY is missing"),
        ({"instruments_beside": "beside.json"}, "INSTRUMENTS_BESIDE is for INSTRUMENTS=binance alone"),
    ],
)
def test_settings_that_can_not_be_meant_are_refused_without_the_keys(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        Container(settings=load_settings(**given)).instruments()

    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_client_of_the_venue_is_imported_only_where_the_settings_name_it() -> None:
    code = (
        "import sys\n"
        "from exitbrain.infrastructure.container import Container\n"
        "from exitbrain.infrastructure.settings import load_settings\n"
        "Container(settings=load_settings(instruments=sys.argv[1] or None)).instruments()\n"
        "print('binance' in sys.modules)\n"
    )

    def imported(instruments: str) -> str:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, instruments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert (imported(""), imported("binance")) == ("False", "True")


def test_doctor_asks_the_venue_and_shows_no_key(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXITBRAIN_INSTRUMENTS", "binance")
    monkeypatch.setenv("EXITBRAIN_BINANCE_URL", venue.url)
    monkeypatch.setenv("EXITBRAIN_BINANCE_API_KEY", KEY)
    monkeypatch.setenv("EXITBRAIN_BINANCE_API_SECRET", SECRET)

    assert run(["doctor", "--json"]) == 0
    good = json.loads(capsys.readouterr().out)
    venue.replies["leverageBracket"] = refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    assert run(["doctor", "--json"]) == 0
    bad = json.loads(capsys.readouterr().out)

    (found,) = (each for each in good["checks"] if each["name"] == "venue")
    assert found["ok"] is True
    assert found["detail"] == "rules of 2 symbols; mark price of 2 symbols; brackets of 2 symbols"
    (found,) = (each for each in bad["checks"] if each["name"] == "venue")
    assert found["ok"] is False
    assert "-2015" in found["detail"]
    assert KEY not in json.dumps([good, bad])
    assert SECRET not in json.dumps([good, bad])
