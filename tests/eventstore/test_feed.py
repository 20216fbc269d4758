"""The feed skips no event, repeats none, and keeps each aggregate in order, whatever the writers do."""

import random
import threading
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import connection, transaction

from eventstore import store
from eventstore.errors import ConcurrencyError
from eventstore.ids import new_id
from tests.support.notes import note
from tests.support.plans import explained, nodes

WRITERS, SECONDS = 8, 4.0


class Writer(threading.Thread):
    """Appends to shared aggregates and to its own. At random it commits late, rolls back, or appends many events."""

    def __init__(self, seed: int, shared: list[UUID], until: float) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.aggregates = [*shared, *(new_id() for _ in range(5))]
        self.until = until
        self.committed: dict[UUID, int] = {}

    def run(self) -> None:
        try:
            while time.monotonic() < self.until:
                self.append_at_random(self.random.choice(self.aggregates), self.random.choice([1, 1, 3, 100]))
        finally:
            connection.close()

    def append_at_random(self, aggregate_id: UUID, count: int) -> None:
        write = note(aggregate_id, len(store.read_stream(aggregate_id)), count)
        try:
            match self.random.choice(["plain", "plain", "slow", "rolled back", "savepoint rolled back"]):
                case "plain":
                    store.append([write])
                case "slow":
                    with transaction.atomic():
                        store.append([write])
                        time.sleep(self.random.uniform(0, 0.05))
                case "rolled back":
                    with transaction.atomic():
                        store.append([write])
                        time.sleep(self.random.uniform(0, 0.02))
                        transaction.set_rollback(True)
                    return
                case "savepoint rolled back":
                    with transaction.atomic():
                        with transaction.atomic():
                            store.append([write])
                            transaction.set_rollback(True)
                        store.append([note(aggregate_id, write.expected_version, count)])
        except ConcurrencyError:
            return
        self.committed[aggregate_id] = self.committed.get(aggregate_id, 0) + count


@pytest.mark.django_db(transaction=True)
def test_a_polling_reader_misses_nothing_of_eight_writers_that_commit_late_or_roll_back() -> None:
    shared = [new_id() for _ in range(4)]
    until = time.monotonic() + SECONDS
    writers = [Writer(seed, shared, until) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen: list[tuple[int, UUID, int]] = []
    position, polls = 0, 0

    def poll() -> int:
        page = store.read_after(position, limit=500)
        seen.extend((fact.position, fact.aggregate_id, fact.version) for fact in page.events)
        return page.through

    while any(writer.is_alive() for writer in writers):
        position, polls = poll(), polls + 1
    for writer in writers:
        writer.join()
    position = poll()
    while (through := poll()) > position:
        position = through

    expected: dict[UUID, int] = {}
    for writer in writers:
        for aggregate_id, count in writer.committed.items():
            expected[aggregate_id] = expected.get(aggregate_id, 0) + count
    versions: dict[UUID, list[int]] = {}
    for _, aggregate_id, version in seen:
        versions.setdefault(aggregate_id, []).append(version)
    assert {key: list(range(1, count + 1)) for key, count in expected.items()} == versions
    assert [place for place, _, _ in seen] == sorted({place for place, _, _ in seen})
    assert sum(expected.values()) > 500, "too little happened for this test to mean anything"
    assert polls > 100, "the reader hardly polled"


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_holds_the_feed_back_and_no_event_after_it_is_skipped() -> None:
    early, late = new_id(), new_id()
    opened, seen_by_reader = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                store.append([note(early, 0)])
                opened.set()
                seen_by_reader.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    opened.wait(10)
    store.append([note(late, 0)])  # takes a later position and commits first
    page = store.read_after(0, limit=10)
    seen_by_reader.set()
    thread.join()
    assert page.events == []
    assert not page.settled
    after = store.read_after(page.through, limit=10)
    assert [fact.aggregate_id for fact in after.events] == [early, late]
    assert after.settled


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead_by", [0, 1, 1000])
def test_an_announcement_ahead_of_the_sequence_value_that_was_read_holds_nothing_back(ahead_by: int) -> None:
    store.append([note(new_id(), 0)])
    latest = store.latest_position()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(4711, %s)", [latest + ahead_by])
        assert len(store.read_after(0, limit=10).events) == 1


def _changes() -> list[tuple[str, Callable[[], object]]]:
    def sql(statement: str) -> Callable[[], object]:
        def run() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement)

        return run

    return [
        ("update", sql("UPDATE events SET version = version + 1")),
        ("delete", sql("DELETE FROM events")),
        ("truncate", sql("TRUNCATE events")),
        ("as a replica would", sql("SET LOCAL session_replication_role = replica; DELETE FROM events")),
        ("an explicit position", sql("INSERT INTO events (position) VALUES (1)")),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("how", "change"), _changes(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_database_itself_refuses_to_change_the_log(how: str, change: Callable[[], object]) -> None:
    store.append([note(new_id(), 0)])
    words = "append-only" if how != "an explicit position" else "GENERATED ALWAYS|non-DEFAULT"
    with pytest.raises(Exception, match=words), transaction.atomic():
        change()
    assert store.latest_position() > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("generic", [False, True])
def test_a_page_of_the_feed_is_limited_before_the_keys_are_joined(generic: bool) -> None:
    """Otherwise PostgreSQL plans for the whole rest of the log: it starts parallel workers, or sorts the rest."""
    store.append([note(new_id(), 0, 3)])
    with explained(generic=generic) as plans:
        assert len(store.read_after(0, limit=2).events) == 2
    (limit,) = [node for plan in plans for node in nodes(plan["Plan"]) if node["Node Type"] == "Limit"]
    assert not [node for node in nodes(limit) if "Join" in node["Node Type"] or "Loop" in node["Node Type"]]
