"""The texts allowed as names of symbols and accounts.

Letters of any script, digits and a few signs. A name that looks like another on screen is refused, never
converted into it. The letters are those of Unicode 3.2, whose tables are the same in every version of Python,
so a replay gives the recorded refusal on any machine.
"""

import re
from functools import lru_cache
from unicodedata import ucd_3_2_0 as unicode

from exitbrain.domain.errors import InvalidValue

NAME_MAX = 64
QUOTES = ("USDT", "USDC")
"""The quote currencies of perpetual futures."""

NAME_ALLOWED = f"1 to {NAME_MAX} characters: letters of any script, digits 0 to 9 and ._-:/"

_SIGNS = "._-:/"
_ASCII = re.compile(r"[._\-:/]*[0-9A-Za-z][0-9A-Za-z._\-:/]*")
_BLANKS = " \t\r\n"
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d")
"""Letters and marks that are invisible."""

_NEVER_BESIDE_LATIN = ("CYRILLIC", "GREEK")
_SHOWN_MAX = 3


def trimmed(text: str) -> str:
    """Return a name without leading and trailing blanks."""
    return text.strip(_BLANKS)


def check_name(field: str, name: str) -> str:
    """Return the name if it is allowed; raises InvalidValue otherwise."""
    allowed = allowed_instead(name)
    if allowed:
        raise InvalidValue(field, name, allowed)
    return name


def allowed_instead(name: str) -> str:
    """Return "" for an allowed name, else what is allowed and which code points are not."""
    if len(name) > NAME_MAX:
        return NAME_ALLOWED
    return "" if _ASCII.fullmatch(name) else _allowed_instead(name)


@lru_cache(maxsize=4096)
def _allowed_instead(name: str) -> str:
    wrong = [name[at] for at in range(len(name)) if not _is_allowed(name, at)]
    if not wrong and unicode.normalize("NFKC", name) != name:
        wrong = [one for one in name if not one.isascii()]  # each is allowed alone, but they combine
    if wrong:
        return f"{NAME_ALLOWED}, without {_code_points(wrong)}"
    scripts = {_script(one): one for one in name if _is_letter(one)}
    if "LATIN" in scripts:
        mixed = [scripts[script] for script in _NEVER_BESIDE_LATIN if script in scripts]
        if mixed:
            return f"{NAME_ALLOWED}, without {_code_points(mixed)} beside Latin letters"
    return "" if scripts or any(one.isdigit() for one in name) else NAME_ALLOWED


def _is_allowed(name: str, at: int) -> bool:
    """Return whether a name may contain this character; a mark must follow a letter or mark of its script."""
    one = name[at]
    if one.isascii():
        return one.isalnum() or one in _SIGNS
    if one in _UNSEEN or unicode.normalize("NFKC", one) != one:
        return False
    if _is_letter(one):
        return True
    is_mark = unicode.category(one).startswith("M")
    return is_mark and at > 0 and not name[at - 1].isascii() and _script(one) == _script(name[at - 1])


def _is_letter(one: str) -> bool:
    return unicode.category(one).startswith("L")


def _script(one: str) -> str:
    """Return the first word of a character's Unicode name, which is the script of a letter."""
    return unicode.name(one, "").split(" ", 1)[0]


def _code_points(characters: list[str]) -> str:
    different = list(dict.fromkeys(characters))
    named = [f"U+{ord(one):04X} {unicode.name(one, '')}".rstrip() for one in different[:_SHOWN_MAX]]
    return ", ".join(named) + (" and others" if len(different) > _SHOWN_MAX else "")


def quote_currency(symbol: str) -> str:
    """Return the currency in which a symbol is priced, empty if it is none of QUOTES."""
    return next((quote for quote in QUOTES if symbol.endswith(quote)), "")
