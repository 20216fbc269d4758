"""The log and the site come out right on a server whose defaults are hostile."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, InternalError, NotSupportedError, connection, transaction
from rest_framework.test import APIClient

from eventstore import store
from eventstore.ids import new_id
from eventstore.sql import is_outage
from ordersite.postgresql.base import DatabaseWrapper
from ordersite.postgresql.sessions import PINNED
from tests.support.api import BODY, ORDERS, send
from tests.support.hostile import HOSTILE, hostile_defaults
from tests.support.notes import note
from tests.support.pooler import Pooler, needs_pgbouncer
from tests.support.running import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_reader_in_a_transaction_skips_nothing_whatever_isolation_the_server_prefers(isolation: str) -> None:
    with hostile_defaults({"default_transaction_isolation": isolation}):
        until = time.monotonic() + 3
        appended: list[int] = []

        def write() -> None:
            try:
                while time.monotonic() < until:
                    appended.append(store.append([note(new_id(), 0)]))
            finally:
                connection.close()

        writers = [threading.Thread(target=write) for _ in range(4)]
        for writer in writers:
            writer.start()
        seen: list[int] = []
        position = 0
        while time.monotonic() < until or any(writer.is_alive() for writer in writers):
            with transaction.atomic():
                page = store.read_after(position, limit=500)
            seen += [fact.position for fact in page.events]
            position = page.through
        seen += [fact.position for fact in store.read_after(position, limit=100_000).events]
        assert seen == sorted(appended)


def shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_default_of_the_server_reaches_a_session(name: str) -> None:
    usual = shown(name)
    with hostile_defaults({name: HOSTILE[name]}):
        assert shown(name) == usual


def test_every_setting_that_is_pinned_is_tried() -> None:
    assert set(PINNED) < set(HOSTILE)


def test_a_begin_names_its_level_so_that_a_pooler_may_give_it_any_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_isolation = 'serializable'")  # a session that was not set up
    with transaction.atomic():
        assert shown("transaction_isolation") == "read committed"
    connection.close()


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_the_feed_is_not_read_in_a_transaction_that_would_skip_events(isolation: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        with pytest.raises(InternalError, match="would skip events"), transaction.atomic():
            store.read_after(0, limit=1)


@pytest.mark.parametrize("count", [1, 2, 100], ids=["one statement", "several writes", "copied"])
def test_an_append_waits_for_the_disk_even_in_a_session_that_does_not(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    with transaction.atomic():
        store.append([note(new_id(), 0) for _ in range(count)])
        assert shown("synchronous_commit") == "on"
    assert shown("synchronous_commit") == "off"
    connection.close()


def test_a_server_that_is_read_only_for_a_while_is_written_again_afterwards() -> None:
    with hostile_defaults({"default_transaction_read_only": "on"}):
        assert store.latest_position() >= 0, "what reads goes on"
        with pytest.raises(InternalError, match="read-only"):
            store.append([note(new_id(), 0)])
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"ALTER DATABASE {connection.settings_dict['NAME']} RESET default_transaction_read_only")
            cursor.execute("SET default_transaction_read_only = on")  # as the session was
        with pytest.raises(InternalError, match="read-only"):
            store.append([note(new_id(), 0)])
        connection.close_if_unusable_or_obsolete()  # as after each request and each task
        store.append([note(new_id(), 0)])


def test_a_database_in_another_encoding_is_refused_by_name() -> None:
    other = f"{connection.settings_dict['NAME']}_latin1"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {other} ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    own = DatabaseWrapper(connection.settings_dict | {"NAME": other}, alias="other")
    try:
        with pytest.raises(NotSupportedError, match=f"{other} is encoded in LATIN1.*UTF8"):
            own.connect()
    finally:
        own.close()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {other}")


def test_a_command_to_a_read_only_server_is_answered_with_503_and_done_later(api: APIClient) -> None:
    key = {"Idempotency-Key": "one-order"}
    with hostile_defaults({"default_transaction_read_only": "on"}):
        refused = send(api, ORDERS, BODY, **key)
        assert (refused.status_code, refused.json()["code"]) == (503, "read_only")
        assert refused["Retry-After"] == "5"
    assert send(api, ORDERS, BODY, **key).status_code == 201


LIMITS = {"statement_timeout": "1s", "idle_in_transaction_session_timeout": "300ms"}


def work_slowly(wrapper: DatabaseWrapper) -> None:
    """Take longer than `LIMITS` in a statement, and between two statements of a transaction."""
    wrapper.set_autocommit(False)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.2)")
        time.sleep(0.6)
        cursor.execute("SELECT 1")
    wrapper.commit()
    wrapper.set_autocommit(True)


@pytest.mark.parametrize("pooled", [False, pytest.param(True, marks=needs_pgbouncer)])
def test_commands_take_as_long_as_they_take_and_requests_do_not(pooled: bool) -> None:
    server = connection.settings_dict
    url = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
    with ExitStack() as after, hostile_defaults(LIMITS):
        if pooled:
            pooler = Pooler(url).start()
            after.callback(pooler.stop)
            server = server | {"PORT": pooler.port}
        command = DatabaseWrapper(server | {"TIME_LIMITS": False}, alias="default")
        request = DatabaseWrapper(dict(server), alias="default")
        for own in (command, request):
            after.callback(own.close)
            own.connect()
        work_slowly(command)
        with pytest.raises(Error) as ended:
            work_slowly(request)
        assert is_outage(ended.value)


def test_the_command_line_lifts_the_limits() -> None:
    script = (
        "from django.db import connection; cursor = connection.cursor();"
        " cursor.execute('SHOW statement_timeout'); print(cursor.fetchone())"
    )
    with hostile_defaults(LIMITS):
        server = connection.settings_dict
        url = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--no-imports", "-c", script]
        environment = os.environ | {"DATABASE_URL": url}
        said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "('0',)"


def test_the_check_warns_of_defaults_that_other_programs_would_have() -> None:
    with hostile_defaults({"default_transaction_isolation": "serializable", "synchronous_commit": "off"}):
        text = io.StringIO()
        call_command("check", databases=["default"], stderr=text)
    assert "the default of default_transaction_isolation is 'serializable'" in text.getvalue()
    assert "the default of synchronous_commit is 'off'" in text.getvalue()


@needs_pgbouncer
def test_behind_a_pooler_every_transaction_is_pinned() -> None:
    server = connection.settings_dict
    url = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
    usual = {name: shown(name) for name in PINNED}
    with hostile_defaults({name: HOSTILE[name] for name in (*PINNED, "synchronous_commit")}):
        pooler = Pooler(url).start()
        own = DatabaseWrapper(server | {"PORT": pooler.port}, alias="default")
        try:
            own.connect()
            assert own.pooled
            for _ in range(3):  # each in another session of the server
                with pooled_transaction(own) as cursor:
                    cursor.execute("SHOW transaction_isolation")
                    assert cursor.fetchone() == ("read committed",)
                    cursor.execute("SHOW synchronous_commit")
                    assert cursor.fetchone() == ("on",)
                    for name, value in usual.items():
                        cursor.execute(f"SHOW {name}")
                        assert cursor.fetchone() == (value,), name
                    cursor.execute("SELECT pg_sleep(0)")
        finally:
            own.close()
            pooler.stop()


@contextmanager
def pooled_transaction(wrapper: DatabaseWrapper) -> Iterator[Any]:
    wrapper.set_autocommit(False)
    with wrapper.cursor() as cursor:
        yield cursor
    wrapper.rollback()
    wrapper.set_autocommit(True)
