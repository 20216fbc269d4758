"""What an import refuses, always with the whole file, and imports with other writers at the same time."""

import json
import threading
from typing import Any

import pytest
from django.db import transaction

from eventstore import store
from eventstore.dispatch import dispatch
from eventstore.errors import (
    AggregateNotFound,
    CorruptEvent,
    CorruptLine,
    ForeignFile,
    HistoryConflict,
    MissingUpcaster,
    NewerSchemaVersion,
    SubjectWasErased,
    UndeclaredMessage,
    UnknownEventType,
    VersionGap,
    WrongKey,
)
from eventstore.histories import importer, possible
from eventstore.histories.importer import Imported
from eventstore.histories.staging import Incoming
from eventstore.ids import new_id
from eventstore.models import Event, SubjectKey
from eventstore.personal_data.subjects import erase
from eventstore.timetravel import as_of
from eventstore.timetravel.as_of import AsOf
from tests.support.histories import booking, changed, file_of, in_threads, load, paid_booking, staff, tally
from tests.support.tally import Count
from tests.support.tampering import behind_the_logs_back, empty

pytestmark = pytest.mark.django_db(transaction=True)


def refused(lines: list[str], error: type[Exception], words: str) -> None:
    """Assert that the import raises this error with this message, and writes nothing."""
    before = list(Event.objects.values_list("position", flat=True)), SubjectKey.objects.count()
    with pytest.raises(error, match=words):
        load(lines)
    assert (list(Event.objects.values_list("position", flat=True)), SubjectKey.objects.count()) == before


