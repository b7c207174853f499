"""Errors of calls to the venue."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from binance.exceptions import BinanceAPIException, BinanceRequestException

from exitbrain.domain.errors import ExitBrainError

RETRY_AFTER_S, RETRY_AFTER_MAX_S = 60.0, 3 * 86_400.0
"""How long to be silent when the venue does not say, and at most; its bans last up to three days."""

TEXT_MAX = 200

# https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
_TOO_MANY = (-1003,)
_CLOCK = (-1021, -5028)
_WITHOUT_ANSWER = (-1000, -1001, -1006, -1007, -1008, -1016)

_BANNED_UNTIL = re.compile(r"until (\d{13})\b")


class VenueError(ExitBrainError):
    """A call to the venue failed; the text is one sentence without keys or signatures."""


class VenueUnavailable(VenueError):
    """There was no usable answer. A retry may succeed; the call may still have taken effect."""


class RateLimited(VenueError):
    """The venue allows no calls for `retry_after_s` seconds; further calls lead to a ban."""

    def __init__(self, text: str, retry_after_s: float) -> None:
        super().__init__(f"{text}; silent for {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class ClockSkewed(VenueError):
    """The time of a signed call is too far from the venue's."""


class CallRefused(VenueError):
    """The venue refused a call and would refuse it again; `code` is the venue's code, 0 if it gave none."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


@contextmanager
def venue_errors(what: str) -> Iterator[None]:
    """Turn what a call for `what` raises into a VenueError."""
    try:
        yield
    except BinanceAPIException as error:
        raise _of_answer(what, error) from error
    except TimeoutError as error:
        raise VenueUnavailable(f"Binance did not answer in time when asked for {what}") from error
    except aiohttp.ClientResponseError as error:  # its text holds the address, and that the signature
        raise VenueUnavailable(f"Binance sent no JSON when asked for {what}: {error.message}") from error
    except (BinanceRequestException, aiohttp.ClientError, OSError) as error:
        raise VenueUnavailable(f"Binance could not be asked for {what}: {_short(error)}") from error
    except (ValueError, RecursionError) as error:
        raise VenueUnavailable(f"Binance sent no readable answer when asked for {what}") from error
    except AttributeError as error:
        # python-binance expects the body of an error to be a JSON object and trips over any other.
        raise VenueUnavailable(f"Binance sent an unreadable error when asked for {what}") from error


def _of_answer(what: str, error: BinanceAPIException) -> VenueError:
    status, code = error.status_code, error.code if isinstance(error.code, int) else 0
    # Without a code the message is python-binance's own and holds no word of the venue.
    said = f": {_short(error.message)}" if code else ""
    text = f"Binance answered {status} ({code or 'no code'}) when asked for {what}{said}"
    if 300 <= status < 400:
        text = f"{text}: it points elsewhere, which is not followed"
    if status in (403, 418, 429) or code in _TOO_MANY:
        return RateLimited(text, _retry_after_s(error))
    if code in _CLOCK:
        return ClockSkewed(text)
    if status >= 500 or code in _WITHOUT_ANSWER:
        return VenueUnavailable(text)
    return CallRefused(text, code)


def _retry_after_s(error: BinanceAPIException) -> float:
    header = error.response.headers.get("Retry-After", "")
    banned = _BANNED_UNTIL.search(str(error.message))
    if header.isascii() and header.isdigit():
        seconds = float(header)
    elif banned:
        seconds = int(banned[1]) / 1000 - time.time()
    else:
        seconds = RETRY_AFTER_S
    return min(max(seconds, 1.0), RETRY_AFTER_MAX_S)


def _short(what: object) -> str:
    return " ".join(str(what).split())[:TEXT_MAX]
