"""A history with pseudonyms names no person and is otherwise unchanged."""

import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.histories.export import anonymised, export, histories
from eventstore.ids import new_id
from eventstore.personal_data.encryption import ERASED
from eventstore.personal_data.subjects import erase
from tests.support.booking import BOOK, Cancel, Pay
from tests.support.histories import load
from tests.support.tampering import empty

pytestmark = pytest.mark.django_db(transaction=True)
ADA = UUID("0192a000-0000-7000-8000-00000000ada1")
ADAS = {"guest_id": ADA, "guest_name": "Ada Whitfield", "guest_email": "ada.w@example.com"}


def booking(**fields: Any) -> UUID:
    book = replace(BOOK, booking_id=new_id(), **fields)
    dispatch(book, Context(actor=f"customer:{book.guest_id}" if book.guest_id else "staff:anna.kay"))
    return book.booking_id


def cancelled(booking_id: UUID, reason: str, **context: Any) -> UUID:
    dispatch(Cancel(booking_id=booking_id, reason=reason), Context(actor="staff:anna.kay", **context))
    return booking_id


def lines_of(*booking_ids: UUID, redacted: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(anonymised(histories(booking_ids), redacted=redacted))][1:]


def test_no_person_is_named_in_any_spelling_in_any_field() -> None:
    first = cancelled(
        booking(**ADAS, reference="ada.w@example.com", country=f"by {ADA} herself"),
        f"ADA WHITFIELD (customer {str(ADA).upper()}) rang: write to Ada.W@Example.com or bob@home.org, says anna.kay",
        extra={"on_behalf_of": "Ada W.", "subject": str(ADA), "address": "192.0.2.7"},
    )
    guest = cancelled(
        booking(guest_id=None, guest_name="Joy Stone", guest_email="joy@x.org", reference="Joy Stone"),
        "staff:anna.kay",
    )
    text = "\n".join(map(json.dumps, lines_of(first, guest))).casefold()
    for original in (
        *("ada", "whitfield", "ada.w@example.com", "ada.w", "bob@home.org", "bob", "192.0.2.7", "Ada W."),
        *("anna", "kay", "anna.kay", "joy", "stone", "joy stone", "joy@x.org"),
        *(str(ADA), ADA.hex),
    ):
        if original == "ada":  # can occur in an id by chance
            continue
        assert original.casefold() not in text, original


def test_the_same_person_has_the_same_pseudonym_throughout_a_file_and_another_in_the_next() -> None:
    bookings = [cancelled(booking(**ADAS), "Ada Whitfield rang, says Ada") for _ in range(2)]
    lines = lines_of(*bookings)
    names = {line["data"]["guest_name"] for line in lines if "guest_name" in line["data"]}
    ids = {line["data"]["guest_id"] for line in lines if "guest_id" in line["data"]}
    (name,), (person,) = names, ids
    assert name.startswith("Person ")
    assert {line["data"]["reason"] for line in lines if "reason" in line["data"]} == {f"{name} rang, says {name}"}
    assert {line["subject_id"] for line in lines} == {person, None}
    assert {line["metadata"]["actor"] for line in lines if line["version"] == 1} == {f"customer:{person}"}
    assert lines_of(*bookings)[0]["data"]["guest_name"] != name


def test_other_fields_stay_and_an_email_address_stays_an_email_address() -> None:
    booking_id = booking(**ADAS)
    dispatch(
        Pay(booking_id=booking_id, amount=Decimal("25.00"), method="card", reference="pay_1"),
        Context(actor="service:till", extra={"synthetic": "paid in full", "till": "7"}),
    )
    plain = [json.loads(line) for line in export(histories([booking_id]))][1:]
    created, paid = lines_of(booking_id)
    assert created["data"]["guest_email"].endswith("@example.invalid")
    people = ("guest_id", "guest_name", "guest_email")
    for line, original in ((created, plain[0]), (paid, plain[1])):
        stays = {name: value for name, value in original["data"].items() if name not in people}
        assert stays.items() <= line["data"].items()
        for name in ("event_id", "aggregate_id", "version", "timestamp", "schema_version", "personal"):
            assert line[name] == original[name]
        assert line["metadata"]["command_id"] == original["metadata"]["command_id"]
    assert paid["metadata"]["actor"] == "service:till"
    assert paid["metadata"]["extra"]["synthetic"] == "paid in full"
    assert paid["metadata"]["extra"]["till"].startswith("Person ")


def test_amounts_and_skus_stay_even_if_a_name_looks_like_one() -> None:
    (line,) = lines_of(booking(guest_id=None, guest_name="25.00", guest_email="Single 7", reference="W 7"))
    assert line["data"]["total"] == "25.00"
    assert [each["sku"] for each in line["data"]["rooms"]] == ["DBL", "SGL"]
    assert line["data"]["reference"] == "W 7"


def test_a_free_text_can_be_replaced_as_a_whole() -> None:
    booking_id = cancelled(booking(**ADAS), "the neighbour in number 7 took it")
    assert lines_of(booking_id)[1]["data"]["reason"] == "the neighbour in number 7 took it"
    out = io.StringIO()
    call_command("export_history", str(booking_id), "--anonymise", "--redact", "reason", "--redact", "name", stdout=out)
    assert "neighbour" not in out.getvalue()
    assert "Double" not in out.getvalue(), "nested fields too"


def test_empty_and_erased_fields_stay_so() -> None:
    booking_id = booking(guest_id=ADA, guest_name="Ada", guest_email="")
    erase(ADA, Context(actor="service:test"))
    (line,) = lines_of(booking_id)
    assert (line["data"]["guest_name"], line["data"]["guest_email"]) == (ERASED, "")
    assert line["data"]["guest_id"] != str(ADA)


def test_a_file_with_pseudonyms_is_imported_like_any_other() -> None:
    booking_id = cancelled(booking(**ADAS), "Ada rang")
    lines = list(export(anonymised(histories([booking_id]))))
    assert json.loads(lines[0])["anonymised"] is True
    empty()
    load(lines)
    created, last = store.read_stream(booking_id)
    assert created.event.guest_name.startswith("Person ")
    assert last.event.reason == f"{created.event.guest_name} rang" or last.event.reason.startswith("Person ")
