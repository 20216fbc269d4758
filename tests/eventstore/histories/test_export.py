"""Histories moved to another site keep ids, versions and times, and are encrypted with that site's own keys."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import codec, store
from eventstore.dispatch import Context, dispatch, events_appended
from eventstore.errors import (
    CommandRefused,
    CorruptLine,
)
from eventstore.histories import importer, possible
from eventstore.histories.importer import Imported
from eventstore.ids import new_id
from eventstore.limits import times
from eventstore.messages import event, upcaster
from eventstore.messages import personal as personal_field
from eventstore.models import CommandReceipt, Event, SubjectKey
from eventstore.personal_data import encryption
from eventstore.personal_data.subjects import erase
from eventstore.timetravel import as_of
from eventstore.timetravel.as_of import AsOf
from tests.support.booking import BOOK, Book, Cancel, CheckIn, Pay
from tests.support.histories import booking, facts_of, file_of, load, paid_booking, staff, tally
from tests.support.tally import Count
from tests.support.tampering import behind_the_logs_back, empty

pytestmark = pytest.mark.django_db(transaction=True)


texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
creations = st.builds(
    lambda **fields: replace(BOOK, booking_id=new_id(), **fields),
    guest_id=st.none() | st.uuids(),
    guest_name=texts,
    guest_email=texts,
    country=texts,
    reference=texts,
)
moments = st.datetimes(
    min_value=times.EARLIEST.replace(tzinfo=None),
    max_value=times.LATEST.replace(tzinfo=None) - timedelta.resolution,
    timezones=st.just(UTC),
)
contexts = st.builds(
    Context,
    actor=texts,
    causation_id=st.none() | st.uuids(),
    occurred_at=st.none() | moments,
    extra=st.dictionaries(texts, texts, max_size=2),
)
ends = st.lists(
    st.sampled_from(
        [
            lambda booking_id: Pay(booking_id=booking_id, amount=Decimal("25.00"), method="card"),
            lambda booking_id: CheckIn(booking_id=booking_id),
            lambda booking_id: Cancel(booking_id=booking_id, reason="because"),
        ]
    ),
    max_size=3,
)


@given(st.lists(st.tuples(creations, ends, contexts, st.booleans()), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_an_export_imported_into_an_empty_site_is_unchanged(
    bookings: list[tuple[Book, list[Callable[[UUID], object]], Context, bool]],
) -> None:
    empty()
    start = store.latest_position()
    for create, _, context, _ in bookings:
        dispatch(create, replace(context, command_id=new_id()))
    for create, wishes, context, _ in bookings:
        for wish in wishes:
            try:
                dispatch(wish(create.booking_id), replace(context, command_id=new_id()))
            except CommandRefused:
                continue
    for create, _, _, erased in bookings:
        if erased and (create.guest_name or create.guest_email):
            subject_id = create.guest_id or create.booking_id
            if SubjectKey.objects.get(pk=subject_id).wrapped_key is not None:
                erase(subject_id, staff())
    ids = [create.booking_id for create, _, _, _ in bookings]
    facts = [facts_of(booking_id) for booking_id in ids]
    states = [as_of.load_as_of(booking_id, AsOf()).state for booking_id in ids]
    told = [fact.event_id for fact in store.read_after(start, limit=100).events if fact.aggregate_id in ids]
    lines = file_of(*ids)
    empty()
    start = store.latest_position()
    done = load(lines)
    assert [facts_of(booking_id) for booking_id in ids] == facts
    assert [as_of.load_as_of(booking_id, AsOf()).state for booking_id in ids] == states
    assert (done.added, done.present) == (sum(map(len, facts)), 0)
    assert done.position == store.latest_position()
    assert [fact.event_id for fact in store.read_after(start, limit=100).events] == told, "in log order"
    again = load(lines)
    assert (again.added, again.present) == (0, done.added)
    assert [{**json.loads(line), "subject_id": "", "personal": "", "metadata": ""} for line in file_of(*ids)[1:]] == [
        {**json.loads(line), "subject_id": "", "personal": "", "metadata": ""} for line in lines[1:]
    ]


def test_a_name_is_exported_unencrypted_and_encrypted_with_the_other_sites_own_key() -> None:
    guest = new_id()
    booking_id = paid_booking(guest_id=guest)
    key = bytes(SubjectKey.objects.get().wrapped_key or b"")
    lines = file_of(booking_id)
    assert "Ada Whitfield" in lines[1]
    assert encryption.PREFIX not in "".join(lines)
    empty()
    encryption.forget(guest)
    load(lines)
    stored = Event.objects.get(version=1)
    assert stored.subject_id == guest
    assert stored.event_data["guest_name"].startswith(encryption.PREFIX)
    assert "Ada" not in str(stored.event_data)
    assert bytes(SubjectKey.objects.get().wrapped_key or b"") != key
    erase(guest, staff())
    assert store.read_stream(booking_id)[0].event.guest_name == encryption.ERASED


def test_no_key_is_in_any_export() -> None:
    booking_id = paid_booking(guest_id=new_id())
    key = SubjectKey.objects.get()
    wrapped = bytes(key.wrapped_key or b"")
    unwrapped = encryption.unwrap(encryption.StoredKey(key.subject_id, wrapped, key.master))
    text = "\n".join(file_of(booking_id))
    for secret in [wrapped, unwrapped, *encryption.masters().values()]:
        assert secret.hex() not in text
        assert encryption._text(secret).rstrip("=") not in text


def test_erased_data_stays_erased_on_the_other_site() -> None:
    guest = new_id()
    booking_id = booking(guest_id=guest)
    erase(guest, staff())
    lines = file_of(booking_id)
    assert '"guest_name": "[erased]"' in lines[1]
    empty()
    load(lines)
    assert store.read_stream(booking_id)[0].event.guest_email == encryption.ERASED
    assert not SubjectKey.objects.exists()
    assert load(lines).present == 1


def test_an_imported_event_is_marked_with_the_time_of_the_import() -> None:
    tally_id = tally(1, 2)
    lines = file_of(tally_id)
    empty()
    load(lines)
    marks = {fact.metadata.extra[codec.IMPORTED] for fact in store.read_stream(tally_id)}
    assert len(marks) == 1
    assert datetime.fromisoformat(marks.pop()) <= datetime.now(UTC)
    assert not CommandReceipt.objects.exists()


def test_an_import_adds_the_events_that_are_missing() -> None:
    tally_id = tally(1, 2)
    lines = file_of(tally_id)
    for by in (3, 4):
        dispatch(Count(tally_id=tally_id, by=by), staff())
    longer = file_of(tally_id)
    empty()
    load(lines)
    assert load(longer) == Imported(added=2, present=2, position=store.latest_position())
    dispatch(Count(tally_id=tally_id, by=5), staff())
    assert as_of.load_as_of(tally_id, AsOf()).state.total == 15


def test_concatenated_files_and_repeated_lines_are_imported_once() -> None:
    first, second = tally(1, 2), tally(3)
    both = file_of(first) + file_of(second) + file_of(first)
    empty()
    done = load(both)
    assert (done.added, done.present) == (3, 2)


def test_a_long_file_is_imported_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BATCH", 3)
    tallies = [tally(1, 2, 3, 4) for _ in range(3)]
    lines = file_of(*tallies)
    empty()
    assert load(lines).added == 12
    monkeypatch.setattr(importer, "MAX_LINE_BYTES", 100)
    with pytest.raises(CorruptLine, match="longer than 100 bytes"):
        load(lines)


def test_projections_and_snapshots_are_notified_after_the_commit() -> None:
    tally_id = tally(*range(1, 12))
    lines = file_of(tally_id)
    empty()
    heard: list[dict[str, Any]] = []

    def listen(sender: Any, **news: Any) -> None:
        assert not connection.in_atomic_block
        heard.append(news)

    events_appended.connect(listen)
    try:
        done = load(lines)
        load(lines)
    finally:
        events_appended.disconnect(listen)
    (news,) = heard
    assert (news["aggregate_ids"], news["position"]) == ({tally_id}, done.position)
    assert news["snapshots"] == {tally_id: "test.tally"}


@event("test.joined", schema_version=2, subject=("person",))
class Joined:
    person: UUID
    name: str = personal_field()


@upcaster("test.joined", from_version=1)
def _name(data: dict[str, Any]) -> dict[str, Any]:
    return {"person": data["person"], "name": data["full_name"]}


def test_an_event_is_exported_in_its_stored_shape_and_upcast_when_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(possible, "fold", lambda decider, events, start: start)  # a tally cannot be joined
    tally_id, person, event_id = new_id(), new_id(), new_id()
    dispatch(Count(tally_id=tally_id, by=1), staff())
    sealed = encryption.encrypt_fields({"full_name": "Ada Whitfield"}, event_id, encryption.keys_of([person])[person])
    behind_the_logs_back(
        "INSERT INTO events (event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata,"
        " version, subject_id)"
        " SELECT %s, aggregate_id, aggregate_type, 'test.joined', 1, %s, metadata, 2, %s FROM events",
        event_id,
        json.dumps({"person": str(person)} | sealed),
        person,
    )
    lines = file_of(tally_id)
    assert json.loads(lines[2])["data"] == {"person": str(person), "full_name": "Ada Whitfield"}
    empty()
    encryption.forget(person)
    load(lines)
    stored = Event.objects.get(version=2)
    assert (stored.schema_version, stored.subject_id) == (1, person)
    assert stored.event_data["full_name"].startswith(encryption.PREFIX)
    assert store.read_stream(tally_id)[1].event == Joined(person=person, name="Ada Whitfield")
    assert file_of(tally_id)[2].partition('"imported"')[0].startswith(lines[2].partition('"metadata"')[0])


def test_the_command_line_writes_and_reads_a_file_and_explains_what_it_refuses(tmp_path: Any) -> None:
    tally_id = tally(1, 2)
    out = io.StringIO()
    call_command("export_history", str(tally_id), stdout=out)
    file = tmp_path / "history.jsonl"
    file.write_text(out.getvalue())
    empty()
    out = io.StringIO()
    call_command("import_history", str(file), stdout=out)
    assert out.getvalue() == "2 events imported, 0 were here already\n"
    file.write_text(file.read_text().replace('"by": 2', '"by": 3'))
    with pytest.raises(
        CommandError, match=r"(?s)line 3: HistoryConflict: event .* with another data.*separate site"
    ) as told:
        call_command("import_history", str(file))
    assert "Nothing was imported." in str(told.value)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_history", str(tmp_path / "missing"))
    with pytest.raises(CommandError, match="AggregateNotFound: the log holds no event"):
        call_command("export_history", str(new_id()))
    with pytest.raises(CommandError, match="--redact needs --anonymise"):
        call_command("export_history", str(tally_id), "--redact", "reason")
