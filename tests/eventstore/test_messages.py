"""Stored events load for ever: names are stable, shapes are kept, and what cannot be read is said by name."""

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
from eventstore.messages import DuplicateName, command, event, upcaster
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


def test_an_event_nobody_declares_is_named() -> None:
    with pytest.raises(UnknownEventType, match=r"'test\.vanished'"):
        codec.decode("test.vanished", 1, "{}")


@pytest.mark.parametrize("stored", ["{}", "not json", '{"booking_id": 7}'])
def test_a_damaged_event_is_named_with_what_is_stored(stored: str) -> None:
    with pytest.raises(CorruptEvent, match=r"test\.booked v1"):
        codec.decode("test.booked", 1, stored)


@event("test.addressed", schema_version=3)
class Addressed:
    street: str
    city: str
    note: str


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
def test_older_shapes_are_led_to_todays_one_version_at_a_time(version: int, stored: str) -> None:
    assert codec.decode("test.addressed", version, stored) == Addressed(street="1 High Street", city="York", note="")


def test_what_an_upcaster_cannot_take_is_a_damaged_event() -> None:
    with pytest.raises(CorruptEvent, match=r"test\.addressed v1: .*address"):
        codec.decode("test.addressed", 1, "{}")


def test_a_missing_upcaster_is_named() -> None:
    with pytest.raises(MissingUpcaster, match=r"test\.booked from version 0 to 1"):
        codec.decode("test.booked", 0, "{}")


def test_one_version_has_one_upcaster() -> None:
    with pytest.raises(DuplicateName, match="two upcasters"):
        upcaster("test.addressed", from_version=1)(_add_a_note)


def test_a_version_newer_than_the_code_is_named() -> None:
    with pytest.raises(NewerSchemaVersion, match="stored as version 9; this code knows it up to 2"):
        codec.decode("test.booked", 9, "{}")


def test_only_declared_events_are_stored() -> None:
    with pytest.raises(UndeclaredMessage, match="dict"):
        codec.type_of({})


def test_a_fingerprint_ignores_the_id_a_command_makes_up_and_nothing_else() -> None:
    assert codec.fingerprint(BOOK) == codec.fingerprint(replace(BOOK, booking_id=GUEST))
    assert codec.fingerprint(BOOK) != codec.fingerprint(replace(BOOK, country="France"))
