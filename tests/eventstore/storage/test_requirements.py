"""What the log relies on in PostgreSQL is checked by name, at the start, in `check`, and every minute."""

import io
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from eventstore import store
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, LogFinding
from eventstore.storage import requirements, watch
from eventstore.storage.requirements import UnsafeServer, findings
from tests.support.notes import note
from tests.support.threads import at_once

BREAKS = {
    "sequence_cache": "ALTER SEQUENCE events_position_seq CACHE 32",
    "sequence_increment": "ALTER SEQUENCE events_position_seq INCREMENT 2",
    "sequence_limit": "ALTER SEQUENCE events_position_seq MAXVALUE 2147483647",
    "sequence_behind": "SELECT setval('events_position_seq', 1)",
    "search_path": "CREATE SCHEMA other; CREATE FUNCTION other.events_horizon() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    " SET LOCAL search_path = other, public",
    "append_only": "ALTER TABLE events DISABLE TRIGGER events_append_only",
    "one_version": "ALTER TABLE events DROP CONSTRAINT events_aggregate_version",
    "one_receipt": "ALTER TABLE command_receipts DROP CONSTRAINT command_receipts_pkey",
    "unlogged": "ALTER TABLE events SET UNLOGGED",
    "row_security": "ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events FORCE ROW LEVEL SECURITY;"
    " CREATE ROLE reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;"
    " GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader; SET LOCAL ROLE reader",
    "session_replication_role": "SET LOCAL session_replication_role = replica",
    "standard_conforming_strings": "SET LOCAL standard_conforming_strings = off",
    "synchronous_commit": "SET LOCAL synchronous_commit = off",
    "zero_damaged_pages": "SET LOCAL zero_damaged_pages = on",
    "ignore_checksum_failure": "SET LOCAL ignore_checksum_failure = on",
    "transaction_read_only": "SET LOCAL transaction_read_only = on",
    "collation": "UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()",
}


@pytest.fixture(params=BREAKS)
def broken(request: Any, db: None) -> str:
    """One requirement is broken, until the test's transaction rolls back."""
    store.append([note(new_id(), 0, 3)])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(BREAKS[request.param])
    return str(request.param)


@pytest.mark.django_db
def test_a_sound_server_has_no_findings() -> None:
    assert findings() == []
    requirements.require()


def test_what_is_broken_is_named_with_what_to_do(broken: str) -> None:
    (finding,) = findings()
    assert finding.name == broken
    assert finding.hint


@pytest.mark.django_db
def test_every_setting_that_is_checked_is_tried() -> None:
    assert set(requirements._SETTINGS) <= {*BREAKS, "fsync", "full_page_writes"}
    assert {name for name, *_ in requirements._CATALOGUE} <= set(BREAKS)


def test_a_server_does_not_start_and_the_check_fails(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "close", lambda: None)  # the break is in this transaction
    with pytest.raises(UnsafeServer):
        requirements.require()
    with pytest.raises(CommandError, match=f"eventstore.{broken}"):
        call_command("check", databases=["default"], stderr=io.StringIO())


@pytest.mark.django_db
def test_fsync_is_checked_unless_it_is_silenced(settings: Any) -> None:
    settings.SILENCED_SYSTEM_CHECKS = []
    assert [finding.name for finding in findings()] == ["fsync", "full_page_writes"]


# --- what the watch sees besides --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_holds_the_log_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "HELD_SECONDS", 0)
    opened, looked = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            store.append([note(new_id(), 0)])
            opened.set()
            assert looked.wait(10)

    with at_once(hold):
        assert opened.wait(10)
        (finding,) = watch.look()
        looked.set()
    assert (finding.name, "idle in transaction" in finding.message) == ("horizon_held", True)
    assert watch.look() == []
    assert not LogFinding.objects.exists()


@pytest.mark.django_db
def test_a_consumer_that_is_ahead_of_a_restored_log_is_named() -> None:
    ConsumerCheckpoint.objects.create(name="mails", position=store.latest_position() + 1)
    assert [finding.name for finding in watch.look()] == ["consumer_ahead"]


@pytest.mark.django_db
def test_a_clock_that_went_back_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events ALTER timestamp SET DEFAULT now() + interval '1 hour'")
    store.append([note(new_id(), 0)])
    (finding,) = watch.look()
    assert finding.name == "clock"
    assert "3,600 s behind" in finding.message or "3,599 s behind" in finding.message
