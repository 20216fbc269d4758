"""The log of the embedded PostgreSQL holds no value of a statement: it may be personal data."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from ordersite.devstack.postgres import NO_VALUES_IN_LOG
from ordersite.models import User

pytestmark = pytest.mark.django_db(transaction=True)

WORD = "zqinlogvx"


def server_log() -> Path:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        return Path((cursor.fetchone() or ("",))[0]) / "server.log"


def test_no_failed_statement_leaves_a_value_in_the_servers_log() -> None:
    log = server_log()
    if not log.exists():
        pytest.skip("the server is not an embedded one")
    before = log.stat().st_size
    User.objects.create_user(WORD, f"{WORD}@example.com", "secret-1")
    for statement in (
        "INSERT INTO ordersite_user SELECT * FROM ordersite_user WHERE username = %s",
        "SELECT %s::uuid",
        "SELECT pg_sleep(9), %s",
        "SELECT no_such_column FROM ordersite_user WHERE username = %s",
        "DO $$ BEGIN RAISE EXCEPTION 'zqinlogvx'; END $$ -- %s",
    ):
        with pytest.raises(DatabaseError):
            _fail(statement)
    assert WORD not in log.read_bytes()[before:].decode(errors="replace")


def _fail(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '200ms'")
        cursor.execute(statement, [WORD])


def test_the_embedded_server_runs_with_the_settings() -> None:
    if not server_log().exists():
        pytest.skip("the server is not an embedded one")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(NO_VALUES_IN_LOG)])
        found = dict(cursor.fetchall())
    assert found == NO_VALUES_IN_LOG
