"""Stored events load for ever: names are stable, shapes are kept, and what cannot be read is said by name."""

import json
from pathlib import Path

import pytest

from eventstore import codec
from eventstore.errors import CorruptEvent, UndeclaredMessage, UnknownEventType
from eventstore.messages import EVENTS, DuplicateName, command, event
from tests.orders.examples import CREATE, CREATED, ORDER

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.json"))
SHIPPED_TYPES = sorted(name for name in EVENTS if not name.startswith("test."))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_sample_of_every_version_of_every_event_still_loads_and_keeps_its_shape(path: Path) -> None:
    name, _, version = path.stem.rpartition(".v")
    stored = path.read_text()
    loaded = codec.decode(name, int(version), stored)
    if int(version) == EVENTS[name].schema_version:
        assert json.loads(codec.encode(loaded)) == json.loads(stored), (
            f"the shape of {name} has changed: raise its schema_version and keep this sample"
        )


@pytest.mark.parametrize("name", SHIPPED_TYPES)
def test_every_declared_event_has_a_stored_sample_of_its_current_version(name: str) -> None:
    assert f"{name}.v{EVENTS[name].schema_version}" in {path.stem for path in SAMPLES}


def test_a_name_belongs_to_one_message() -> None:
    with pytest.raises(DuplicateName, match="OrderCreated"):

        @event("order.created")
        class Other:
            pass

    with pytest.raises(DuplicateName, match="CreateOrder"):

        @command("order.create")
        class Another:
            pass


def test_an_event_nobody_declares_is_named() -> None:
    with pytest.raises(UnknownEventType, match=r"'order\.vanished'"):
        codec.decode("order.vanished", 1, "{}")


@pytest.mark.parametrize("stored", ["{}", "not json", '{"order_id": 7}'])
def test_a_damaged_event_is_named_with_what_is_stored(stored: str) -> None:
    with pytest.raises(CorruptEvent, match=r"order\.shipped v1"):
        codec.decode("order.shipped", 1, stored)


def test_a_version_the_code_does_not_know_is_named() -> None:
    with pytest.raises(CorruptEvent, match="stored as version 9"):
        codec.decode("order.shipped", 9, "{}")


def test_only_declared_events_are_stored() -> None:
    with pytest.raises(UndeclaredMessage, match="dict"):
        codec.type_of({})


def test_a_fingerprint_ignores_the_id_a_command_makes_up_and_nothing_else() -> None:
    from dataclasses import replace

    assert codec.fingerprint(CREATE) == codec.fingerprint(replace(CREATE, order_id=CREATED.customer_id or ORDER))
    assert codec.fingerprint(CREATE) != codec.fingerprint(replace(CREATE, country="France"))
