"""An erased person: no trace of them in the read models, nor anywhere else in the database."""

import io
from dataclasses import replace
from uuid import UUID

import pytest
from django.core.management import call_command

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from eventstore.models import CommandReceipt
from eventstore.personal_data import encryption
from ordersite.models import User
from projections.accounting.journal import AccountingDay
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.dump import dump
from tests.support.order_examples import CREATE
from tests.support.projection_spec import contents

pytestmark = pytest.mark.django_db(transaction=True)
NAME, MAIL = "Ada Whitfield", "ada@example.com"


def place(customer_id: UUID | None = None) -> UUID:
    create = replace(CREATE, order_id=new_id(), customer_id=customer_id)
    dispatch(create, Context(actor="customer:x"))
    return create.order_id


def name_in_the_log(order_id: UUID) -> str:
    return str(store.read_stream(order_id)[0].event.customer_name)


def test_erasing_a_customer_removes_their_data_from_the_whole_database_and_leaves_the_books_unchanged() -> None:
    ada, bea = new_id(), new_id()
    User.objects.create_user("ada", MAIL, "secret-1", first_name="Ada", last_name="Whitfield", customer_id=ada)
    orders = [place(ada), place(ada)]
    other = replace(CREATE, order_id=new_id(), customer_id=bea, customer_name="Bea Stone", customer_email="bea@x.org")
    dispatch(other, Context(actor="staff:anna"))
    for projection in PROJECTIONS.values():
        catch_up(projection)
    books = AccountingDay.objects.values().get()
    assert NAME in dump()

    call_command("erase_subject", str(ada), stdout=io.StringIO())
    for projection in PROJECTIONS.values():
        catch_up(projection)

    database = dump().lower()
    for word in ("whitfield", "ada@example.com"):
        assert word not in database, word
    assert "bea stone" in database
    assert [name_in_the_log(order_id) for order_id in orders] == [encryption.ERASED] * 2
    row = StaffOrder.objects.get(pk=orders[0])
    assert (row.customer_name, row.customer_email, row.total) == (encryption.ERASED, encryption.ERASED, 25)
    assert StaffOrder.objects.get(pk=other.order_id).customer_name == "Bea Stone"
    assert AccountingDay.objects.values().get() == books
    assert not CommandReceipt.objects.filter(aggregate_id__in=orders).exists()
    for projection in PROJECTIONS.values():
        before = contents(projection)
        assert all(table.identical for table in rebuild(projection).differences)
        assert contents(projection) == before


def test_a_guest_is_erased_by_the_id_of_the_order() -> None:
    order_id, other = place(), place()
    catch_up(PROJECTIONS["staff"])
    call_command("erase_subject", str(order_id), stdout=io.StringIO())
    catch_up(PROJECTIONS["staff"])
    names = dict(StaffOrder.objects.values_list("pk", "customer_name"))
    assert names == {order_id: encryption.ERASED, other: NAME}


def test_an_order_in_the_same_batch_as_the_erasure_shows_no_name_either() -> None:
    customer = new_id()
    order_id = place(customer)
    call_command("erase_subject", str(customer), stdout=io.StringIO())
    catch_up(PROJECTIONS["staff"])
    assert StaffOrder.objects.get(pk=order_id).customer_name == encryption.ERASED