def caused(**changes: Any) -> dict[str, Any]:
    """Return changes of a line's metadata."""
    ids = {"command_id": str(new_id()), "correlation_id": str(new_id())}
    return {"metadata": {"actor": "staff:anna", **ids, **changes}}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"event_type": "test.gone"}, UnknownEventType, "'test.gone'"),
        ({"schema_version": 0}, MissingUpcaster, "from version 0"),
        ({"schema_version": 9}, NewerSchemaVersion, "stored as version 9"),
        ({"data": {}}, CorruptEvent, "`by`"),
        ({"data": {"by": "many"}}, CorruptEvent, "by"),
        ({"data": []}, CorruptLine, "data"),
        ({"metadata": {}}, CorruptEvent, "actor"),
        ({"aggregate_type": "test.gone"}, UndeclaredMessage, "'test.gone'"),
        ({"aggregate_type": "test.booking"}, HistoryConflict, "'test.tally'"),
        ({"event_id": "3"}, CorruptLine, "event_id"),
        ({"version": 0}, CorruptLine, "version"),
        ({"version": 4}, VersionGap, "version 4 of .* cannot follow version 1"),
        ({"timestamp": "2011-03-30T12:00:00"}, CorruptLine, "timezone"),
        ({"color": "red"}, CorruptLine, "color"),
        ({"data": {"by": 1, "note": "a\0b"}}, CorruptLine, r"note: the character U\+0000 cannot be stored"),
        ({"data": {"by": 1, "note": "\ud800"}}, CorruptLine, "surrogates"),
        ({"data": {"by": 1, "note": float("nan")}}, CorruptLine, "NaN"),
        ({"data": {"by": 1, "note": 10**400}}, CorruptLine, "note: the number"),
        ({"data": {"by": 1, "note": 1e300}}, CorruptLine, "note: the number"),
        ({"data": {"by": 1, "note": "x" * 100_001}}, CorruptLine, "note: a text of at most 100000 characters"),
        ({"data": {"by": 1, "note": json.loads("[" * 40 + "]" * 40)}}, CorruptLine, "more than 32 levels"),
        ({"data": {"by": 1, "a\0b": 1}}, CorruptLine, "U\\+0000"),
        ({"timestamp": "9999-12-31T23:59:59.999999-12:00"}, CorruptLine, "the years 1900 to 2199"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, CorruptLine, "the years 1900 to 2199"),
        ({"timestamp": "0001-01-01T00:00:00+14:00"}, CorruptLine, "the years 1900 to 2199"),
        (caused(occurred_at="9999-12-31T23:59:59.999999-12:00"), CorruptLine, "the years 1900 to 2199"),
        (caused(occurred_at="0001-01-01T00:00:00Z"), CorruptLine, "the years 1900 to 2199"),
        (caused(occurred_at="2031-03-31T12:00:00"), CorruptLine, "time zone"),
        (caused(actor="staff:\0"), CorruptLine, "actor: the character"),
        (caused(extra={"note": "\0"}), CorruptLine, "extra.note: the character"),
    ],
)
def test_an_invalid_line_is_refused_with_its_number_and_the_whole_file_with_it(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    lines = file_of(tally(1, 2, 3))
    empty()
    lines[2] = changed(lines[2], **change)
    refused(lines, error, words)
    refused(lines, error, r"line 3\b")


@pytest.mark.parametrize("text", ["", "{", "null", "7", "[]", '{"event_id": 1}', "[" * 100_000, "caf\udce9"])
def test_a_malformed_line_is_refused_with_its_number(text: str) -> None:
    lines = file_of(tally(1, 2, 3))
    empty()
    refused([*lines[:2], text, *lines[3:]], CorruptLine, r"line 3\b")


def test_a_gap_is_refused_at_any_place() -> None:
    lines = file_of(tally(1, 2, 3))
    empty()
    refused([lines[0], *lines[2:]], VersionGap, "version 2 of .* cannot follow version 0")
    refused([*lines[:2], lines[3]], VersionGap, "version 3 of .* cannot follow version 1")
    refused(lines[:-1], ForeignFile, "announces 3 events, but the file has 2")


def test_an_event_that_cannot_follow_the_earlier_ones_is_refused_with_its_line() -> None:
    booking_id = paid_booking()
    lines = file_of(booking_id)
    other = file_of(tally(1))[1]
    empty()
    again = changed(lines[1], version=2, event_id=str(new_id()))
    refused(
        [lines[0], changed(lines[2], version=1), again], CorruptEvent, "test.paid cannot be version 1: a history of"
    )
    refused([*lines[:2], again], CorruptEvent, "test.booked cannot be version 2: .* begins with Booked, once")
    refused([*lines[:2], again], CorruptEvent, r"line 3\b")
    stranger = changed(other, version=2, aggregate_id=str(booking_id), aggregate_type="test.booking")
    refused([*lines[:2], stranger], CorruptEvent, "test.counted has another booking_id than the aggregate")
    elsewhere = changed(lines[2], data=json.loads(lines[2])["data"] | {"booking_id": str(new_id())})
    refused([*lines[:2], elsewhere], CorruptEvent, "test.paid has another booking_id")


def test_a_history_is_checked_from_its_beginning_however_it_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BATCH", 1)
    monkeypatch.setattr(possible, "MOST_STATES", 1)
    booking_id, tally_id = paid_booking(), tally(1, 2, 3)
    first, second = file_of(booking_id), file_of(tally_id)
    mixed = [second[0], first[1], second[1], first[2], second[2], second[3]]
    mixed[0] = changed(mixed[0], events=5)
    empty()
    header = changed(first[0], events=1)
    assert load([header, first[1]]).added == 1
    assert load(mixed) == Imported(added=4, present=1, position=Event.objects.latest("position").position)


def test_a_file_of_another_kind_is_refused() -> None:
    lines = file_of(tally(1))
    empty()
    refused([], ForeignFile, "empty")
    refused(lines[1:], ForeignFile, "begins with a header")
    refused([changed(lines[0], format_version=2), *lines[1:]], ForeignFile, "event-history 2")
    refused([changed(lines[0], format="orders"), *lines[1:]], ForeignFile, "orders 1")


def test_another_history_of_the_same_aggregate_is_refused() -> None:
    tally_id = tally(1, 2)
    lines = file_of(tally_id)
    refused([*lines[:2], changed(lines[2], data={"by": 3})], HistoryConflict, "with another data")
    refused([*lines[:2], changed(lines[2], event_id=str(new_id()))], HistoryConflict, "with another event_id")
    refused([*lines[:2], changed(lines[2], version=3)], HistoryConflict, "with another version")
    earlier = json.loads(lines[2])["timestamp"].replace("20", "19", 1)
    refused([*lines[:2], changed(lines[2], timestamp=earlier)], HistoryConflict, "with another timestamp")
    metadata = json.loads(lines[2])["metadata"] | {"actor": "staff:bea"}
    refused([*lines[:2], changed(lines[2], metadata=metadata)], HistoryConflict, "with another metadata")


def test_a_file_that_contradicts_itself_is_refused() -> None:
    lines = file_of(tally(1, 2))
    empty()
    lines[0] = changed(lines[0], events=3)
    refused([*lines, changed(lines[2], data={"by": 3})], HistoryConflict, r"line 4\b")
    refused([*lines, changed(lines[2], event_id=str(new_id()))], HistoryConflict, r"line 4\b")


def test_nothing_is_imported_about_a_person_who_was_erased_on_this_site() -> None:
    guest = new_id()
    booking_id, other = booking(guest_id=guest), booking(guest_id=guest)
    lines, others = file_of(booking_id), file_of(other)
    behind_the_logs_back("DELETE FROM events WHERE aggregate_id = %s", other)
    erase(guest, staff())
    refused(lines, SubjectWasErased, str(guest))
    refused(others, SubjectWasErased, r"line 2\b")
    refused([*file_of(tally(1)), *others], SubjectWasErased, r"line 4\b")


def test_export_refuses_incomplete_histories() -> None:
    with pytest.raises(AggregateNotFound, match="holds no event of"):
        file_of(new_id())
    tally_id = tally(1, 2, 3)
    behind_the_logs_back("DELETE FROM events WHERE aggregate_id = %s AND version = 2", tally_id)
    with pytest.raises(VersionGap, match="has version 3 in the log, but no version 2"):
        file_of(tally_id)
    booking_id = booking(guest_id=new_id())
    SubjectKey.objects.all().delete()
    with pytest.raises(WrongKey, match="subject_keys has no row"):
        file_of(booking_id)


# --- concurrency -----------------------------------------------------------------------------------------------------


def test_a_file_sent_several_times_at_once_is_imported_once() -> None:
    tally_id = tally(*range(1, 30))
    lines = file_of(tally_id)
    empty()
    outcomes = in_threads(*[lambda: load(lines)] * 4)
    assert sorted(each.added for each in outcomes if isinstance(each, Imported)) == [0, 0, 0, 29]


def test_an_import_and_an_append_to_the_same_aggregate_never_both_take_a_version() -> None:
    """Either the append continues after the imported events, or it comes first and the import is refused."""
    refusals = 0
    for _ in range(25):
        empty()
        tally_id = tally(1)
        lines = file_of(tally_id)
        dispatch(Count(tally_id=tally_id, by=2), staff())
        longer = file_of(tally_id)
        empty()
        load(lines)
        imported, appended = in_threads(
            lambda longer=longer: load(longer),  # type: ignore[misc]  # a default binds it
            lambda tally_id=tally_id: dispatch(Count(tally_id=tally_id, by=40), staff()),  # type: ignore[misc]
        )
        assert not isinstance(appended, Exception)
        total = as_of.load_as_of(tally_id, AsOf()).state.total
        if isinstance(imported, Imported):
            assert total == 43
        else:
            assert isinstance(imported, HistoryConflict)
            refusals += 1
            assert total == 41
        assert [fact.version for fact in store.read_stream(tally_id)] in ([1, 2], [1, 2, 3])


def test_an_append_between_the_checks_and_the_insert_refuses_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    tally_id = tally(1)
    lines = file_of(tally_id)
    dispatch(Count(tally_id=tally_id, by=2), staff())
    longer = file_of(tally_id)
    empty()
    load(lines)
    place = Incoming.append_staged

    def late(incoming: Incoming) -> Any:
        in_threads(lambda: dispatch(Count(tally_id=tally_id, by=40), staff()))
        return place(incoming)

    monkeypatch.setattr(Incoming, "append_staged", late)
    with pytest.raises(HistoryConflict, match="meanwhile"):
        load(longer)
    assert as_of.load_as_of(tally_id, AsOf()).state.total == 41


def test_an_append_between_two_reads_of_an_import_is_a_conflict_and_not_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    tally_id = tally(1, 2)
    lines = file_of(tally_id)
    empty()
    looks = {name: getattr(Incoming, name) for name in ("existing", "heads")}
    waiting = [Count(tally_id=tally_id, by=1)]

    def after_an_append(name: str) -> Any:
        def look(incoming: Incoming, *asked: Any) -> Any:
            found = looks[name](incoming, *asked)
            if waiting:
                in_threads(lambda: dispatch(waiting.pop(), staff()))
            return found

        return look

    for name in looks:
        monkeypatch.setattr(Incoming, name, after_an_append(name))
    refused_at = r"version 1 of .*, is in this log"
    with pytest.raises(HistoryConflict, match=refused_at):
        load(lines)


def test_the_feed_waits_for_an_open_import_and_skips_no_event() -> None:
    tally_id = tally(1, 2, 3)
    lines = file_of(tally_id)
    empty()
    start = store.latest_position()
    placed, seen = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            load(lines)
            placed.set()
            seen.wait(10)

    def other() -> store.Page:
        placed.wait(10)
        tally(9)
        page = store.read_after(start, limit=10)
        seen.set()
        return page

    _, page = in_threads(slow, other)
    assert isinstance(page, store.Page)
    assert page.events == []
    assert [fact.version for fact in store.read_after(page.through, limit=10).events] == [1, 2, 3, 1]
