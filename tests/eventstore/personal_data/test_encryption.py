"""Personal data is encrypted in the database and erased everywhere by destroying one key."""

import base64
import io
import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from eventstore import codec, store
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.ids import new_id
from eventstore.messages import OF_AGGREGATE, UnclearSubject, UndeclaredText, event, public, value
from eventstore.messages import personal as personal_field
from eventstore.models import Event, SubjectKey
from eventstore.personal_data import encryption
from tests.support.booking import BOOK, BOOKED
from tests.support.notes import note

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES = Path(__file__).parents[2] / "samples"


STAFF = Context(actor="staff:anna")


NAME, MAIL = "Ada Whitfield", "ada@example.com"


def place(guest_id: UUID | None = None) -> UUID:
    create = replace(BOOK, booking_id=new_id(), guest_id=guest_id)
    dispatch(create, Context(actor="customer:x"))
    return create.booking_id


def name_in_the_log(booking_id: UUID) -> str:
    return str(store.read_stream(booking_id)[0].event.guest_name)


def test_the_log_stores_names_encrypted_and_reads_them_back() -> None:
    booking_id = place(new_id())
    stored = Event.objects.get(aggregate_id=booking_id)
    assert stored.event_data["guest_name"].startswith(encryption.PREFIX)
    assert NAME not in str(stored.event_data)
    assert stored.event_data["country"] == "United Kingdom", "fields that are not personal stay readable"
    assert name_in_the_log(booking_id) == NAME
    page = store.read_after(0, limit=10)
    assert page.events[0].event.guest_email == MAIL


def test_each_value_has_its_own_nonce() -> None:
    guest = new_id()
    place(guest), place(guest)
    first, second = Event.objects.order_by("position").values_list("event_data", flat=True)
    assert first["guest_name"] != second["guest_name"]
    assert SubjectKey.objects.count() == 1


def test_a_batch_makes_a_key_for_each_of_its_subjects() -> None:
    commands = [replace(BOOK, booking_id=new_id(), guest_id=new_id()) for _ in range(40)]
    dispatch_batch([(command, Context(actor="service:import")) for command in commands])
    assert SubjectKey.objects.count() == 40
    assert {name_in_the_log(command.booking_id) for command in commands} == {NAME}


def test_a_key_made_in_a_transaction_that_rolled_back_is_never_used_again() -> None:
    guest = new_id()
    with transaction.atomic():
        place(guest)
        transaction.set_rollback(True)
    assert name_in_the_log(place(guest)) == NAME


def test_a_person_is_erased_once_and_no_more_data_of_theirs_is_recorded() -> None:
    guest = new_id()
    place(guest)
    call_command("erase_subject", str(guest), stdout=io.StringIO())
    with pytest.raises(CommandError, match="already erased"):
        call_command("erase_subject", str(guest))
    with pytest.raises(SubjectWasErased):
        place(guest)
    with pytest.raises(CommandError, match="holds no personal data"):
        call_command("erase_subject", str(new_id()))


def test_ciphertext_moved_to_another_event_or_field_is_refused() -> None:
    guest = new_id()
    key = encryption.wrap(guest, secrets.token_bytes(32))
    here, there = new_id(), new_id()
    encrypted = encryption.encrypt_event(codec.type_of(BOOKED), BOOKED, here, encryption.unwrap(key))
    assert encryption.field_decryptor(here, key)("guest_name", encrypted["guest_name"]) == NAME
    with pytest.raises(WrongKey, match="guest_name"):
        encryption.field_decryptor(there, key)("guest_name", encrypted["guest_name"])
    with pytest.raises(WrongKey, match="guest_email"):
        encryption.field_decryptor(here, key)("guest_email", encrypted["guest_name"])


def new_master(name: str) -> str:
    return f"{name}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def test_the_master_key_is_rotated_and_the_old_one_removed(settings: Any) -> None:
    old, new = new_master("old"), new_master("new")
    settings.PERSONAL_DATA_KEYS = [old]
    booking_id = place(new_id())
    settings.PERSONAL_DATA_KEYS = [new, old]
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    assert "1 keys re-encrypted" in out.getvalue()
    settings.PERSONAL_DATA_KEYS = [new]
    assert name_in_the_log(booking_id) == NAME
    settings.PERSONAL_DATA_KEYS = [old]
    with pytest.raises(WrongKey, match="PERSONAL_DATA_KEYS has no key 'new'"):
        name_in_the_log(booking_id)


