"""The log in hash partitions is the same log; readers and writers go on during a conversion."""

import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection

from eventstore import store
from eventstore.admin import large_lists
from eventstore.dispatch import Context, dispatch
from eventstore.errors import ConcurrencyError, ConversionRefused, ConversionTimedOut
from eventstore.ids import new_id
from eventstore.models import Event, Lease
from eventstore.seals.chain import seal_settled
from eventstore.seals.verification import verify
from eventstore.storage import leases, partitioning
from eventstore.storage.partitioning import LEASE, convert, discard, drop_old, partitions
from tests.support.running import ROOT
from tests.support.tally import Count, append_tally, open_append, written
from tests.support.tampering import behind_the_logs_back

pytestmark = pytest.mark.django_db(transaction=True)
AS_INSTALLED = int(os.environ.get("EVENTS_PARTITIONS", "0"))


@pytest.fixture(autouse=True)
def _as_it_was(transactional_db: None) -> Iterator[None]:
    """Convert the table back to the shape that other tests expect."""
    yield
    drop_old()
    discard()
    if partitions() != AS_INSTALLED:
        convert(AS_INSTALLED)
        drop_old()


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {partitioning._COLUMNS} FROM events ORDER BY position")
        return list(cursor.fetchall())


def other() -> int:
    """Return another number of partitions than the current one."""
    return 4 if partitions() != 4 else 3


def test_a_converted_log_holds_the_same_events_and_takes_more() -> None:
    for events in (1, 3, 70):
        append_tally(events)
    before = rows()
    seal_settled()
    tally_id = append_tally(2)
    done = convert(other())
    assert done.events == 76
    assert rows()[:74] == before
    dispatch(Count(tally_id=tally_id, by=5), Context(actor="staff:anna"))
    append_tally(70)
    page = store.read_after(0, limit=1000)
    assert [fact.position for fact in page.events] == sorted(row[0] for row in rows())
    assert page.events[76].position == store.read_stream(tally_id)[-1].position > before[-1][0]
    seal_settled()
    assert verify().findings == []


def test_a_log_is_converted_there_and_back() -> None:
    append_tally(5)
    before = rows()
    for shape in (3, 0, 5, 0):
        if partitions() != shape:
            convert(shape)
            drop_old()
        assert (partitions(), rows()) == (shape, before)


def test_in_either_shape_a_version_of_an_aggregate_is_unique() -> None:
    for shape in (0, 4):
        if partitions() != shape:
            convert(shape)
            drop_old()
        tally_id = append_tally()
        with pytest.raises(ConcurrencyError):
            store.append([written(1, tally_id)])
        columns = partitioning._COLUMNS.removeprefix("position, ")
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events LIMIT 1")


def test_the_log_and_each_of_its_partitions_refuse_to_be_changed() -> None:
    if partitions() != 4:
        convert(4)
    append_tally()
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass")
        tables = ["events", *(row[0] for row in cursor.fetchall())]
    assert len(tables) == 5
    for table in tables:
        for change in (f"UPDATE {table} SET version = 9", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(ProgrammingError, match="append-only"), connection.cursor() as cursor:
                cursor.execute(change)
    with pytest.raises(ProgrammingError, match="GENERATED ALWAYS"), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO events ({partitioning._COLUMNS}) SELECT {partitioning._COLUMNS} FROM events")


def a_filled_log(shape: int) -> None:
    for _ in range(50):
        append_tally(100)
    if partitions() != shape:
        convert(shape)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events")


def plan(statement: str, how: str = "EXPLAIN (GENERIC_PLAN)") -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        try:
            cursor.execute(f"{how} {statement}")
            return "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan; RESET plan_cache_mode")


def numbered(statement: str) -> str:
    """Return the statement with the placeholders of a prepared statement: $1, $2 …"""
    parts = statement.split("%s")
    text = "".join(part + (f"${number}" if number < len(parts) else "") for number, part in enumerate(parts, start=1))
    return text.replace("%%", "%")


