"""Load an aggregate as of a version, a recorded time or a business time."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from eventstore import store
from eventstore.dispatch import Context, dispatch, dispatch_batch
from eventstore.errors import AggregateNotFound, VersionGap
from eventstore.ids import new_id
from eventstore.timetravel.as_of import AsOf, load_as_of, parse_moment
from tests.support.tally import Count, Tally
from tests.support.tampering import behind_the_logs_back

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime(2011, 3, 30, 12, tzinfo=UTC)


def tally_reported_late() -> UUID:
    """Append three counts that happened a day apart, years before they were recorded. Return the id of the tally."""
    tally_id = new_id()
    for days, amount in enumerate((5, 7, 1)):
        context = Context(actor="service:test", occurred_at=LONG_AGO + timedelta(days=days))
        dispatch(Count(tally_id=tally_id, by=amount), context)
    return tally_id


def test_as_of_a_version() -> None:
    tally_id = tally_reported_late()
    assert [load_as_of(tally_id, AsOf(version=version)).state.total for version in (1, 2, 3)] == [5, 12, 13]
    assert load_as_of(tally_id, AsOf(version=2)).version == 2


@pytest.mark.parametrize("version", [0, 4])
def test_a_version_that_does_not_exist_is_not_found(version: int) -> None:
    with pytest.raises(AggregateNotFound):
        load_as_of(tally_reported_late(), AsOf(version=version))


def test_before_the_first_event_there_was_no_aggregate_even_if_a_later_event_happened_earlier() -> None:
    tally_id = new_id()
    for days in (5, 0):
        context = Context(actor="service:test", occurred_at=LONG_AGO + timedelta(days=days))
        dispatch(Count(tally_id=tally_id, by=1), context)
    with pytest.raises(AggregateNotFound):
        load_as_of(tally_id, AsOf(occurred=LONG_AGO + timedelta(days=1)))


def test_business_time_and_recorded_time_give_different_answers() -> None:
    tally_id = tally_reported_late()
    happened = load_as_of(tally_id, AsOf(occurred=LONG_AGO + timedelta(days=1, hours=1)))
    assert happened.state == Tally(total=12, largest=7)
    with pytest.raises(AggregateNotFound, match="nothing was known"):
        load_as_of(tally_id, AsOf(recorded=LONG_AGO + timedelta(days=9)))
    first = store.read_stream(tally_id)[0]
    assert load_as_of(tally_id, AsOf(recorded=first.timestamp)).version == 1


def show_aggregate(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("show_aggregate", *arguments, stdout=out)
    return json.loads(out.getvalue())


def test_the_command_line_takes_the_same_limits() -> None:
    tally_id = str(tally_reported_late())
    assert show_aggregate(tally_id)["state"] == {"total": 13, "largest": 7}
    assert show_aggregate(tally_id, "--at-version", "1")["version"] == 1
    output = show_aggregate(tally_id, "--as-of", "2011-03-31")
    assert [entry["data"] for entry in output["events"]] == [{"by": 5}, {"by": 7}]
    assert output["events"][0]["actor"] == "service:test"
    assert show_aggregate(tally_id, "--as-of", "2011-03-31T10:00")["version"] == 1
    with pytest.raises(CommandError, match="nothing was known"):
        show_aggregate(str(new_id()))
    with pytest.raises(CommandError, match="no date or time"):
        show_aggregate(tally_id, "--recorded-by", "yesterday")


@pytest.mark.parametrize("text", ["", "yesterday", "2011-02-30", "9999-12-31T23:59:59-12:00", "2011-03-31T12:00+99:99"])
def test_text_that_is_not_a_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date or time such as"):
        parse_moment(text)


def check_log(*arguments: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("check_log", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return err.getvalue() + str(error)
    return out.getvalue()


def test_the_deployment_gate_reads_and_refolds_everything() -> None:
    for _ in range(3):
        tally_reported_late()
    assert "9 events of 3 aggregates decoded and folded" in check_log()
    assert "aggregates decoded" in check_log("--sample", "0.5")
    assert "must be above 0" in check_log("--sample", "0")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "UPDATE events SET event_data = '{}' WHERE aggregate_id = %s AND version = 2",
            "CorruptEvent: test.counted",
        ),
        ("UPDATE events SET event_type = 'test.gone' WHERE aggregate_id = %s", "UnknownEventType: no code declares"),
        ("UPDATE events SET schema_version = 0 WHERE aggregate_id = %s", "MissingUpcaster: no upcaster converts"),
        ("UPDATE events SET schema_version = 9 WHERE aggregate_id = %s", "NewerSchemaVersion: test.counted is stored"),
        (
            "DELETE FROM events WHERE aggregate_id = %s AND version = 2",
            "2 events with versions 1 to 3: there is a gap",
        ),
        (
            "DELETE FROM events WHERE aggregate_id = %s AND version = 1",
            "2 events with versions 2 to 3: there is a gap",
        ),
        ("UPDATE events SET aggregate_type = 'gone' WHERE aggregate_id = %s", "no decider is registered"),
    ],
)
def test_the_deployment_gate_names_each_aggregate_it_cannot_read(damage: str, words: str) -> None:
    sound, damaged = tally_reported_late(), tally_reported_late()
    behind_the_logs_back(damage, damaged)
    output = check_log()
    assert f"{damaged}: " in output
    assert words in output
    assert "1 of 2 aggregates cannot be read" in output
    assert str(sound) not in output


@pytest.mark.parametrize("version", [1, 2])
def test_an_aggregate_with_a_missing_event_is_neither_loaded_nor_written_to(version: int) -> None:
    tally_id = tally_reported_late()
    behind_the_logs_back("DELETE FROM events WHERE aggregate_id = %s AND version = %s", tally_id, version)
    message = f"has version {version + 1} in the log, but no version {version}"
    with pytest.raises(VersionGap, match=message):
        load_as_of(tally_id, AsOf())
    command = Count(tally_id=tally_id, by=1)
    with pytest.raises(VersionGap, match=message):
        dispatch(command, Context(actor="staff:anna"))
    with pytest.raises(VersionGap, match=message):
        dispatch_batch([(command, Context(actor="staff:anna"))])
