"""The names of streams, groups and keys, as the settings make them."""

from typing import Any

import pytest

from exitbrain.infrastructure.settings import Settings, SettingsError, load_settings
from exitbrain.infrastructure.wire.stream_names import Names


def every_name(names: Names) -> list[str]:
    streams = names.incoming
    owned = [names.lease, names.store_of_lease, *map(names.store_of_group, streams)]
    return [*streams, *names.published, *map(names.group_of, streams), *owned]


def test_without_settings_the_names_are_those_that_producers_and_readers_know() -> None:
    assert every_name(Settings().names) == [
        "quantum:stream:trade.intent",
        "quantum:stream:trade.closed",
        "quantum:stream:exitbrain.adaptive_levels",
        "quantum:stream:exitbrain.events",
        "quantum:dlq:trade.intent",
        "quantum:dlq:trade.closed",
        "quantum:group:exitbrain:trade.intent",
        "quantum:group:exitbrain:trade.closed",
        "quantum:turn:exitbrain",
        "quantum:turn:exitbrain:store",
        "{quantum:stream:trade.intent}:exitbrain:store",
        "{quantum:stream:trade.closed}:exitbrain:store",
    ]  # fmt: skip


def test_two_groups_share_what_they_read_and_nothing_else() -> None:
    ours, theirs = Names(), Names(group="paper")
    assert set(every_name(ours)) & set(every_name(theirs)) == set(ours.incoming)
    assert theirs.adaptive_levels == "quantum:stream:paper.adaptive_levels"
    assert theirs.dead_letters_of("trade.closed") == "quantum:dlq:paper:trade.closed"


def test_two_prefixes_share_nothing() -> None:
    assert not set(every_name(Names())) & set(every_name(Names(prefix="desk")))
    assert Names(prefix="desk").source_of("desk:stream:trade.intent") == "trade.intent"


@pytest.mark.parametrize("setting", ["group", "stream_prefix"])
@pytest.mark.parametrize("value", ["a b", "a{b", "}", "a\tb", "a\n", "a\x7f", "a\u00a0b", "x" * 65])
def test_names_that_would_break_keys_are_refused(setting: str, value: str) -> None:
    given: dict[str, Any] = {setting: value}
    with pytest.raises(SettingsError, match=f"setting {setting.upper()} is "):
        load_settings(**given)


@pytest.mark.parametrize("value", ["a", "desk-7", "a:b.c", "x" * 64])
def test_other_names_are_taken(value: str) -> None:
    assert load_settings(group=value, stream_prefix=value).names == Names(value, value)
