"""Stores in PostgreSQL whatever the encoding, the environment, the schema, or whatever else lies in the database."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest

from exitbrain.application.ports.exit_ledger import BadStoreUrl, StoreUnavailable
from exitbrain.application.recording.opening import begin_or_check
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.event_store.postgres import open_database
from exitbrain.infrastructure.event_store.postgres_table import TURN
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.contract.test_exit_ledger import receipt
from tests.own_time import wait_until
from tests.servers import fresh_database, postgres_url, start_postgres

pytestmark = pytest.mark.integration

HINDRANCES = {
    "search_path": "evil, public, pg_catalog",
    "default_transaction_isolation": "serializable",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "row_security": "on",
    "synchronous_commit": "off",
    "client_encoding": "LATIN1",
    "datestyle": "SQL, DMY",
    "timezone": "Asia/Tokyo",
    "quote_all_identifiers": "on",
}
EVIL = """
CREATE SCHEMA evil;
CREATE TABLE evil.stored_events (name text);
CREATE FUNCTION evil.replace(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT ''00''';
CREATE FUNCTION evil.pg_advisory_xact_lock(int, int) RETURNS void LANGUAGE sql AS '';
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """Yield the URL of a database whose schemas each test makes for itself."""
    with fresh_database() as url:
        yield url


@pytest.fixture
def place(shared: str) -> Iterator[str]:
    """Yield the URL of an empty schema."""
    schema = f"s{uuid4().hex}"
    run(shared, f"CREATE SCHEMA {schema}")
    yield f"{shared}&schema={schema}"
    run(shared, f"DROP SCHEMA {schema} CASCADE")


def run(url: str, statement: str, *names: str) -> list[Any]:
    url = url.partition("&schema=")[0]
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as connection:
        cursor = connection.execute(statement.format(*names).encode())
        return cursor.fetchall() if cursor.description else []


def schema_of(url: str) -> str:
    return url.partition("&schema=")[2].partition("&")[0]


def refusal(url: str, *, create: bool = True) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        open_ledger(url, create=create).close()
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


def begin(url: str, policy: str | None = None) -> None:
    with closing(open_ledger(url, create=True)) as ledger:
        begin_or_check(ledger, SystemClock(), "0", new_id=uuid4(), policy=policy)


def left_in(url: str) -> list[Any]:
    """Return all that is in a schema, and each advisory lock of the database."""
    return run(
        url,
        "SELECT relname::text, relkind::text FROM pg_class WHERE relnamespace = '{0}'::regnamespace "
        "UNION ALL SELECT 'lock', objid::text FROM pg_locks WHERE locktype = 'advisory' ORDER BY 1",
        schema_of(url),
    )


@contextmanager
def database_of(encoding: str) -> Iterator[str]:
    name = f"exitbrain_test_{uuid4().hex}"
    options = f"ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    run(postgres_url(), f"CREATE DATABASE {name} {options}")
    yield urlsplit(postgres_url())._replace(path=f"/{name}").geturl()
    run(postgres_url(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
@pytest.mark.parametrize("wanted", ["SQL_ASCII", "LATIN1"])
def test_a_store_in_a_database_of_another_encoding_is_written_and_read(
    encoding: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = receipt(1, blob="é 東京 😀")
    with database_of(encoding) as url:
        monkeypatch.setenv("PGCLIENTENCODING", wanted)
        for given in (url, f"{url}&client_encoding={wanted}"):
            begin(given)
        with closing(open_ledger(url, create=False)) as ledger:
            before = ledger.head()
            ledger.save([record])
            assert ledger.history(record.stream_id) == (record,)
            assert [entry.event for entry in ledger.log(before)] == [record.event]
            assert all(topic.isascii() for topic in ledger.topics())


def test_an_encoding_that_can_not_be_converted_is_refused_before_anything_is_written() -> None:
    with database_of("MULE_INTERNAL") as url:
        assert "conversion between UTF8 and MULE_INTERNAL is not supported" in refusal(url)


@pytest.mark.parametrize("given_by", ["environment", "database"])
def test_no_setting_of_the_environment_or_the_database_reaches_a_store(
    given_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database() as url:
        run(url, EVIL)
        if given_by == "environment":
            options = [f"-c {name}={value.replace(' ', '')}" for name, value in HINDRANCES.items()]
            monkeypatch.setenv("PGOPTIONS", " ".join(options))
            monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
            monkeypatch.setenv("PGTZ", "Asia/Tokyo")
        else:
            for name, value in HINDRANCES.items():
                quoted = value if name == "search_path" else f"'{value}'"
                run(url, "ALTER DATABASE {0} SET {1} = {2}", urlsplit(url).path[1:], name, quoted)
        begin(url)
        with closing(open_ledger(url, create=False)) as ledger:
            ledger.save([receipt(1)])
            assert ledger.history(receipt(1).stream_id) == (receipt(1),)
            assert receipt(1).stream_id.hex in [stream for _, stream, _, _, _ in ledger.rows()]


LOOK_AT_COMMITS = """
CREATE TABLE {0}.seen (setting text);
CREATE FUNCTION {0}.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
INSERT INTO {0}.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END$$
"""
LOOK = """
CREATE TRIGGER look AFTER INSERT ON {0}.stored_events EXECUTE FUNCTION {0}.look()
"""


def test_a_decision_is_on_disk_before_it_counts_whatever_the_role_says(place: str) -> None:
    begin(place)
    run(place, LOOK_AT_COMMITS, schema_of(place))
    for number, wanted in enumerate(("off", "local", "remote_apply")):
        url = f"{place}&options=-c%20synchronous_commit%3D{wanted}"
        with closing(open_ledger(url, create=True)) as ledger:
            run(place, LOOK, schema_of(place))  # a store with a trigger is not opened
            ledger.save([receipt(number)])
        run(place, "DROP TRIGGER look ON {0}.stored_events", schema_of(place))
    seen = run(place, "SELECT setting FROM {0}.seen", schema_of(place))
    assert seen == [("on",), ("local",), ("remote_apply",)]


def test_a_session_that_must_not_write_is_refused_and_leaves_nothing(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    with pytest.raises(StoreUnavailable, match="cannot execute CREATE TABLE in a read-only transaction"):
        begin(place)
    monkeypatch.delenv("PGOPTIONS")
    assert left_in(place) == []


def test_a_time_limit_for_statements_is_named(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=50")
    with psycopg.connect(place.partition("&schema=")[0]) as held:
        held.execute(
            f"SELECT pg_advisory_xact_lock({TURN}, '{schema_of(place)}'::regnamespace::oid::int4), "
            "set_config('statement_timeout', '0', false)".encode()
        )
        with pytest.raises(StoreUnavailable, match="canceling statement due to statement timeout"):
            begin(place)


def test_an_unknown_policy_leaves_no_table_behind(place: str) -> None:
    with pytest.raises(UnknownPolicy):
        begin(place, policy="v0.0")
    open_ledger(place, create=True).close()
    assert left_in(place) == []
    begin(place)
    assert left_in(place) != []


@pytest.mark.parametrize("schema", ['a "b', "Ärger", "SELECT", "it's\\", "x.y", " blank "])
def test_any_schema_can_hold_a_store(shared: str, schema: str) -> None:
    quoted = schema.replace('"', '""')
    url = f"{shared}&schema={quote(schema)}"
    assert f"the database has no schema {schema!r}" in refusal(url)
    run(shared, f'CREATE SCHEMA "{quoted}"')
    begin(url)
    with closing(open_ledger(url, create=False)) as ledger:
        ledger.save([receipt(1)])
        assert ledger.name.endswith(f"?schema={quote(schema, safe='')}")
    assert run(shared, 'SELECT count(*) FROM "{0}".stored_events', quoted) > [(1,)]


@pytest.mark.parametrize("schema", ["", "a%25b", "a%00b", "x" * 64])
def test_a_schema_that_can_not_be_is_refused(shared: str, schema: str) -> None:
    assert "allowed: 1 to 63 bytes" in refusal(f"{shared}&schema={schema}")


def test_stores_in_two_schemas_know_nothing_of_each_other(place: str, shared: str) -> None:
    assert "store postgresql://" in refusal(shared, create=False)
    with closing(open_ledger(place, create=True)) as one, closing(open_ledger(shared, create=True)) as other:
        with psycopg.connect(shared) as held:
            held.execute(f"SELECT pg_advisory_xact_lock({TURN}, 'public'::regnamespace::oid::int4)".encode())
            assert one.save([receipt(1), receipt(2)]) == 2
            assert other.is_empty()
        assert other.save([receipt(1)]) == 1
        assert (one.head(), other.head()) == (2, 1)


OTHERS = {
    "other columns": "CREATE TABLE {0} (name text)",
    "text ids": "CREATE TABLE {0} (originator_id text, originator_version bigint, topic text, state bytea, "
    "notification_id bigserial, PRIMARY KEY (originator_id, originator_version))",
    "a view": "CREATE VIEW {0} AS SELECT gen_random_uuid() AS originator_id, 1::bigint AS originator_version, "
    "''::text AS topic, ''::bytea AS state, 1::bigint AS notification_id",
    "no key": "CREATE TABLE {0} (originator_id uuid, originator_version bigint, topic text, state bytea, "
    "notification_id bigserial)",
    "events of another application": "CREATE TABLE {0} (originator_id uuid, originator_version bigint, topic text, "
    "state bytea, notification_id bigserial, PRIMARY KEY (originator_id, originator_version)); "
    "INSERT INTO {0} VALUES (gen_random_uuid(), 1, 'bank:Account.Opened', '{{}}')",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_table_of_somebody_else_is_refused_and_left_alone(place: str, kind: str) -> None:
    table = f"{schema_of(place)}.stored_events"
    run(place, OTHERS[kind], table)
    before = left_in(place)
    for create in (True, False):
        sentence = refusal(place, create=create)
        assert "is not a table of ExitBrain" in sentence or "bank:Account.Opened" in sentence
    assert left_in(place) == before


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("sslmod=require", "unknown parameter 'sslmod' in the store URL; did you mean sslmode? allowed: "),
        ("shema=x", "did you mean schema?"),
        ("replication=database", "unknown parameter 'replication'"),
        ("zzz=1", "unknown parameter 'zzz' in the store URL; allowed: application_name, "),
    ],
)
def test_an_unknown_parameter_is_named_with_those_that_are_allowed(parameter: str, said: str) -> None:
    with pytest.raises(BadStoreUrl) as refused:
        open_ledger(f"postgresql://me:hidden@host/x?{parameter}", create=False)
    assert said in str(refused.value)
    assert "hidden" not in str(refused.value)


FULL = """
CREATE FUNCTION {0}.full() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'could not extend file "base/1/2": No space left on device',
DETAIL = 'wrote only 4096 of 8192 bytes', HINT = 'Check free disk space.'; END$$;
CREATE TRIGGER full_disk BEFORE INSERT ON {0}.stored_events EXECUTE FUNCTION {0}.full()
"""


def test_what_a_full_disk_says_reaches_the_sentence(place: str) -> None:
    begin(place)
    with closing(open_ledger(place, create=False)) as ledger:
        before = ledger.head()
        run(place, FULL, schema_of(place))
        with pytest.raises(StoreUnavailable) as refused:
            ledger.save([receipt(1)])
        assert str(refused.value).endswith(
            'cannot be written: could not extend file "base/1/2": No space left on device; '
            "wrote only 4096 of 8192 bytes; Check free disk space"
        )
        assert ledger.head() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "SELECT setval('{0}.stored_events_notification_id_seq', 1, false)",
            r"notification_id_idx\"; Key \(notification_id\)=\(1\) already exists",
        ),
        ("ALTER TABLE {0}.stored_events ADD CHECK (topic = '') NOT VALID", "violates check constraint"),
    ],
)
def test_a_rule_of_the_table_that_is_broken_is_no_conflict(place: str, change: str, said: str) -> None:
    begin(place)
    run(place, change, schema_of(place))
    with (
        closing(open_ledger(place, create=False)) as ledger,
        pytest.raises(StoreUnavailable, match=f"cannot be written: .*{said}"),
    ):
        ledger.save([receipt(1)])


QUIET = """
CREATE FUNCTION {0}.quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER quiet BEFORE INSERT ON {0}.stored_events FOR EACH ROW EXECUTE FUNCTION {0}.quiet()
"""


@pytest.mark.parametrize(
    ("definition", "named"),
    [
        (
            QUIET,
            "trigger quiet",
        ),
        ("CREATE RULE aside AS ON INSERT TO {0}.stored_events DO ALSO NOTIFY written", "rule aside"),
        ("CREATE INDEX by_length ON {0}.stored_events (length(topic))", "index of an expression by_length"),
    ],
)
def test_what_acts_on_the_table_is_named(place: str, definition: str, named: str) -> None:
    begin(place)
    run(place, definition, schema_of(place))
    for create in (False, True):
        assert refusal(place, create=create).endswith(f"of whoever writes: {named}; allowed: none")


def test_what_is_hidden_by_a_policy_of_rows_is_an_error(place: str) -> None:
    begin(place)
    table = f"{schema_of(place)}.stored_events"
    run(place, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    with user("LOGIN") as name:
        run(place, f"GRANT USAGE ON SCHEMA {schema_of(place)} TO {name}; GRANT SELECT ON {table} TO {name}")
        sentence = refusal(as_user(place, name), create=False)
        assert "query would be affected by row-level security policy" in sentence
        run(place, f"DROP OWNED BY {name}")


@contextmanager
def user(options: str) -> Iterator[str]:
    name = f"exitbrain_{uuid4().hex}"
    run(postgres_url(), f"CREATE ROLE {name} {options}")
    yield name
    run(postgres_url(), f"DROP ROLE {name}")


def as_user(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()


def test_a_refused_connection_says_why(shared: str) -> None:
    missing = urlsplit(shared)._replace(path="/no_such_database").geturl()
    assert 'database "no_such_database" does not exist' in refusal(missing)
    assert 'role "nobody_here" does not exist' in refusal(as_user(shared, "nobody_here"))
    with user("LOGIN CONNECTION LIMIT 0") as name:
        assert f'too many connections for role "{name}"' in refusal(as_user(shared, name))


def test_each_of_several_hosts_says_why() -> None:
    sentence = refusal("postgresql://me@/x?host=/tmp/nowhere,127.0.0.1&port=1,2")
    assert '"/tmp/nowhere/.s.PGSQL.1" failed: No such file or directory' in sentence
    assert "port 2 failed: Connection refused" in sentence


END_SESSIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{0}'"


def test_a_ledger_that_waits_for_a_connection_in_vain_says_why_there_is_none(place: str) -> None:
    begin(place)
    with user("LOGIN SUPERUSER") as name:
        url = as_user(place, name)
        with closing(open_database(url, create=False, environ={}, connect_timeout_s=1)) as ledger:
            assert ledger.head()
            run(place, f"ALTER ROLE {name} NOLOGIN")
            run(place, END_SESSIONS, name)
            with pytest.raises(StoreUnavailable, match=f'role "{name}" is not permitted to log in'):
                ledger.head()


def test_a_wrong_password_is_named_and_not_shown() -> None:
    server, url = start_postgres()
    try:
        run(url, "CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
        run(url, "SELECT pg_reload_conf()")
        wait_until(lambda: refused(as_user(url, "guarded")))
        sentence = refusal(f"postgresql://guarded:wrong-one@/postgres?host={server.folder}")
        assert 'password authentication failed for user "guarded"' in sentence
        assert "wrong-one" not in sentence
    finally:
        server.stop()


def refused(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False
