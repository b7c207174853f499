"""The first line of `explain`: why the stop is where it is, for each formula and each limit, computed by hand."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Exitbrain

_BTC = ["--instruments", "instruments.json", "--symbol", "BTCUSDT", "--policy", "v3.6"]
_FREE = ["--leverage", "30", "--volatility", "1.2", "--policy", "v3.5-fraction"]
_NO_PRICE = "no price, because the entry price is unknown"
_NO_LIQUIDATION = "liquidation price unknown, so no limit from it"

# By hand: the LSF is 1/(1+ln(L+1)), 0.22553 at 30x, 0.24725 at 20x, 0.17809 at 100x, 0.17134 at
# 125x; the factor of the leverage 1 + 0.8 * (1 - LSF), that of the rest 1 + 0.4 * divergence + 0.2 * volatility.
SENTENCES: dict[str, tuple[list[str], str]] = {
    "nothing binds": (
        _FREE,
        f"SL 1.004 % = base 0.50 % × 1.62 for leverage × 1.24 for volatility; {_NO_PRICE}",
    ),
    "divergence too": (
        [*_FREE, "--divergence", "0.5"],
        f"SL 1.166 % = base 0.50 % × 1.62 for leverage × 1.44 for volatility and divergence; {_NO_PRICE}",
    ),
    "a price without a tick": (
        [*_FREE, "--entry", "90000", "--side", "SHORT"],
        (
            "SL 1.004 % = base 0.50 % × 1.62 for leverage × 1.24 for volatility; "
            "at 90903.72311948298, not rounded because the tick is unknown"
        ),
    ),
    "lowered to the maximum of v3.5": (
        ["--leverage", "20", "--volatility", "1.5", "--divergence", "0.5"],
        (
            "SL 0.02 %: base 0.50 % × 1.602 for leverage × 1.3 for volatility = 1.041 %, "
            f"lowered to the maximum 0.02 %; {_NO_PRICE}."
        ),
    ),
    "raised to the minimum": (
        ["--leverage", "20", "--base-sl", "0.0001", "--policy", "v3.5-fraction"],
        (
            "SL 0.15 %: base 0.01 % × 1.602 for leverage × 1.2 for volatility = 0.01923 %, "
            "raised to the minimum 0.15 %;"
        ),
    ),
    "raised to the costs": (
        ["--leverage", "20", "--base-sl", "0.0005", "--policy", "v3.6"],
        (
            "SL 0.20 %: base 0.05 % × 1.602 for leverage × 1.2 for volatility = 0.09613 %, "
            f"raised to 0.20 % = 2 × round-trip cost 0.10 %; {_NO_PRICE}; {_NO_LIQUIDATION}."
        ),
    ),
    "no brackets": (
        ["--leverage", "20", "--policy", "v3.6"],
        (
            f"SL 0.9613 % = base 0.50 % × 1.602 for leverage × 1.2 for volatility; {_NO_PRICE}; "
            f"{_NO_LIQUIDATION}; nothing clamped."
        ),
    ),
    # Liquidation at 1 - (0.01 - 1) / (0.004 - 1) = 0.6024 %, for the highest rate that allows 100x 0.5025 %.
    "lowered to stay inside liquidation": (
        ["--leverage", "100", *_BTC],
        (
            "SL 0.322 %: base 0.50 % × 1.658 for leverage × 1.2 for volatility = 0.9945 %, "
            f"lowered to 0.322 % = 0.8 × (liquidation at 0.5025 % - cost 0.10 %); {_NO_PRICE}."
        ),
    ),
    "a tick that changes what is shown": (
        ["--leverage", "20", "--entry", "100.3", *_BTC],
        (
            "SL 0.9613 % = base 0.50 % × 1.602 for leverage × 1.2 for volatility; "
            "rounded to the tick at 99.4, now 0.8973 % away; nothing clamped."
        ),
    ),
    "no stop fits": (
        ["--leverage", "100", "--fee-bps", "30", *_BTC],
        (
            "No levels, because no stop fits: it would have to be at least 1.20 % (costs) and at most -0.07799 % (liquidation); "
            "the formula gives a stop of 0.9945 % = base 0.50 % × 1.658 for leverage × 1.2 for volatility."
        ),
    ),
    "leverage not allowed": (
        ["--leverage", "125", "--entry", "60000", "--quantity", "2", *_BTC],
        (
            "No levels, because no bracket of this size allows the leverage; "
            "the formula gives a stop of 0.9978 % = base 0.50 % × 1.663 for leverage × 1.2 for volatility."
        ),
    ),
    "a foreign engine": (
        ["--leverage", "20", "--policy", "foreign:exitbrain:AdaptiveLeverageEngine"],
        f"SL 0.9613 %; {_NO_PRICE}; computed by foreign:exitbrain:AdaptiveLeverageEngine, which gives no derivation.",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_the_first_line_says_why_the_stop_is_where_it_is(exitbrain: Exitbrain, case: str) -> None:
    brackets = [[0, 50000, 0.004, 125], [50000, 600000, 0.005, 100]]
    rules = {"BTCUSDT": {"tick_size": "0.1", "brackets": brackets}}
    Path("instruments.json").write_text(json.dumps(rules), encoding="utf-8")
    arguments, sentence = SENTENCES[case]

    first = exitbrain("explain", *arguments).stdout.splitlines()[0]

    assert first.startswith(sentence)
    assert exitbrain("explain", *arguments, "--json").report["sentence"] == first