@pytest.mark.parametrize("shape", [0, 4])
def test_the_feed_finds_its_positions_by_index_in_either_shape(shape: int) -> None:
    a_filled_log(shape)
    shown = plan(numbered(store._FEED))
    assert shown.count("Index Scan using events") == max(shape, 1)
    assert shown.count('Index Cond: (("position" >') == max(shape, 1)
    assert "Seq Scan on events" not in shown
    assert "->  Sort" not in shown, "they come in order"


def test_a_history_is_read_from_one_partition_only() -> None:
    a_filled_log(4)
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE stream AS {numbered(store._STREAM)}")
    try:
        shown = plan(f"stream ('{new_id()}', 0)", "EXPLAIN EXECUTE")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE stream")
    assert "Subplans Removed: 3" in shown
    assert len(set(re.findall(r"events_p\d\d", shown))) == 1


@pytest.mark.parametrize("shape", [0, 4])
def test_the_log_browser_counts_a_large_log_by_estimate_in_either_shape(
    shape: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_filled_log(shape)
    monkeypatch.setattr(large_lists, "COUNT_UP_TO", 10)
    append_tally(50)  # more than the last ANALYZE knew
    assert large_lists.FastPaginator(Event.objects.all(), 50).count == 5000


def test_an_interrupted_conversion_continues_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        append_tally(4)
    before = rows()
    copied: list[int] = []

    def interrupt(position: int, latest: int) -> None:
        copied.append(position)
        if len(copied) == 2:
            raise KeyboardInterrupt

    wanted = other()
    with pytest.raises(KeyboardInterrupt):
        convert(wanted, batch=3, progress=interrupt)
    assert rows() == before
    with pytest.raises(ConversionRefused, match=f"into {wanted} partitions, was begun"):
        convert(wanted + 7)
    append_tally(1)
    resumed: list[int] = []
    convert(wanted, batch=3, progress=lambda position, latest: resumed.append(position))
    assert resumed[0] > copied[-1]
    assert rows()[:-1] == before
    with pytest.raises(ConversionRefused, match="is still there"):
        convert(0 if wanted else 2)
    assert drop_old()
    assert not drop_old()


def test_a_copy_that_was_changed_is_never_swapped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    append_tally(6)
    before, shape, wanted = rows(), partitions(), other()
    monkeypatch.setattr(partitioning, "_swap", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        convert(wanted)
    monkeypatch.undo()
    behind_the_logs_back(f"UPDATE {partitioning.NEW_TABLE} SET event_data = '{{\"by\": 2}}' WHERE version = 3")
    with pytest.raises(ConversionRefused, match="the copy differs"):
        convert(wanted)
    assert (partitions(), rows()) == (shape, before)
    assert discard()


def test_a_log_that_is_always_busy_is_left_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    append_tally(2)
    monkeypatch.setattr(partitioning, "SWAP_ATTEMPTS", 2)
    shape = partitions()
    with open_append(), pytest.raises(ConversionTimedOut, match="run it again"):
        convert(other())
    assert partitions() == shape
    convert(other())
    assert len(rows()) == 3


class Crowd:
    """Threads that append in different ways and a reader of the feed. They run until `stop` is set."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failures: list[BaseException] = []
        self.acknowledged: list[UUID] = []
        self.read: list[tuple[int, UUID, int]] = []
        work = [self.one_by_one, self.one_by_one, self.in_batches, self.follow]
        self.threads = [threading.Thread(target=self.guarded, args=(each,)) for each in work]

    def guarded(self, work: Any) -> None:
        try:
            while not self.stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.failures.append(error)
        finally:
            connection.close()

    def one_by_one(self) -> None:
        tally_id = new_id()
        for _ in range(5):
            dispatch(Count(tally_id=tally_id, by=1), Context(actor="staff:anna"))
            self.acknowledged.append(tally_id)

    def in_batches(self) -> None:
        tally_id = new_id()
        store.append([written(80, tally_id)])
        self.acknowledged += [tally_id] * 80

    def follow(self) -> None:
        page = store.read_after(self.read[-1][0] if self.read else 0, limit=500)
        self.read += [(fact.position, fact.aggregate_id, fact.version) for fact in page.events]


def test_a_conversion_disturbs_neither_writers_nor_readers_of_the_feed() -> None:
    append_tally(3000)
    crowd = Crowd()
    for thread in crowd.threads:
        thread.start()
    time.sleep(0.5)
    for shape in (other(), AS_INSTALLED):
        if partitions() != shape:
            convert(shape, batch=2000)
            drop_old()
        time.sleep(0.5)
    crowd.stop.set()
    for thread in crowd.threads:
        thread.join(30)
    assert crowd.failures == []
    crowd.follow()
    while len(crowd.read) < 3000 + len(crowd.acknowledged):
        before = len(crowd.read)
        crowd.follow()
        assert len(crowd.read) > before, "an acknowledged event is not in the feed"
    assert [entry[0] for entry in crowd.read] == [row[0] for row in rows()]
    reached: dict[UUID, int] = {}
    for _, aggregate_id, version in crowd.read:
        assert version == reached.get(aggregate_id, 0) + 1
        reached[aggregate_id] = version
    assert len(crowd.acknowledged) > 80, "other threads appended meanwhile"


def command(*arguments: str) -> str:
    out = io.StringIO()
    try:
        call_command("partition_log", *arguments, stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


def test_the_command_prints_its_result_and_its_refusals() -> None:
    append_tally(10)
    wanted = other()
    assert f"10 events are in {wanted} partitions; the log was locked for" in command("--partitions", str(wanted))
    assert f"the log has {wanted} partitions already" in command("--partitions", str(wanted))
    assert "is still there" in command("--partitions", "0")
    assert command("--drop-old") == "dropped\n"
    assert "nothing to drop" in command("--discard")
    assert "--partitions must be 0 to 1024" in command("--partitions", "-1")


def test_one_conversion_at_a_time() -> None:
    with leases.hold(LEASE):
        with pytest.raises(ConversionRefused, match=r"holds the conversion of the log since .*ends by itself in"):
            convert(other())
        with pytest.raises(ConversionRefused, match="holds the conversion of the log"):
            partitioning.discard()


def test_a_conversion_whose_lease_another_process_took_stops_before_the_swap() -> None:
    append_tally(10)
    before = partitioning.partitions()

    def take(position: int, latest: int) -> None:
        Lease.objects.update(owner=uuid4(), holder="another process")

    with pytest.raises(ConversionRefused, match="not leased to this process any more"):
        convert(other(), progress=take)
    Lease.objects.all().delete()
    assert partitioning.partitions() == before


def test_privileges_are_copied() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS test_writer; CREATE ROLE test_writer")
        try:
            cursor.execute(
                "GRANT SELECT, INSERT ON events TO test_writer; GRANT SELECT ON events_position_seq TO PUBLIC"
            )
            convert(other())
            cursor.execute(
                "SELECT has_table_privilege('test_writer', 'events', 'INSERT'),"
                " has_table_privilege('test_writer', 'events', 'DELETE'),"
                " has_sequence_privilege('test_writer', 'events_position_seq', 'SELECT')"
            )
            assert cursor.fetchone() == (True, False, True)
        finally:
            cursor.execute("DROP OWNED BY test_writer; DROP ROLE test_writer")


def test_a_new_site_can_start_with_partitions() -> None:
    name = f"partitioned_{os.getpid()}"
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}")
        try:
            own = f"{url.rsplit('/', 1)[0]}/{name}"
            environment = os.environ | {"DATABASE_URL": own, "EVENTS_PARTITIONS": "3"}
            environment["DJANGO_SETTINGS_MODULE"] = "tests.settings"
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            for _ in range(2):
                subprocess.run(migrate, cwd=ROOT, env=environment, check=True, timeout=120)
            with psycopg.connect(own) as there:
                query = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"
                assert there.execute(query).fetchone() == (3,)
                assert there.execute("SELECT to_regclass('events_before_conversion')").fetchone() == (None,)
        finally:
            maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_log_has_the_same_indexes_in_either_shape() -> None:
    def indexes() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'events'")
            return {name for (name,) in cursor.fetchall()}

    there = indexes()
    assert {"events_event_type", "events_subject"} <= there
    convert(other())
    assert indexes() == there
