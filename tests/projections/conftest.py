import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from orders.events import OrderPaid
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import PROJECTIONS
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support.threads import at_once


@pytest.fixture
def staff_is_locked() -> Iterator[None]:
    """Another worker has locked the checkpoint of the staff projection, and keeps it locked."""
    catch_up(PROJECTIONS["staff"])
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Checkpoint.objects.select_for_update().get(name="staff/0")
            locked.set()
            done.wait(30)

    with at_once(hold):
        assert locked.wait(5)
        yield
        done.set()


@pytest.fixture
def poison() -> Iterator[set[UUID]]:
    """A set: add the id of an order, and the staff projection fails to take its payment."""
    poisoned: set[UUID] = set()
    handler = StaffOrders.handlers[OrderPaid]

    def fragile(projection: Any, rows: Any, event: OrderPaid, fact: Any) -> None:
        rows.get(StaffOrder, event.order_id).status = "half done"
        if event.order_id in poisoned:
            raise ZeroDivisionError("cannot take this payment")
        handler(projection, rows, event, fact)

    StaffOrders.handlers[OrderPaid] = fragile
    yield poisoned
    StaffOrders.handlers[OrderPaid] = handler
