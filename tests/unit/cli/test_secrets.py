"""No command shows a password, however its URL is written and whatever goes wrong."""

import io
from itertools import product
from urllib.parse import quote

import pytest

from exitbrain.infrastructure.observability.journal import LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.secrets import OF_THIS_PROCESS
from exitbrain.infrastructure.settings import Settings
from tests.unit.cli.conftest import Exitbrain

PASSWORDS = (
    "Zq1x@Zq2x",
    "Zq1x/Zq2x",
    "Zq1x:Zq2x",
    "Zq1x?Zq2x",
    "Zq1x#Zq2x",
    "Zq1x%Zq2x",
    "12/Zq1x@Zq2x",
    "12?Zq1x=Zq2x",
    "12#Zq1x@Zq2x/",
    "Zq1x&Zq2x+",
    "[Zq1x] 'Zq2x\"",
)
URLS = ("{scheme}://joe:{password}@127.0.0.1:1/x", "{scheme}://127.0.0.1:1/x?password={password}")
COMMANDS = (
    ("doctor", "--json", "--redis"),
    ("dlq", "list", "--redis"),
    ("serve", "--drain", "--redis"),
    ("doctor", "--store"),
    ("replay", "--store"),
    ("ingest", "nothing.jsonl", "--store"),
)


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_command_shows_a_password(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("EXITBRAIN_DEBUG", "1")
    ways = product(URLS, (password, quote(password, safe="")))
    for place, (form, written) in enumerate(ways, start=PASSWORDS.index(password)):
        for command in (
            COMMANDS[place % 6],
            COMMANDS[(place + 3) % 6],
        ):  # the next password goes on with the next
            scheme = "redis" if command[-1] == "--redis" else "postgresql"
            url = form.format(scheme=scheme, password=written)
            if command[0] == "serve":
                url = url.replace("redis://", "http://")  # refused before anything is opened
            ended = exitbrain(*command, url)
            assert ended.code in {2, 3}
            assert "Zq" not in ended.stdout + ended.stderr, (command, url)


@pytest.mark.parametrize("name", ["EXITBRAIN_REDIS", "EXITBRAIN_STORE"])
def test_a_setting_with_a_password_is_shown_without_it(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for password in PASSWORDS:
        scheme = "rediss" if name.endswith("REDIS") else "postgres"
        monkeypatch.setenv(name, f"{scheme}://joe:{quote(password, safe='')}@127.0.0.1:1/0")
        for flags in ([], ["--json"]):
            ended = exitbrain("doctor", *flags)
            assert f"{scheme}://joe:***@127.0.0.1:1/0" in ended.stdout
            assert "Zq" not in ended.stdout + ended.stderr


def test_keys_of_the_venue_and_a_password_of_its_address_are_shown_nowhere(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_BINANCE_API_KEY", "Zq1xkey")
    monkeypatch.setenv("EXITBRAIN_BINANCE_API_SECRET", "Zq2xsecret")
    monkeypatch.setenv("EXITBRAIN_BINANCE_URL", "http://joe:Zq3x@127.0.0.1:1")
    ended = exitbrain("doctor", "--json")

    assert "Zq" not in ended.stdout + ended.stderr
    assert ended.report["settings"]["binance_url"] == "http://joe:***@127.0.0.1:1"
    assert OF_THIS_PROCESS.hidden("signed by Zq1xkey with 'Zq2xsecret'") == "signed by *** with '***'"


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_line_of_the_log_holds_a_password_of_the_settings(password: str) -> None:
    encoded = quote(password, safe="")
    settings = Settings(redis=f"redis://:{encoded}@host/0", store=f"postgresql://joe:{encoded}@host/x")
    stream = io.StringIO()
    journal = LiveJournal(Metrics(mode="shadow"), form="json", stream=stream)
    for text in (password, encoded, repr(password), settings.redis, settings.store, repr(settings)):
        journal.trouble("message_undecided", entry_id="1-0", error=f"no connection with {text}")

    assert stream.getvalue().count("no connection with") == 6
    assert "Zq" not in stream.getvalue()


def test_a_url_that_can_be_read_in_two_ways_is_refused_with_how_to_write_it(exitbrain: Exitbrain) -> None:
    ended = exitbrain("dlq", "list", "--redis", "redis://:12/ab@host:1/0")
    assert ended.code == 2
    assert "/ is written %2F, @ %40, # %23, ? %3F" in ended.stderr
    ended = exitbrain("replay", "--store", "postgresql://joe:a@b@host/x")
    assert ended.code == 2
    assert "/ is written %2F, @ %40" in ended.stderr
