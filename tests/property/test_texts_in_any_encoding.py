"""Every reader skips byte order marks, Windows line ends and Ctrl-Z, and names a text in UTF-16 or UTF-32."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.infrastructure.files.texts import other_encoding, text_of, utf8_of
from exitbrain.infrastructure.instruments.file import InstrumentsFile, InstrumentsUnreadable
from exitbrain.infrastructure.lab.candles import read_candles, read_funding, read_trades
from exitbrain.infrastructure.lab.positions import read_positions
from exitbrain.infrastructure.settings import SettingsError, load_settings, unknown_settings
from exitbrain.infrastructure.wire.jsonl import InputUnreadable, NoMessages, open_messages, read_messages

T0 = 1_722_470_400_000
POSITION = '{"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100.1, "opened_at": "2025-10-10T21:00:00Z"}\n'
MESSAGE = (
    '{"stream": "quantum:stream:trade.intent", "stream_id": null, "fields": {"symbol": "币安人生USDT"}}\n'
)

Reader = Callable[[Path], object]


def messages(path: Path) -> list[IncomingMessage]:
    return list(read_messages(open_messages(str(path)), max_bytes=65536))


def standard_input(path: Path) -> list[IncomingMessage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
        return messages(Path("-"))


def positions(path: Path) -> object:
    return read_positions(str(path))


def candles(path: Path) -> object:
    return read_candles([path]).series


def funding(path: Path) -> object:
    return read_funding([path])


def trades(path: Path) -> object:
    return read_trades([path])


def instruments(path: Path) -> object:
    return InstrumentsFile(path).instrument("BTCUSDT")


def settings(path: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
            patch.delenv(name)
        return load_settings(env_file=path), unknown_settings(path)


READERS: dict[str, tuple[Reader, str, str, type[Exception]]] = {
    "messages": (messages, "messages.jsonl", MESSAGE * 3, NoMessages),
    "packed messages": (messages, "messages.jsonl.gz", MESSAGE * 3, NoMessages),
    "messages on standard input": (standard_input, "stdin", MESSAGE * 3, NoMessages),
    "positions": (positions, "positions.jsonl", POSITION * 2, InputUnreadable),
    "packed positions": (positions, "positions.gz", POSITION * 2, InputUnreadable),
    "positions as a table": (
        positions,
        "positions.csv",
        f"symbol,side,entry_price,opened_at\nBTCUSDT,BUY,100,{T0}\nETHUSDT,SELL,10,{T0}\n",
        InputUnreadable,
    ),
    "candles": (
        candles,
        "BTCUSDT.csv",
        f"open_time_ms,open,high,low,close\n{T0},1,1,1,1\n{T0 + 60000},1,1,1,1\n",
        MarketUnreadable,
    ),
    "candles without a header": (
        candles,
        "BTCUSDT.csv.gz",
        f"{T0},1,1,1,1\n{T0 + 60000},1,1,1,1\n",
        MarketUnreadable,
    ),
    "funding rates": (
        funding,
        "BTCUSDT-funding.zip",
        f"time_ms,rate\n{T0},0.0001\n{T0 + 1},0.0002\n",
        MarketUnreadable,
    ),
    "trades": (
        trades,
        "BTCUSDT-trades.csv",
        f"time_ms,price\n{T0},1\n{T0 + 1},2\n",
        MarketUnreadable,
    ),
    "instruments": (
        instruments,
        "instruments.json",
        '{\n"BTCUSDT": {"tick_size": "0.10",\n"brackets": [[0, 50000, 0.005, 100]]}\n}\n',
        InstrumentsUnreadable,
    ),
    "packed instruments": (
        instruments,
        "instruments.json.gz",
        '{"BTCUSDT": {"tick_size": "0.10"}}\n',
        InstrumentsUnreadable,
    ),
    "settings": (
        settings,
        ".env",
        "EXITBRAIN_ACCOUNT=main\n# a comment\nEXITBRAIN_FEE_BPS='3'\nEXITBRAIN_ZZZ=1\n",
        SettingsError,
    ),
}
ENDS = ["", "\n", "\x1a", "\n\x1a", "\x1a\n"]
OTHERS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
every_reader = pytest.mark.parametrize(
    ("read", "name", "text", "error"), READERS.values(), ids=READERS.keys()
)


def written(path: Path, content: bytes) -> Path:
    """Write a text, packed as its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("content.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@every_reader
@hypothesis.settings(max_examples=20)  # of files, for each of the readers
@given(
    marks=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    windows=st.booleans(),
    end=st.sampled_from(ENDS),
)
@example(marks=[1, 0, 0, 0], windows=False, end="\n")
@example(marks=[0, 0, 0, 0], windows=True, end="\x1a")
def test_marks_line_ends_and_ctrl_z_change_nothing_that_is_read(
    read: Reader,
    name: str,
    text: str,
    error: type[Exception],
    marks: list[int],
    windows: bool,
    end: str,
) -> None:
    lines = text.splitlines(keepends=True)
    marked = "".join("\ufeff" * many + line for many, line in zip([*marks, 0], lines, strict=False))
    marked = marked.removesuffix("\n") + end
    if windows:
        marked = marked.replace("\n", "\r\n")
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        plain = read(written(path, text.encode()))
        assert read(written(path, marked.encode())) == plain


@pytest.mark.parametrize("encoding", OTHERS)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["without a mark", "with a mark"])
@every_reader
def test_another_encoding_is_named_with_the_file(
    tmp_path: Path,
    read: Reader,
    name: str,
    text: str,
    error: type[Exception],
    encoding: str,
    mark: str,
) -> None:
    path = written(tmp_path / name, (mark + text).encode(encoding))

    with pytest.raises(error) as caught:
        read(path)

    said = str(caught.value)
    assert f"is {encoding[:6].upper()}; save it as UTF-8" in said
    assert ("standard input" if name == "stdin" else name) in said
    assert "\n" not in said


PLAIN = st.text(st.characters(exclude_characters="\0\ufeff\x1a", codec="utf-8"))
MOSTLY_ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=200)


@given(PLAIN)
def test_no_text_in_utf8_is_taken_for_another_encoding_or_altered(text: str) -> None:
    assert other_encoding(text.encode()) is None
    assert text_of(text.encode()) == text


@given(
    MOSTLY_ASCII,
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=2),
    st.sampled_from(OTHERS),
)
def test_another_encoding_shows_without_its_mark(ascii_text: str, other: str, encoding: str) -> None:
    content = (ascii_text + other).encode(encoding)
    assert other_encoding(content) == encoding[:6].upper()


@given(st.lists(PLAIN.filter(lambda text: "\n" not in text), max_size=5))
def test_marks_go_where_lines_begin_and_nowhere_else(lines: list[str]) -> None:
    marked = "\n".join(f"\ufeff\ufeff.{line}\ufeff." for line in lines).encode()
    assert utf8_of(marked).decode() == "\n".join(f".{line}\ufeff." for line in lines)
