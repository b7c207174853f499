"""Hide secrets in shown text: a URL is masked by its parts, other text has learned secrets removed."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote

from exitbrain.infrastructure.urls import Parts, parts_of

MASK = "***"

_NO_SECRETS = """
    application_name channel_binding client_encoding connect_timeout db dbname gssencmode host hostaddr keepalives
    keepalives_count keepalives_idle keepalives_interval load_balance_hosts max_connections port protocol
    retry_on_timeout schema socket_connect_timeout socket_keepalive socket_timeout ssl_ca_certs ssl_ca_path ssl_cert_reqs
    ssl_certfile ssl_check_hostname ssl_keyfile ssl_min_version sslcert sslkey sslmode sslnegotiation sslrootcert
    target_session_attrs tcp_user_timeout user username
"""

SHOWN = frozenset(_NO_SECRETS.split())
"""Parameters of a URL whose value is no secret; that of any other is not shown."""

_LEAST = 3
"""A shorter secret is none, and words are full of it."""

_LONG = 8
"""A secret of this length is hidden within words too."""

_PLAIN = re.compile(r"[\w./~\\-]+")
_SECRET = frozenset({"password", "ssl_password", "sslpassword"})


class Secrets:
    """Texts that must not be shown, in each form in which another text may repeat them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn_url(self, url: str | None) -> None:
        """Hide the secrets of a URL from now on."""
        for secret in _secrets_in(url or ""):
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Hide a secret from now on, however it is written."""
        forms = {form for form in _forms(secret) if len(form) >= _LEAST} - self._forms
        if forms:
            self._forms |= forms
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(_alone, longest_first)))

    def hidden(self, text: str) -> str:
        """Return a text without any secret that was learned."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


OF_THIS_PROCESS = Secrets()
"""What the settings of this process hold."""

hidden = OF_THIS_PROCESS.hidden


def masked(url: str) -> str:
    """Return a URL without its secrets; one that cannot be read shows its scheme alone."""
    parts = parts_of(url)
    if parts is not None:
        return _shown(parts)
    scheme, colons, _ = url.partition("://")
    if colons and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return f"{scheme}://{MASK}"
    return url if _PLAIN.fullmatch(url) else MASK


def _shown(parts: Parts) -> str:
    # A Redis user without a password has little use: more likely it is the password, written in the wrong place.
    lone = parts.scheme in {"redis", "rediss", "unix"} and parts.password is None and parts.user
    user = MASK if lone else parts.user
    credentials = "" if user is None else f"{user}@" if parts.password is None else f"{user}:{MASK}@"
    query = "&".join(_parameter(name, value) for name, value in parts.parameters)
    return f"{parts.scheme}://{credentials}{parts.place}{parts.path}{'?' if query else ''}{query}"


def _parameter(name: str, value: str) -> str:
    """Return a parameter as it may be shown; what has an unknown name may be the rest of a password."""
    return f"{name}={value}" if name in SHOWN else f"{name if name in _SECRET else MASK}={MASK}"


def _secrets_in(url: str) -> Iterator[str]:
    parts = parts_of(url)
    if parts is not None:
        yield parts.password or ""
        yield from (value for name, value in parts.parameters if name not in SHOWN)
        return
    if _PLAIN.fullmatch(url):
        return
    rest = url.partition("://")[2] or url
    yield rest
    yield rest.rpartition("@")[0]
    yield rest.rpartition("@")[0].partition(":")[2]


def _forms(written: str) -> Iterator[str]:
    """Yield a secret as it is written in a URL, as it is meant, and as a text may repeat either."""
    for secret in (written, unquote(written)):
        yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
        yield from (
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        )


def _alone(form: str) -> str:
    """Return the pattern for a secret; a short one counts only where it is no part of a word."""
    text = re.escape(form)
    return text if len(form) >= _LONG else rf"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"
