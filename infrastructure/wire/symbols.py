"""Map the spellings that producers use for a Binance perpetual to our symbol.

The table alone decides; a spelling that is not in it stays as written.
"""

import re
from dataclasses import dataclass

from exitbrain.domain.names import QUOTES
from exitbrain.domain.values import Assumption

PERPETUAL_SPELLINGS = (
    ("ETH/USDT:USDT", "ccxt"),
    ("ETHUSDT.P, BINANCE:ETHUSDT.P", "TradingView"),
    ("ETHUSDT-PERP, ETHUSDT_PERP, ETHUSDTPERP, ETHUSDT-PERP.BINANCE", "NautilusTrader and others"),
    ("ETH-USDT-SWAP, ETH-USDT-PERP, ETH_USDT_PERP, ETH-USDT-PERPETUAL", "OKX and others"),
)
SPOT_SPELLINGS = (
    ("ETH/USDT, ETH-USDT, ETH_USDT", "ccxt, OKX, Gate"),
    ("BINANCE:ETHUSDT, BINANCE:ETH/USDT", "TradingView"),
)

_BASE = r"(?P<base>[^\s/:.\-_]+?)"
_QUOTE = rf"(?P<quote>{'|'.join(QUOTES)})"
_FORMS = tuple(
    (re.compile(form, re.ASCII | re.IGNORECASE), is_spot)
    for form, is_spot in (
        (rf"(?:BINANCE:)?{_BASE}/{_QUOTE}:(?P=quote)", False),
        (rf"(?:BINANCE:)?{_BASE}[-_/]?{_QUOTE}(?:\.P|[-_]?PERP|[-_](?:PERPETUAL|SWAP))(?:\.BINANCE)?", False),
        (rf"BINANCE:{_BASE}[-_/]?{_QUOTE}", True),
        (rf"{_BASE}[-_/]{_QUOTE}", True),
    )
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """The symbol for a text; `doubts` records a spelling other than ours."""

    name: str
    spot: bool = False
    doubts: tuple[Assumption, ...] = ()


def spelling_of(text: str) -> Spelling:
    """Return the symbol for a trimmed text, in upper case if it is ASCII, as venues write it.

    Case is ignored. USDT and USDC stay apart, and so do dated contracts, COIN-M contracts and other venues.
    """
    for form, is_spot in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            symbol = _upper(match["base"]) + match["quote"].upper()
            why = f"a {'spot' if is_spot else 'perpetual'} spelling of {symbol}"
            return Spelling(symbol, is_spot, (Assumption("symbol", text, why),))
    return Spelling(_upper(text))


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text
