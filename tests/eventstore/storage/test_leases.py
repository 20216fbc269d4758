"""A lease lets one process at a time do work that outlives a transaction, and ends by itself when its holder dies."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F

from eventstore.models import Lease
from eventstore.storage import leases
from eventstore.storage.leases import LeaseHeld, LeaseLost, hold

pytestmark = pytest.mark.django_db(transaction=True)


def end_now() -> None:
    """Let the lease end as if its holder had died LEASE_SECONDS ago."""
    Lease.objects.update(ends_at=F("ends_at") - timedelta(seconds=leases.LEASE_SECONDS + 1))


def in_a_thread(work: Callable[[], None]) -> threading.Thread:
    """Start `work` on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_second_holder_is_refused_and_told_who_holds_it_since_when_and_what_to_do() -> None:
    with (
        hold("some work"),
        pytest.raises(LeaseHeld, match=r"process \d+ on .+ holds some work since .+ UTC.*by itself in (29|30) s"),
        hold("some work"),
    ):
        pytest.fail("two holders")


def test_a_lease_is_free_again_after_its_block_also_when_the_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), hold("some work"):
        _ = 1 / 0
    with hold("some work"):
        assert Lease.objects.count() == 1
    assert not Lease.objects.exists()


def test_the_lease_of_a_dead_holder_ends_by_itself() -> None:
    with hold("some work") as dead:
        end_now()
        assert dead.is_held(), "nobody has taken it"
        with hold("some work") as heir:
            heir.require()
            with pytest.raises(LeaseLost, match="some work is not leased to this process any more"):
                dead.require()
        assert not Lease.objects.exists()


def test_a_living_holder_keeps_its_lease_for_longer_than_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(leases, "EXTEND_SECONDS", 0.1)
    with hold("some work") as lease:
        time.sleep(1.5)
        with pytest.raises(LeaseHeld), hold("some work"):
            pytest.fail("two holders")
        lease.require()


def test_nobody_takes_a_lease_during_a_transaction_that_required_it() -> None:
    order: list[str] = []

    def take() -> None:
        with hold("some work"):
            order.append("taken")

    with hold("some work") as lease:
        with transaction.atomic():
            lease.require()
            in_a_thread(end_now).join()  # the extension of a lease does not wait for the transaction
            taker = in_a_thread(take)
            time.sleep(0.3)
            order.append("committed")
        taker.join()
    assert order == ["committed", "taken"]
