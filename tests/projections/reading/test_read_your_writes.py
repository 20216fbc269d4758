"""Readers: woken when a row shows more, and never shown an older row by the cache than what was committed."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.exceptions import RedisError

from eventstore import store
from eventstore.ids import new_id
from projections.customer.orders import CustomerOrder
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.reading import row_cache
from projections.reading.read_your_writes import NotYetVisible, wait_for
from projections.rebuild.run import rebuild
from tests.support.order_examples import CREATED, PAID
from tests.support.projection_spec import write

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMER = PROJECTIONS["customer"]
ORDER = new_id()  # word of a row goes to every database of a Valkey: an id that no other process uses


def elsewhere(work: Callable[[], object], *, after: float = 0) -> threading.Thread:
    """Another process, as far as the database can tell."""

    def run() -> None:
        time.sleep(after)
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def place() -> None:
    store.append([write(replace(CREATED, order_id=ORDER), 0)])
    catch_up(CUSTOMER)


def pay() -> None:
    store.append([write(replace(PAID, order_id=ORDER), 1)])
    catch_up(CUSTOMER)


def paid() -> CustomerOrder | None:
    return CustomerOrder.objects.filter(pk=ORDER, version__gte=2).first()


def test_who_waits_is_woken_and_asks_the_database_a_few_times_only() -> None:
    place()
    thread = elsewhere(pay, after=0.3)
    with CaptureQueriesContext(connection) as asked:
        assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2
    thread.join()
    assert len(asked) <= 4, "a poll would have asked at least six times"


def test_what_commits_between_the_first_look_and_the_listening_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: nobody is told any more, so only the look after the ear is open can find it."""
    from projections.reading import read_your_writes

    place()
    listen, late = read_your_writes.subscribe, [pay]

    def commit_then_listen(channels: list[str]) -> Any:
        if late:
            elsewhere(late.pop()).join()
        return listen(channels)

    def never(ear: Any, left: float) -> None:
        raise AssertionError("it was there already: nothing to wait for")

    monkeypatch.setattr(read_your_writes, "subscribe", commit_then_listen)
    monkeypatch.setattr(read_your_writes, "wait_for_message", never)
    assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2


def test_where_valkey_is_down_the_database_is_asked_instead(settings: Any) -> None:
    place()
    up = settings.REDIS_URL

    def come_back() -> None:
        settings.REDIS_URL = up
        pay()

    thread = elsewhere(come_back, after=0.2)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2
    thread.join()


def test_who_waits_in_vain_is_told_so(settings: Any) -> None:
    settings.READ_WAIT_SECONDS = 0.1
    place()
    with pytest.raises(NotYetVisible):
        wait_for(paid, projection="customer", rows=[ORDER])


def keep(body: bytes = b"kept", version: int = 1) -> bool:
    return row_cache.store(row_cache.look_up("customer", ORDER), version, body)


def kept() -> bytes | None:
    return row_cache.look_up("customer", ORDER).body


def test_a_row_is_kept_until_it_changes() -> None:
    place()
    assert keep()
    assert kept() == b"kept"
    pay()
    assert kept() is None


def test_what_was_read_before_a_commit_is_not_kept_after_it() -> None:
    place()
    lease = row_cache.look_up("customer", ORDER)
    pay()
    assert not row_cache.store(lease, 1, b"old")
    assert not keep(b"old", version=1), "not under a new lease either: an older version is below the floor"
    assert keep(b"new", version=2)
    assert kept() == b"new"


def test_what_was_read_while_a_batch_is_being_committed_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the floor is up and before the commit, a reader still finds the old row."""
    from projections.engine.checkpoints import Checkpoint

    place()
    save, kept_early = Checkpoint.save, []

    def read_just_before_the_commit(mark: Checkpoint, *args: Any, **more: Any) -> None:
        save(mark, *args, **more)
        kept_early.append(keep(b"old", version=1))

    monkeypatch.setattr(Checkpoint, "save", read_just_before_the_commit)
    pay()
    assert kept_early == [False]
    assert kept() is None


def test_where_the_cache_cannot_be_told_the_projection_waits(settings: Any) -> None:
    place()
    assert keep()
    up, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    store.append([write(replace(PAID, order_id=ORDER), 1)])
    with pytest.raises(RedisError):
        catch_up(CUSTOMER)
    assert CustomerOrder.objects.get().version == 1, "or the cache would show less than the table"
    settings.REDIS_URL = up
    catch_up(CUSTOMER)
    assert kept() is None


def test_a_rebuild_forgets_every_row() -> None:
    place()
    assert keep()
    rebuild(CUSTOMER)
    assert kept() is None
    assert keep(b"rebuilt")
    assert kept() == b"rebuilt"
