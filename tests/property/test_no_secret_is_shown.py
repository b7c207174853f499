"""Passwords with any character reach the server as they are meant, or the URL is refused; none is ever shown."""

import json
import traceback
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from exitbrain.application.ports.exit_ledger import BadStoreUrl, StoreUnavailable
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.redis.address import BadRedisUrl, address_of
from exitbrain.infrastructure.secrets import Secrets, masked
from exitbrain.infrastructure.urls import parts_of

MARKS = "@/:?#%&=+ []{}\"'\\$,;!*()<>^`|~é€\t"
PARTS = ("Zq1x", "Zq2x", "Zq3x")
"""What every password here is made of, between marks: no other text has these."""

Odd = st.text(alphabet=MARKS, max_size=4)
PASSWORDS = st.builds(
    lambda a, b, c, d, digits: f"{digits}{a}{PARTS[0]}{b}{PARTS[1]}{c}{PARTS[2]}{d}",
    Odd,
    Odd,
    Odd,
    Odd,
    st.sampled_from(["", "6379", "1/", "12?", "7@", "%41", "%zz"]),
)
REDIS = (
    "redis://:{}@127.0.0.1:1/0",
    "rediss://joe:{}@localhost:1",
    "redis://joe:{}@[::1]:1/2?socket_timeout=9",
    "unix://:{}@/tmp/nobody.sock?db=1",
    "unix://joe:{}@/tmp/nobody.sock",
    "redis://127.0.0.1:1/0?password={}",
    "redis://127.0.0.1:1/0?username=joe&password={}&db=3",
    "unix:///tmp/nobody.sock?password={}",
)
POSTGRES = (
    "postgresql://joe:{}@127.0.0.1:1/x",
    "postgres://joe:{}@/x?host=/tmp/nobody",
    "postgresql:///x?host=127.0.0.1&port=1&user=joe&password={}",
    "postgresql://127.0.0.1:1/x?sslmode=prefer&password={}",
)


def shows(text: str) -> bool:
    return any(part in text for part in PARTS)


@given(st.sampled_from(REDIS), PASSWORDS)
def test_an_encoded_password_of_redis_is_read_as_it_is_meant_and_masked(form: str, password: str) -> None:
    url = form.format(quote(password, safe=""))

    assert address_of(url)["password"] == password
    assert masked(url) == form.format("***")


@given(st.sampled_from(POSTGRES), PASSWORDS)
def test_an_encoded_password_of_postgresql_is_read_as_it_is_meant_and_masked(
    form: str, password: str
) -> None:
    url = form.format(quote(password, safe=""))

    assert parts_of(url) is not None
    assert conninfo_to_dict(url)["password"] == password
    assert masked(url) == form.format("***")


@given(st.sampled_from(REDIS), PASSWORDS)
def test_a_raw_password_of_redis_is_read_as_it_stands_or_refused_without_a_word_of_it(
    form: str, password: str
) -> None:
    url = form.format(password)

    assert not shows(masked(url))
    read, refusal = read_or_refused(url)
    if refusal is None:
        assert read in {password, unquote(password)}
    else:
        assert not shows("".join(traceback.format_exception(refusal)))
        assert "%2F" in str(refusal)


def read_or_refused(url: str) -> tuple[str, BadRedisUrl | None]:
    try:
        return address_of(url)["password"], None
    except BadRedisUrl as error:
        return "", error


@given(st.sampled_from(POSTGRES), PASSWORDS)
def test_a_raw_password_of_postgresql_is_read_as_it_stands_or_refused_without_a_word_of_it(
    form: str, password: str
) -> None:
    url = form.format(password)

    assert not shows(masked(url))
    try:
        conninfo = conninfo_to_dict(url) if parts_of(url) else {}
    except Exception:  # noqa: BLE001 - the client cannot read it either
        conninfo = {}
    if conninfo:
        assert conninfo["password"] in {password, unquote(password)}
        assert not shows(str(conninfo | {"password": ""}))


@pytest.mark.parametrize("form", POSTGRES)
@given(password=PASSWORDS)
def test_what_a_store_says_of_its_url_shows_no_password(form: str, password: str) -> None:
    url = form.format(password)
    if (parts := parts_of(url)) is not None and parts.place == "127.0.0.1:1":
        return  # the next test asks such a server
    with pytest.raises(StoreUnavailable) as refused:
        open_ledger(url.replace("nobody", "nowhere"), create=False)
    assert not shows(str(refused.value))


@given(
    PASSWORDS,
    st.sampled_from(["{}", "host=x user=joe password={}", "joe:{}@host/x", "mysql://joe:{}@host/x"]),
)
def test_what_is_no_url_of_a_store_is_refused_without_its_password(password: str, form: str) -> None:
    with pytest.raises(BadStoreUrl) as refused:
        open_ledger(form.format(password), create=False)
    assert form == "{}" or not shows(str(refused.value))


@given(st.sampled_from([*REDIS, *POSTGRES]), PASSWORDS, st.booleans())
def test_no_form_of_a_learned_password_is_left_in_a_text(form: str, password: str, is_encoded: bool) -> None:
    secrets = Secrets()
    secrets.learn_url(form.format(quote(password, safe="")))
    forms = [password, quote(password), quote(password, safe=""), quote_plus(password)]
    forms += [repr(password), json.dumps(password), json.dumps(password, ensure_ascii=False)]

    for one in forms:
        assert not shows(secrets.hidden(f"refused for {one}, {one}:{one}@host"))


@given(st.text(max_size=12), st.text())
def test_hiding_never_fails(secret: str, text: str) -> None:
    secrets = Secrets()
    secrets.learn(secret)
    secrets.learn_url(text)

    assert isinstance(secrets.hidden(text), str)
    assert isinstance(masked(text), str)


def test_a_short_secret_is_hidden_where_it_stands_alone_and_leaves_words_as_they_are() -> None:
    secrets = Secrets()
    secrets.learn_url("redis://:tape@localhost")

    assert secrets.hidden("tape, 'tape' and tapestry") == "***, '***' and tapestry"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://password@host", "redis://***@host"),
        ("redis://host/0?pasword=x&db=1", "redis://host/0?***=***&db=1"),
        ("postgresql://exitbrain@db/exitbrain", "postgresql://exitbrain@db/exitbrain"),
        (
            "postgresql://joe@db/x?sslpassword=a&sslmode=require",
            "postgresql://joe@db/x?sslpassword=***&sslmode=require",
        ),
        ("postgresql://a,b:5432/x", "postgresql://a,b:5432/x"),
        ("postgresql://joe:a@db/x?schema=exits", "postgresql://joe:***@db/x?schema=exits"),
        ("sqlite:////var/lib/a@b.db", "sqlite:////var/lib/a@b.db"),
        ("memory://", "memory://"),
        ("host=db password=x", "***"),
        ("exitbrain.db", "exitbrain.db"),
        ("https://joe:x@proxy:8080/path", "https://joe:***@proxy:8080/path"),
    ],
)
def test_what_is_no_secret_stays(url: str, shown: str) -> None:
    assert masked(url) == shown
