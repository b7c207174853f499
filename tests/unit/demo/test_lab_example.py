"""The laboratory's example: its record agrees with its candles, and the two effects differ in the dips alone."""

import json
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from math import log
from typing import Any

import pytest

from exitbrain.application.ports.market import MarketData
from exitbrain.domain.values import Side
from exitbrain.infrastructure.demo import synthetic
from exitbrain.infrastructure.demo.candles import MINUTE_MS, SyntheticMarket, lines
from exitbrain.infrastructure.demo.lab_example import LabExample, PlantedEffect, lab_example

DAYS, SEED = 4, 7
Trade = tuple[int, dict[str, Any], int, dict[str, Any]]
"""When a position was entered, its intent, when it was closed, and the report of that."""


@pytest.fixture(scope="module")
def wicks() -> LabExample:
    return lab_example(PlantedEffect.WICKS, days=DAYS, seed=SEED)


@pytest.fixture(scope="module")
def none() -> LabExample:
    return lab_example(PlantedEffect.NONE, days=DAYS, seed=SEED)


def trades_of(example: LabExample) -> dict[str, list[Trade]]:
    """Return the positions of each symbol; fails where two overlap."""
    found: dict[str, list[Trade]] = {symbol: [] for symbol in example.candles}
    entered: dict[str, tuple[int, dict[str, Any]]] = {}
    for message in example.messages:
        at_ms, fields = int(message["stream_id"].partition("-")[0]), message["fields"]
        if message["stream"].endswith("intent"):
            intent = json.loads(fields["payload"])
            assert intent["symbol"] not in entered
            entered[intent["symbol"]] = at_ms, intent
        else:
            found[fields["symbol"]].append((*entered.pop(fields["symbol"]), at_ms, fields))
    assert not entered
    return found


def entries_of(example: LabExample) -> list[tuple[int, dict[str, Any]]]:
    return [trade[:2] for trades in trades_of(example).values() for trade in trades]


def market_of(example: LabExample) -> MarketData:
    return SyntheticMarket(example.candles)


@pytest.mark.parametrize(
    ("effect", "digest"),
    [
        (PlantedEffect.WICKS, "4c846c43d9f7a129e53c86cb629ce7af3145c64a0ccc1daf34efc9769444591d"),
        (PlantedEffect.NONE, "ff333a0fe0a0ec7410363ad2d648b127c714184e7abbfa8f67e2c5f0e4761d62"),
    ],
)
def test_a_seed_gives_the_same_bytes_on_every_python_and_machine(
    effect: PlantedEffect, digest: str, request: pytest.FixtureRequest
) -> None:
    example = request.getfixturevalue(effect)
    text = json.dumps(example.messages)
    text += "".join(f"{line}\n" for candles in example.candles.values() for line in lines(candles))

    assert sha256(text.encode()).hexdigest() == digest


def test_both_effects_have_the_same_entries(wicks: LabExample, none: LabExample) -> None:
    assert len(entries_of(none)) == 3 * 8 * DAYS == none.positions
    assert entries_of(wicks) == entries_of(none)
    assert lab_example(PlantedEffect.NONE, days=1, seed=SEED + 1).messages[0] != none.messages[0]


def test_the_candles_differ_in_dips_that_come_back_within_their_minute(
    wicks: LabExample, none: LabExample
) -> None:
    assert wicks.stopped - none.stopped > DAYS
    for symbol, candles in wicks.candles.items():
        dips = 0
        for dipped, quiet in zip(candles, none.candles[symbol], strict=True):
            assert (dipped.open_time_ms, dipped.open, dipped.close) == (
                quiet.open_time_ms,
                quiet.open,
                quiet.close,
            )
            assert dipped.low <= quiet.low
            assert dipped.high >= quiet.high
            dips += dipped != quiet
        assert 0 < dips < 8 * DAYS


@pytest.mark.parametrize("effect", PlantedEffect)
def test_a_position_closes_at_its_stop_when_a_candle_touches_it_and_by_a_signal_else(
    effect: PlantedEffect, request: pytest.FixtureRequest
) -> None:
    example: LabExample = request.getfixturevalue(effect)
    reasons = []
    for symbol, trades in trades_of(example).items():
        candles = market_of(example).market(symbol).candles
        for entered_ms, intent, closed_ms, report in trades:
            reasons.append(report["reason"])
            stop = stop_of(symbol, intent)
            up = Side(report["side"]).direction
            alive = [one for one in candles.candles if entered_ms <= one.open_time_ms < closed_ms]
            touches = [up * ((one.low if up == 1 else one.high) - stop) <= 0 for one in alive]
            assert alive[0].open == intent["entry_price"]
            assert touches == [False] * (len(alive) - 1) + [report["reason"] == "stop_loss"]
            if touches[-1]:
                assert float(report["exit_price"]) == stop
            else:
                assert float(report["exit_price"]) == candles.candles[candles.index_at(closed_ms)].open
    assert set(reasons) == {"stop_loss", "signal"}
    assert reasons.count("stop_loss") == example.stopped


def stop_of(symbol: str, intent: dict[str, Any]) -> float:
    """Return the stop that v3.6 gives the position, worked out apart."""
    tick = {name: tick for name, tick, _ in synthetic.listings()}[symbol]
    lsf = 1 / (1 + log(intent["leverage"] + 1))
    distance = 0.005 * (1 + (1 - lsf) * 0.8) * 1.2
    up = 1 if intent["side"] == "BUY" else -1
    exact = Decimal(str(intent["entry_price"])) * (1 - up * Decimal(distance)) / tick
    toward_the_entry = exact.to_integral_value("ROUND_CEILING" if up == 1 else "ROUND_FLOOR")
    return float(toward_the_entry * tick)


def test_the_next_position_is_entered_long_after_the_close(wicks: LabExample) -> None:
    for trades in trades_of(wicks).values():
        for (_, _, closed_ms, _), (entered_ms, *_) in pairwise(trades):
            assert entered_ms - closed_ms >= 20 * MINUTE_MS


def test_candles_follow_each_other_and_prices_lie_on_the_tick_grid(wicks: LabExample) -> None:
    ticks = {symbol: tick for symbol, tick, _ in synthetic.listings()}
    for symbol, candles in wicks.candles.items():
        assert len(candles) == DAYS * 24 * 60
        for before, after in pairwise(candles):
            assert after.open_time_ms - before.open_time_ms == MINUTE_MS
            assert after.open == before.close
        assert all(price % ticks[symbol] == 0 for one in candles for price in one[1:])


def test_every_message_says_that_it_is_synthetic_and_has_an_id_of_its_own(wicks: LabExample) -> None:
    assert {message["fields"]["source"] for message in wicks.messages} == {"synthetic"}
    ids = [(message["stream"], message["stream_id"]) for message in wicks.messages]
    assert len(set(ids)) == len(ids)
