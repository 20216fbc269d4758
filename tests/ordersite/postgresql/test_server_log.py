"""The log of the embedded PostgreSQL holds no value of a statement: it may be personal data."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from eventstore.storage import granting, roles
from eventstore.storage.server_log import NO_VALUES_IN_LOG
from ordersite.backup.tables import contents_by_table
from ordersite.checks import server_logs_no_values
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


def test_a_superuser_who_makes_the_roles_sets_it_for_each_of_them() -> None:
    site = roles.Roles(f"{connection.settings_dict['NAME']}_quiet")  # of this test database: roles are of the server
    with transaction.atomic(), connection.cursor() as cursor:
        granting.set_up(site, contents_by_table(), {})
        cursor.execute(
            "SELECT rolname, setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole"
            " WHERE rolname = ANY(%s)",
            [list(site.all)],
        )
        found = {role: dict(setting.split("=", 1) for setting in settings) for role, settings in cursor.fetchall()}
        transaction.set_rollback(True)
    assert set(found) == set(site.all)
    for role, settings in found.items():
        assert settings.items() >= NO_VALUES_IN_LOG.items(), role


@pytest.mark.parametrize("name", NO_VALUES_IN_LOG)
def test_a_deployment_check_warns_of_a_server_that_logs_values(name: str) -> None:
    other = {"log_error_verbosity": "default", "log_statement": "all"}.get(
        name, "1000" if "length" in name else "error"
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for each, value in NO_VALUES_IN_LOG.items():
            cursor.execute(f"SET LOCAL {each} = '{value}'")
        assert server_logs_no_values() == []
        cursor.execute(f"SET LOCAL {name} = '{'1000' if 'duration' in name else other}'")
        (warning,) = server_logs_no_values()
    assert warning.id == "ordersite.W010"
    assert f"{name} = {NO_VALUES_IN_LOG[name]}" in str(warning.hint)
