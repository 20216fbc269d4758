"""Statements on the log's tables are prepared once on each connection and take part in the open transaction."""

from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import DataError, IntegrityError, OperationalError

from eventstore import sql
from eventstore.ids import new_id

pytestmark = pytest.mark.django_db(transaction=True)

RECEIPT = """INSERT INTO command_receipts (command_id, command_type, fingerprint, aggregate_id, version)
             VALUES (%s, 'x', %s, %s, 1) RETURNING command_id, fingerprint, version"""


def prepared_names() -> list[str]:
    return [name for (name,) in sql.fetch_all("SELECT name FROM pg_prepared_statements ORDER BY name")]


def receipt_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM command_receipts")
        return int(cursor.fetchone()[0])


def test_values_and_rows_are_converted_as_by_a_cursor() -> None:
    values = (new_id(), "words with ' and \\ and ü", 7, b"\x00\xff", None)
    rows = sql.fetch_all("SELECT %s::uuid, %s, %s::int, %s::bytea, %s::uuid", values)
    assert rows == [values]
    assert [type(value) for value in rows[0][:4]] == [UUID, str, int, bytes]


def test_a_statement_is_prepared_once_on_each_connection() -> None:
    connection.close()
    for _ in range(3):
        sql.fetch_all("SELECT 1")
    assert len(prepared_names()) == 2, "the statement, and the query that lists them"
    connection.close()
    assert sql.fetch_all("SELECT 1") == [(1,)]


def test_a_connection_prepares_a_limited_number_of_statements() -> None:
    connection.close()
    for number in range(sql.PreparedStatements.MAX_STATEMENTS * 2 + 50):
        assert sql.fetch_all(f"SELECT {number}") == [(number,)]
    assert sum(name.startswith("log_") for name in prepared_names()) == sql.PreparedStatements.MAX_STATEMENTS
    assert len(prepared_names()) <= sql.PreparedStatements.MAX_STATEMENTS * 2, (
        "psycopg prepared the others, and drops the oldest"
    )


def test_nothing_is_prepared_if_the_settings_forbid_it(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    assert sql.fetch_all("SELECT %s::int", (5,)) == [(5,)]
    assert prepared_names() == []


def test_a_rollback_removes_what_the_transaction_has_written() -> None:
    sql.fetch_all(RECEIPT, (new_id(), b"f", new_id()))
    with transaction.atomic():
        sql.fetch_all(RECEIPT, (new_id(), b"f", new_id()))
        assert receipt_count() == 2
        transaction.set_rollback(True)
    assert receipt_count() == 1


def test_statements_that_a_rollback_deallocated_are_prepared_again() -> None:
    sql.fetch_all("SELECT 1")
    with transaction.atomic():
        sql.fetch_all("SELECT 2")  # through psycopg's cursor, because of the transaction
        transaction.set_rollback(True)
    with sql.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
    assert sql.fetch_all("SELECT 1") == [(1,)]


def test_errors_are_djangos_and_the_connection_stays_usable() -> None:
    command_id = new_id()
    sql.fetch_all(RECEIPT, (command_id, b"f", new_id()))
    with pytest.raises(IntegrityError, match="command_receipts_pkey") as refused:
        sql.fetch_all(RECEIPT, (command_id, b"f", new_id()))
    assert isinstance(refused.value.__cause__, psycopg.errors.UniqueViolation)
    assert refused.value.__cause__.diag.constraint_name == "command_receipts_pkey"
    with pytest.raises(DataError, match="uuid"):
        sql.fetch_all(RECEIPT, ("no uuid", b"f", new_id()))
    assert receipt_count() == 1


def test_a_connection_that_the_server_closed_raises_and_is_replaced() -> None:
    connection.close()
    [(pid,)] = sql.fetch_all("SELECT pg_backend_pid()")
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True, "context": None}) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with pytest.raises(OperationalError):
        sql.fetch_all("SELECT 1")
    connection.close_if_unusable_or_obsolete()
    assert sql.fetch_all("SELECT 1") == [(1,)]
