"""InstrumentsFile: both forms of a symbol, the recorded tiers, and files that cannot be read."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.infrastructure.instruments.file import InstrumentsFile, InstrumentsUnreadable

TIERS = [
    {"tier": 1.0, "currency": "USDT", "minNotional": 0.0, "maxNotional": 50000.0, "maxLeverage": 100.0},
    {"tier": 2.0, "currency": "USDT", "minNotional": 50000.0, "maxNotional": 250000.0, "maxLeverage": 50.0},
]
for tier, rate in zip(TIERS, (0.005, 0.01), strict=True):
    tier["maintenanceMarginRate"] = rate
ROWS = [[0, 50000, 0.005, 100], ["50000", "250000", "0.01", "50"]]
BRACKETS = (Bracket(0.0, 50000.0, 0.005, 100.0, 0.0), Bracket(50000.0, 250000.0, 0.01, 50.0, 250.0))
RULES = {"tick_size": "0.10", "step_size": 0.001, "min_notional": 100, "taker_fee_bps": 4.5}


def written(folder: Path, content: object) -> Path:
    """Write a file of instruments."""
    path = folder / "instruments.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_recorded_tiers_load_whole(shared_data: Path) -> None:
    path = shared_data / "market" / "binance-usdm-leverage-tiers.json.gz"
    recorded = json.loads(gzip.decompress(path.read_bytes()))
    file = InstrumentsFile(path)
    assert len(file) == len(recorded) == 318
    for name, tiers in recorded.items():
        found = file.instrument(name.split(":")[0].replace("/", ""))
        assert found is not None
        assert [
            (bracket.floor, bracket.cap, bracket.maintenance_rate, bracket.max_leverage)
            for bracket in found.brackets
        ] == [
            (tier["minNotional"], tier["maxNotional"], tier["maintenanceMarginRate"], tier["maxLeverage"])
            for tier in tiers
        ]


def test_the_recorded_brackets_of_bitcoin_have_their_maintenance_amounts(shared_data: Path) -> None:
    btc = InstrumentsFile(shared_data / "market" / "binance-usdm-leverage-tiers.json.gz").instrument(
        "BTCUSDT"
    )
    assert btc is not None
    assert (btc.tick_size, btc.step_size, len(btc.brackets)) == (None, None, 12)
    assert [bracket.cum for bracket in btc.brackets[:4]] == pytest.approx([0, 50, 950, 11450])
    assert btc.brackets[0].max_leverage == 125.0


def test_our_own_form_gives_everything_exactly(tmp_path: Path) -> None:
    file = InstrumentsFile(written(tmp_path, {"BTCUSDT": RULES | {"brackets": ROWS}}))
    found = file.instrument("BTCUSDT")
    assert found == Instrument("BTCUSDT", Decimal("0.10"), Decimal("0.001"), Decimal(100), 4.5, BRACKETS)
    assert str(found.tick_size) == "0.10"
    assert file.instrument("BTCUSDT") is found


@pytest.mark.parametrize("brackets", [ROWS, TIERS, [ROWS[0], TIERS[1]], list(reversed(TIERS))])
def test_brackets_may_be_rows_or_tiers_in_any_order(tmp_path: Path, brackets: list[object]) -> None:
    found = InstrumentsFile(written(tmp_path, {"A": {"brackets": brackets}})).instrument("A")
    assert found == Instrument("A", brackets=BRACKETS)


def test_both_forms_may_tell_of_one_symbol_and_of_different_ones(tmp_path: Path) -> None:
    content = {"BTC/USDT:USDT": TIERS, "BTCUSDT": RULES, "币安USDT": {}, "ETH/USDC:USDC-250328": TIERS}
    file = InstrumentsFile(written(tmp_path, content))
    btc = file.instrument("BTCUSDT")
    assert btc is not None
    assert (btc.brackets, btc.tick_size) == (BRACKETS, Decimal("0.1"))
    assert file.instrument("币安USDT") == Instrument("币安USDT")
    assert file.instrument("ETHUSDC_250328") == Instrument("ETHUSDC_250328", brackets=BRACKETS)
    assert file.instrument("DOGEUSDT") is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not JSON"),
        ([], "it holds no JSON object of symbols"),
        ({"BTC/USD:BTC": []}, "BTC/USD:BTC is not a symbol like BTCUSDT"),
        ({" ": {}}, "is not a symbol"),
        ({"A": 5}, "A entry is 5"),
        ({"A": {"tick": "0.1"}}, "A tick is 0.1"),
        ({"A": {"tick_size": "fine"}}, "A tick_size is fine"),
        ({"A": {"tick_size": True}}, "A tick_size is true: .*a boolean is no number"),
        ({"A": {"step_size": "NaN"}}, "A step_size is NaN"),
        ({"A": {"step_size": "0"}}, "A step_size is .*; allowed: a number from 1e-15 to 1e15"),
        ({"A": {"taker_fee_bps": -1}}, "A taker_fee_bps is -1.0; allowed: 0 up to 10000"),
        ({"A": {"brackets": [[0, 1, 0.1]]}}, "A brackets.0 is .*maximum leverage"),
        ({"A": {"brackets": [[0, 1, 0.1, "much"]]}}, "A brackets.0.max_leverage is much"),
        ({"A": [{**TIERS[0], "maxNotional": None}]}, "A brackets.0.maxNotional is null"),
        ({"A": [{"minNotional": 0}]}, "A brackets.0.maxNotional is"),
        ({"A": [TIERS[0], {**TIERS[1], "minNotional": 60000}]}, "A bracket floor is 60000.0; allowed: 50000.0"),
        ({"A": {"brackets": [[0, 1, 1.5, 5]]}}, "A maintenance rate is 1.5"),
        ({"A/USDT:USDT": TIERS, "AUSDT": {"brackets": ROWS}}, "AUSDT brackets is given twice"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_sentence_that_names_symbol_and_field(
    tmp_path: Path, content: object, why: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(
        InstrumentsUnreadable, match=rf"^Instruments file {path} cannot be read: .*{why}"
    ) as caught:
        InstrumentsFile(path)
    assert str(caught.value).count("\n") == 0


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InstrumentsUnreadable, match="cannot be read: No such file or directory"):
        InstrumentsFile(tmp_path / "missing.json")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b"{}" * 500)[:-9])
    with pytest.raises(InstrumentsUnreadable, match="cannot be read"):
        InstrumentsFile(tmp_path / "cut.json.gz")
    (tmp_path / "latin.json").write_bytes(b'{"\xff": {}}')
    with pytest.raises(InstrumentsUnreadable, match=r"it is not UTF-8 \(.* in line 1\)"):
        InstrumentsFile(tmp_path / "latin.json")