def test_a_lost_key_is_an_error_and_not_an_erasure() -> None:
    booking_id = place(new_id())
    SubjectKey.objects.all().delete()
    with pytest.raises(WrongKey, match="subject_keys has no row"):
        name_in_the_log(booking_id)


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


@value
class Item:
    name: str = personal_field()
    code: str = public(default="")


@event("test.listed", subject=OF_AGGREGATE)
class Listed:
    items: tuple[Item, ...]
    reason: str = personal_field(unless=str.isdigit)


def listed(subject_id: UUID | None, *texts: str, reason: str = "her own words") -> store.Write:
    write = note(new_id(), 0)
    items = tuple(Item(name=text, code="A1") for text in texts)
    return replace(write, events=[Listed(items=items, reason=reason)], subject_id=subject_id)


def test_texts_inside_values_are_encrypted_one_by_one_and_read_back() -> None:
    write = listed(new_id(), "for Ada", "", "for Ada")
    store.append([write])
    stored = Event.objects.get(aggregate_id=write.aggregate_id)
    assert "Ada" not in str(stored.event_data)
    assert "her own words" not in str(stored.event_data)
    assert [item["code"] for item in stored.event_data["items"]] == ["A1"] * 3
    first, empty, third = (item["name"] for item in stored.event_data["items"])
    assert (first != third, empty) == (True, "")
    (fact,) = store.read_stream(write.aggregate_id)
    assert fact.event == write.events[0]
    assert stored.subject_id == write.subject_id


def test_a_text_that_names_no_person_stays_in_the_clear() -> None:
    write = listed(None, reason="12345")
    store.append([write])
    assert Event.objects.get(aggregate_id=write.aggregate_id).event_data["reason"] == "12345"


def test_an_event_of_an_erased_person_is_recorded_without_its_texts() -> None:
    person = new_id()
    place(person)
    call_command("erase_subject", str(person), stdout=io.StringIO())
    encryption.forget(person)
    write = listed(person, "for Ada")
    store.append([write])
    (fact,) = store.read_stream(write.aggregate_id)
    assert fact.event == Listed(items=(Item(name=encryption.ERASED, code="A1"),), reason=encryption.ERASED)


def test_texts_without_a_person_are_not_stored() -> None:
    with pytest.raises(UnclearSubject, match="decider"):
        store.append([listed(None, "for Ada")])
    assert not Event.objects.exists()


def test_a_text_that_is_declared_neither_personal_nor_public_is_refused() -> None:
    with pytest.raises(UndeclaredText, match=r"test\.forgotten: word is a text"):

        @event("test.forgotten")
        class Forgotten:
            word: str

    @value
    class Part:
        words: tuple[str, ...]

    with pytest.raises(UndeclaredText, match=r"test.forgotten_part: parts.words is a text"):

        @event("test.forgotten_part")
        class ForgottenPart:
            parts: tuple[Part, ...] | None

    with pytest.raises(UndeclaredText, match="in a tuple"):

        @event("test.single_part", subject=OF_AGGREGATE)
        class SinglePart:
            item: Item


def test_a_text_in_the_clear_of_an_older_schema_is_never_taken_for_an_encrypted_one() -> None:
    """A person can type anything, also what encrypted texts begin with."""
    person, event_id = new_id(), new_id()
    key = encryption.wrap(person, secrets.token_bytes(32))
    reveal = encryption.field_decryptor(event_id, key)
    sealed = encryption.encrypt_fields({"customer_name": NAME}, event_id, encryption.unwrap(key))
    stored = json.loads((SAMPLES / "order.created.v3.json").read_text()) | sealed | {"reference": "pd1:mine"}
    stored["lines"][0]["name"] = "pd1:AAAA"
    event = codec.decode("order.created", 3, json.dumps(stored), reveal)
    assert (event.customer_name, event.reference, event.lines[0].name) == (NAME, "pd1:mine", "pd1:AAAA")
