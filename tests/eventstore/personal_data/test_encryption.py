"""Personal data is encrypted in the database and erased everywhere by destroying one key."""

import base64
import io
import secrets
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from eventstore import codec, store
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.ids import new_id
from eventstore.messages import UnclearSubject, event
from eventstore.messages import personal as personal_field
from eventstore.models import CommandReceipt, Event, SubjectKey
from eventstore.personal_data import encryption
from ordersite.models import User
from projections.accounting.journal import AccountingDay
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.dump import dump
from tests.support.order_examples import CREATE, CREATED
from tests.support.projection_spec import contents

pytestmark = pytest.mark.django_db(transaction=True)


STAFF = Context(actor="staff:anna")


NAME, MAIL = "Ada Whitfield", "ada@example.com"


def place(customer_id: UUID | None = None) -> UUID:
    create = replace(CREATE, order_id=new_id(), customer_id=customer_id)
    dispatch(create, Context(actor="customer:x"))
    return create.order_id


def name_in_the_log(order_id: UUID) -> str:
    return str(store.read_stream(order_id)[0].event.customer_name)


def test_the_log_stores_names_encrypted_and_reads_them_back() -> None:
    order_id = place(new_id())
    stored = Event.objects.get(aggregate_id=order_id)
    assert stored.event_data["customer_name"].startswith(encryption.PREFIX)
    assert NAME not in str(stored.event_data)
    assert stored.event_data["country"] == "United Kingdom", "fields that are not personal stay readable"
    assert name_in_the_log(order_id) == NAME
    page = store.read_after(0, limit=10)
    assert page.events[0].event.customer_email == MAIL


def test_each_value_has_its_own_nonce() -> None:
    customer = new_id()
    place(customer), place(customer)
    first, second = Event.objects.order_by("position").values_list("event_data", flat=True)
    assert first["customer_name"] != second["customer_name"]
    assert SubjectKey.objects.count() == 1


def test_a_batch_makes_a_key_for_each_of_its_subjects() -> None:
    commands = [replace(CREATE, order_id=new_id(), customer_id=new_id()) for _ in range(40)]
    dispatch_batch([(command, Context(actor="service:import")) for command in commands])
    assert SubjectKey.objects.count() == 40
    assert {name_in_the_log(command.order_id) for command in commands} == {NAME}


def test_a_key_made_in_a_transaction_that_rolled_back_is_never_used_again() -> None:
    customer = new_id()
    with transaction.atomic():
        place(customer)
        transaction.set_rollback(True)
    assert name_in_the_log(place(customer)) == NAME


def test_erasing_a_customer_removes_their_data_from_the_whole_database_and_leaves_the_books_unchanged() -> None:
    ada, bea = new_id(), new_id()
    User.objects.create_user("ada", MAIL, "secret-1", first_name="Ada", last_name="Whitfield", customer_id=ada)
    orders = [place(ada), place(ada)]
    other = replace(CREATE, order_id=new_id(), customer_id=bea, customer_name="Bea Stone", customer_email="bea@x.org")
    dispatch(other, STAFF)
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


def test_a_person_is_erased_once_and_no_more_data_of_theirs_is_recorded() -> None:
    customer = new_id()
    place(customer)
    call_command("erase_subject", str(customer), stdout=io.StringIO())
    with pytest.raises(CommandError, match="already erased"):
        call_command("erase_subject", str(customer))
    with pytest.raises(SubjectWasErased):
        place(customer)
    with pytest.raises(CommandError, match="holds no personal data"):
        call_command("erase_subject", str(new_id()))


def test_ciphertext_moved_to_another_event_or_field_is_refused() -> None:
    customer = new_id()
    key = encryption.wrap(customer, secrets.token_bytes(32))
    here, there = new_id(), new_id()
    encrypted = encryption.encrypt_event(codec.type_of(CREATED), CREATED, here, encryption.unwrap(key))
    assert encryption.field_decryptor(here, key)("customer_name", encrypted.customer_name) == NAME
    with pytest.raises(WrongKey, match="customer_name"):
        encryption.field_decryptor(there, key)("customer_name", encrypted.customer_name)
    with pytest.raises(WrongKey, match="customer_email"):
        encryption.field_decryptor(here, key)("customer_email", encrypted.customer_name)


def new_master(name: str) -> str:
    return f"{name}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def test_the_master_key_is_rotated_and_the_old_one_removed(settings: Any) -> None:
    old, new = new_master("old"), new_master("new")
    settings.PERSONAL_DATA_KEYS = [old]
    order_id = place(new_id())
    settings.PERSONAL_DATA_KEYS = [new, old]
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    assert "1 keys re-encrypted" in out.getvalue()
    settings.PERSONAL_DATA_KEYS = [new]
    assert name_in_the_log(order_id) == NAME
    settings.PERSONAL_DATA_KEYS = [old]
    with pytest.raises(WrongKey, match="PERSONAL_DATA_KEYS has no key 'new'"):
        name_in_the_log(order_id)


def test_a_lost_key_is_an_error_and_not_an_erasure() -> None:
    order_id = place(new_id())
    SubjectKey.objects.all().delete()
    with pytest.raises(WrongKey, match="subject_keys has no row"):
        name_in_the_log(order_id)


@pytest.mark.parametrize("entry", ["nameless", ":abc=", "short:YWJj"])
def test_a_malformed_master_key_is_refused(settings: Any, entry: str) -> None:
    settings.PERSONAL_DATA_KEYS = [entry]
    with pytest.raises(WrongKey, match="NAME:BASE64"):
        encryption.masters()


def test_personal_fields_need_a_subject() -> None:
    with pytest.raises(UnclearSubject, match="secret"):

        @event("test.without_subject")
        class WithoutSubject:
            secret: str = personal_field()
