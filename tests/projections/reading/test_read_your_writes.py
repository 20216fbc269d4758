"""Readers are woken when a row changes, and the row cache never shows an older row than what was committed."""

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
ORDER = new_id()  # Valkey channels are shared by all its databases, so no other test process may use this id


def elsewhere(work: Callable[[], object], *, after: float = 0) -> threading.Thread:
    """Run `work` on another connection, as another process would."""

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


def test_a_waiting_reader_is_woken_and_queries_the_database_only_a_few_times() -> None:
    place()
    thread = elsewhere(pay, after=0.3)
    with CaptureQueriesContext(connection) as queries:
        assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2
    thread.join()
    assert len(queries) <= 4, "polling would take at least six queries"


def test_a_commit_between_the_first_look_and_the_subscription_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race: the message came before the subscription, so only a look after subscribing finds the change."""
    from projections.reading import read_your_writes

    place()
    subscribe, late = read_your_writes.subscribe, [pay]

    def commit_then_subscribe(channels: list[str]) -> Any:
        if late:
            elsewhere(late.pop()).join()
        return subscribe(channels)

    def never(subscription: Any, left: float) -> None:
        raise AssertionError("the row was there already: nothing to wait for")

    monkeypatch.setattr(read_your_writes, "subscribe", commit_then_subscribe)
    monkeypatch.setattr(read_your_writes, "wait_for_message", never)
    assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2


def test_the_database_is_polled_while_valkey_is_down(settings: Any) -> None:
    place()
    up = settings.REDIS_URL

    def come_back() -> None:
        settings.REDIS_URL = up
        pay()

    thread = elsewhere(come_back, after=0.2)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert wait_for(paid, projection="customer", rows=[ORDER]).version == 2
    thread.join()


def test_a_reader_that_waits_too_long_gets_an_error(settings: Any) -> None:
    settings.READ_WAIT_SECONDS = 0.1
    place()
    with pytest.raises(NotYetVisible):
        wait_for(paid, projection="customer", rows=[ORDER])


def cache(body: bytes = b"cached", version: int = 1) -> bool:
    return row_cache.store(row_cache.look_up("customer", ORDER), version, body)


def cached() -> bytes | None:
    return row_cache.look_up("customer", ORDER).body


def test_a_row_is_cached_until_it_changes() -> None:
    place()
    assert cache()
    assert cached() == b"cached"
    pay()
    assert cached() is None


def test_a_row_that_was_read_before_a_commit_is_not_cached_after_it() -> None:
    place()
    lease = row_cache.look_up("customer", ORDER)
    pay()
    assert not row_cache.store(lease, 1, b"old")
    assert not cache(b"old", version=1), "not under a new lease either: the version is below the floor"
    assert cache(b"new", version=2)
    assert cached() == b"new"


def test_a_row_that_was_read_just_before_a_commit_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the floor is raised and before the commit, a reader still finds the old row."""
    from projections.engine.checkpoints import Checkpoint

    place()
    save, cached_early = Checkpoint.save, []

    def read_just_before_the_commit(checkpoint: Checkpoint, *args: Any, **more: Any) -> None:
        save(checkpoint, *args, **more)
        cached_early.append(cache(b"old", version=1))

    monkeypatch.setattr(Checkpoint, "save", read_just_before_the_commit)
    pay()
    assert cached_early == [False]
    assert cached() is None


def test_the_projection_waits_while_the_cache_cannot_be_invalidated(settings: Any) -> None:
    place()
    assert cache()
    up, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    store.append([write(replace(PAID, order_id=ORDER), 1)])
    with pytest.raises(RedisError):
        catch_up(CUSTOMER)
    assert CustomerOrder.objects.get().version == 1, "otherwise the cache would show an older row than the table"
    settings.REDIS_URL = up
    catch_up(CUSTOMER)
    assert cached() is None


def test_a_rebuild_drops_every_cached_row() -> None:
    place()
    assert cache()
    rebuild(CUSTOMER)
    assert cached() is None
    assert cache(b"rebuilt")
    assert cached() == b"rebuilt"
