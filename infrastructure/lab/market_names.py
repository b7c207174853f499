"""Read symbol and content from the name of a market data file.

The symbol ends before a word that describes the content: an interval, `mark`, `trades`, a year. So
`BTC-PERP.csv.gz` is of BTC-PERP, `BTC-USDT-SWAP-1m.csv` of BTC-USDT-SWAP and `BRK.B-1d.parquet` of BRK.B: the
longest possible symbol.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from exitbrain.infrastructure.lab.intervals import interval_named
from exitbrain.infrastructure.lab.table_files import ENDINGS
from exitbrain.infrastructure.wire.symbols import spelling_of

_TRADING_VIEW = ", "
"""The separator of symbol and interval in the names of TradingView's exports."""
_WORD = re.compile(r"[^-_.,\s]+")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:[0-9]{4})?")
_TWICE_THE_QUOTE = re.compile(r"(?P<base>[^_]+)_(?P<quote>[^_]+)_(?P=quote)")
_SEPARATORS = re.compile(r"[-_/:.\s]+")


class Content(StrEnum):
    """The content of a file according to its name."""

    CANDLES = "candles"
    MARK = "mark candles"
    FUNDING = "funding rates"
    TRADES = "trades"
    AGGREGATED_TRADES = "aggregated trades"
    OTHER = "something else"


_CANDLE_WORDS = ("klines", "candles", "ohlc", "ohlcv", "futures", "spot")
_OTHER_WORDS = (
    *(
        "book",
        "bookticker",
        "bookdepth",
        "orderbook",
        "depth",
        "metrics",
        "liquidations",
        "liquidationsnapshot",
    ),
    *("index", "indexprice", "indexpriceklines", "premium", "premiumindex", "premiumindexklines"),
    *("bvolindex", "eohsummary"),
)
_CONTENT_OF = {
    "mark": Content.MARK,
    "markprice": Content.MARK,
    "markpriceklines": Content.MARK,
    "funding": Content.FUNDING,
    "fundingrate": Content.FUNDING,
    "trades": Content.TRADES,
    "aggtrades": Content.AGGREGATED_TRADES,
    **dict.fromkeys(_CANDLE_WORDS, Content.CANDLES),
    **dict.fromkeys(_OTHER_WORDS, Content.OTHER),
}


@dataclass(frozen=True, slots=True)
class MarketFile:
    """A file and the parts of its name: the symbol as written; `interval_ms` is None if not in the name."""

    path: Path
    symbol: str
    content: Content
    interval_ms: int | None

    @classmethod
    def named(cls, path: Path) -> "MarketFile":
        """Return a file described by its name."""
        stem = path.name
        for ending in sorted(ENDINGS, key=len, reverse=True):
            if stem.lower().endswith(ending):
                stem = stem[: -len(ending)]
                break
        symbol, words = _parted(stem)
        contents = [_CONTENT_OF[word.lower()] for word in words if word.lower() in _CONTENT_OF]
        content = contents[-1] if contents else Content.CANDLES
        if Content.OTHER in contents:
            content = Content.OTHER
        intervals = [interval for word in words if (interval := interval_named(word))]
        symbol = symbol.upper() if symbol.isascii() else symbol
        return cls(path, symbol, content, intervals[0] if intervals else None)


def has_table_name(path: Path) -> bool:
    """Return whether a file may hold market data: by its ending, and not hidden."""
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".")


def closest(files: Sequence[MarketFile], symbol: str) -> list[MarketFile]:
    """Return the files of a symbol: named exactly so but for separators, else by our name, else respelled."""
    wanted = spelling_of(symbol).name
    written, squeezed = _SEPARATORS.sub("_", symbol), _SEPARATORS.sub("", wanted)
    return (
        [file for file in files if _SEPARATORS.sub("_", file.symbol) == written]
        or [file for file in files if file.symbol == wanted]
        or [file for file in files if wanted in _spellings(file.symbol)]
        or [file for file in files if _SEPARATORS.sub("", file.symbol) == squeezed]
    )


def _spellings(written: str) -> set[str]:
    """Return the symbols that a file name may mean, since it cannot hold slashes and colons."""
    twice = _TWICE_THE_QUOTE.fullmatch(written)
    venue, _, rest = written.partition("_")
    forms = {spelling_of(written).name, spelling_of(f"{venue}:{rest}").name}
    if twice:
        forms |= {f"{twice['base']}{twice['quote']}", f"{twice['base']}/{twice['quote']}:{twice['quote']}"}
    return forms


def _parted(stem: str) -> tuple[str, list[str]]:
    """Return the symbol at the beginning of a name, and the words after it."""
    symbol, separator, rest = stem.partition(_TRADING_VIEW)
    if separator:
        return symbol, _WORD.findall(rest)
    words = list(_WORD.finditer(stem))
    for number, word in enumerate(words[1:], start=1):
        if _tells_content(word[0]):
            return stem[: words[number - 1].end()], [each[0] for each in words[number:]]
    return stem, []


def _tells_content(word: str) -> bool:
    return (
        word.lower() in _CONTENT_OF or interval_named(word) is not None or _DATE.fullmatch(word) is not None
    )
