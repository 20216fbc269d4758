"""`manage.py check` behind a real PgBouncer: defaults of the server that single statements would have are refused."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from ordersite import checks
from ordersite.postgresql.base import DatabaseWrapper
from ordersite.postgresql.sessions import PINNED, SAFE_IN_STATEMENTS
from tests.support.hostile import HOSTILE, hostile_defaults
from tests.support.pooler import Pooler, needs_pgbouncer
from tests.support.running import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), needs_pgbouncer]

SAFE = sorted(SAFE_IN_STATEMENTS)
UNSAFE = sorted(set(PINNED) - SAFE_IN_STATEMENTS)


@pytest.fixture(scope="module")
def pooler(django_db_setup: None) -> Iterator[Pooler]:
    server = connection.settings_dict
    url = f"postgresql://{server['USER']}:{server['PASSWORD']}@{server['HOST']}:{server['PORT']}/{server['NAME']}"
    pooler = Pooler(url).start()
    yield pooler
    pooler.stop()


@pytest.fixture
def pooled(pooler: Pooler, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseWrapper]:
    """A connection through the pooler, which the checks look at."""
    own = DatabaseWrapper(connection.settings_dict | {"PORT": pooler.port}, alias="default")
    monkeypatch.setattr(checks, "connections", {"default": own})
    yield own
    own.close()


def found() -> list[tuple[str, bool]]:
    """Return the id of each message, and whether it is an error."""
    return [(str(each.id), each.is_serious()) for each in checks.defaults_are_harmless(["default"])]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_default_that_single_statements_would_have_is_refused(pooled: DatabaseWrapper, name: str) -> None:
    reconnected(pooled)
    assert found() == []
    with hostile_defaults({name: HOSTILE[name]}):
        reconnected(pooled)
        assert found() == [("ordersite.E006", True)]
        (message,) = checks.defaults_are_harmless(["default"])
        assert (name in message.msg, f"SET {name} = " in str(message.hint)) == (True, True)


@pytest.mark.parametrize("name", SAFE)
def test_a_default_that_does_no_harm_to_a_statement_is_a_warning(pooled: DatabaseWrapper, name: str) -> None:
    with hostile_defaults({name: HOSTILE[name]}):
        reconnected(pooled)
        assert found() == [("ordersite.W002", False)]


def test_a_single_statement_has_such_a_default(pooled: DatabaseWrapper, pooler: Pooler) -> None:
    with hostile_defaults({"IntervalStyle": HOSTILE["IntervalStyle"]}):
        reconnected(pooled)
        other = DatabaseWrapper(pooled.settings_dict, alias="default")
        try:
            other.connect()
            other.set_autocommit(False)  # it takes the only session, which was set up
            with other.cursor() as cursor:
                assert shown(cursor) == PINNED["IntervalStyle"]
                with pooled.cursor() as single:
                    assert shown(single) == HOSTILE["IntervalStyle"]
        finally:
            other.close()


def test_manage_py_check_fails_through_the_pooler(pooler: Pooler) -> None:
    command = [sys.executable, "manage.py", "check", "--database", "default"]
    environment = os.environ | {"DATABASE_URL": pooler.url}
    with hostile_defaults({"bytea_output": HOSTILE["bytea_output"]}):
        end_sessions()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "(ordersite.E006) the default of bytea_output is 'escape'" in done.stderr


def end_sessions() -> None:
    """End the sessions that the pooler has kept: they have the defaults from before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def reconnected(pooled: DatabaseWrapper) -> None:
    """Connect again, in a new session."""
    pooled.close()
    end_sessions()
    pooled.connect()
    assert pooled.pooled


def shown(cursor: Any) -> str:
    cursor.execute("SHOW IntervalStyle")
    return str(cursor.fetchone()[0])
