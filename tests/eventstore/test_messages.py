"""Stored events stay readable: names are stable, older shapes still load, and unreadable events are named."""

from dataclasses import replace
from typing import Any

import pytest

from eventstore import codec
from eventstore.errors import (
    CorruptEvent,
    MissingUpcaster,
    NewerSchemaVersion,
    UndeclaredMessage,
    UnknownEventType,
)
from eventstore.messages import DuplicateName, command, event, public, upcaster
from tests.support.booking import BOOK, GUEST


def test_a_name_belongs_to_one_message() -> None:
    with pytest.raises(DuplicateName, match="Booked"):

        @event("test.booked")
        class Other:
            pass

    with pytest.raises(DuplicateName, match="Book"):

        @command("test.book")
        class Another:
            pass


def test_an_undeclared_event_type_is_named() -> None:
    with pytest.raises(UnknownEventType, match=r"'test\.vanished'"):
        codec.decode("test.vanished", 1, "{}")


@pytest.mark.parametrize("stored", ["{}", "not json", '{"booking_id": 7}'])
def test_a_corrupt_event_is_named_with_its_stored_data(stored: str) -> None:
    with pytest.raises(CorruptEvent, match=r"test\.booked v1"):
        codec.decode("test.booked", 1, stored)


@event("test.addressed", schema_version=3)
class Addressed:
    street: str = public()
    city: str = public()
    note: str = public()


@upcaster("test.addressed", from_version=1)
def _split_the_line(data: dict[str, Any]) -> dict[str, Any]:
    street, city = data.pop("address").split(", ")
    return data | {"street": street, "city": city}


@upcaster("test.addressed", from_version=2)
def _add_a_note(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"note": ""}


@pytest.mark.parametrize(
    ("version", "stored"),
    [
        (1, '{"address": "1 High Street, York"}'),
        (2, '{"street": "1 High Street", "city": "York"}'),
        (3, '{"street": "1 High Street", "city": "York", "note": ""}'),
    ],
)
def test_older_shapes_are_upcast_one_version_at_a_time(version: int, stored: str) -> None:
    assert codec.decode("test.addressed", version, stored) == Addressed(street="1 High Street", city="York", note="")


def test_an_event_that_an_upcaster_cannot_convert_is_corrupt() -> None:
    with pytest.raises(CorruptEvent, match=r"test\.addressed v1: .*address"):
        codec.decode("test.addressed", 1, "{}")


def test_a_missing_upcaster_is_named() -> None:
    with pytest.raises(MissingUpcaster, match=r"test\.booked from version 0 to 1"):
        codec.decode("test.booked", 0, "{}")


def test_one_version_has_one_upcaster() -> None:
    with pytest.raises(DuplicateName, match="two upcasters"):
        upcaster("test.addressed", from_version=1)(_add_a_note)


def test_a_version_newer_than_the_code_is_named() -> None:
    with pytest.raises(NewerSchemaVersion, match="stored as version 9; this code reads up to 2"):
        codec.decode("test.booked", 9, "{}")


def test_only_declared_events_are_stored() -> None:
    with pytest.raises(UndeclaredMessage, match="dict"):
        codec.type_of({})


def test_a_fingerprint_ignores_only_incidental_fields() -> None:
    assert codec.fingerprint(BOOK) == codec.fingerprint(replace(BOOK, booking_id=GUEST))
    assert codec.fingerprint(BOOK) != codec.fingerprint(replace(BOOK, country="France"))
