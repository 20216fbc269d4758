"""A history printed as a test runs as it is, is formatted as ruff formats it, and fails if a rule changes."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import store
from eventstore.codec import Metadata
from eventstore.dispatch import dispatch
from eventstore.histories.python_source import Source, Unprintable, lay_out, one_line, quote
from eventstore.ids import new_id
from eventstore.models import CommandReceipt
from eventstore.personal_data.subjects import EraseSubject, erase
from tests.support.booking import BOOK, BOOKED, Cancel, CheckIn, Reinstate, RoomKind
from tests.support.histories import booking, file_of, load, paid_booking, staff, tally
from tests.support.tally import Counted
from tests.support.tampering import behind_the_logs_back, empty

ROOT = Path(__file__).parents[3]
database = pytest.mark.django_db(transaction=True)


def printed(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("export_history", *map(str, arguments), "--as-test", stdout=out)
    return out.getvalue()


def ruff(verb: str, source: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("ruff")),
        *verb.split(),
        "--stdin-filename",
        "tests/test_printed.py",
        "-",
    ]
    return subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT, check=False)


def run(source: str, path: Path) -> str:
    """Run a module with pytest in a process of its own; return the output."""
    module = path / "test_printed.py"
    module.write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module), "--rootdir", str(ROOT)]
    command += ["-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout


def require_formatted(source: str) -> None:
    assert ruff("format --diff", source).stdout == ""
    found = ruff("check", source)
    assert found.returncode == 0, found.stdout


@database
def test_each_command_of_a_booking_becomes_a_test_that_runs_as_it_is(tmp_path: Path) -> None:
    booking_id = paid_booking(guest_id=new_id())
    dispatch(CheckIn(booking_id=booking_id, desk="north", key_code='it\'s "JD\\01"'), staff())
    cancelled = booking(guest_id=None, rooms=(replace(BOOK.rooms[0], kind=RoomKind.EXTRA, name="n" * 90),))
    dispatch(Cancel(booking_id=cancelled, reason="x" * 130), staff())
    dispatch(Reinstate(booking_id=cancelled, version=1, reason="y"), staff())
    for options in ([], ["--anonymise"]):
        source = printed(booking_id, cancelled, *options)
        require_formatted(source)
        assert "6 passed" in run(source, tmp_path)
        assert "leads_to" not in source
        assert ("Ada" in source) == (not options)


@database
def test_the_source_of_such_a_test() -> None:
    tally_id = tally(5, 7)
    assert (
        printed(tally_id)
        == f'''"""The history of test.tally {tally_id}, from `export_history --as-test`."""

from uuid import UUID

from tests.support.decider_spec import given
from tests.support.tally import Count, Counted

E1 = Counted(by=5)
E2 = Counted(by=7)


def test_count_brings_version_1() -> None:
    command = Count(tally_id=UUID("{tally_id}"), by=5)
    given().when(command).then(E1)


def test_count_brings_version_2() -> None:
    command = Count(tally_id=UUID("{tally_id}"), by=7)
    given(E1).when(command).then(E2)
'''
    )


@database
def test_a_long_history_has_a_name_for_all_its_events(tmp_path: Path) -> None:
    source = printed(tally(*range(1, 12)))
    require_formatted(source)
    assert "given(*HISTORY_1[:10]).when(command).then(E11)" in source
    assert "11 passed" in run(source, tmp_path)


@database
def test_without_a_receipt_the_command_is_found_by_its_events(tmp_path: Path) -> None:
    booking_id = paid_booking(guest_id=new_id())
    lines = file_of(booking_id)
    empty()
    load(lines)
    assert "2 passed" in run(printed(booking_id), tmp_path)
    assert "given(E1).when(command)" in printed(booking_id)


@database
def test_the_history_of_an_erased_person_is_a_test_too(tmp_path: Path) -> None:
    guest = new_id()
    booking_id = booking(guest_id=guest)
    answer = erase(guest, staff())
    source = printed(booking_id, answer.aggregate_id)
    require_formatted(source)
    assert 'guest_name="[erased]"' in source
    assert EraseSubject.__name__ in source
    assert "2 passed" in run(source, tmp_path)
    erasure = printed(answer.aggregate_id, "--anonymise")
    assert str(guest) not in erasure
    assert "# No command is sent here: EraseSubject is for another aggregate." in erasure, (
        "the id of an erasure is made from the id of the person"
    )
    assert "1 passed" in run(erasure, tmp_path)


def record(tally_id: UUID, *counts: int, version: int = 0) -> None:
    metadata = Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id())
    events = [Counted(by=by) for by in counts]
    write = store.Write(
        aggregate_type="test.tally", aggregate_id=tally_id, expected_version=version, events=events, metadata=metadata
    )
    store.append([write])


@database
def test_events_that_the_current_rules_refuse_become_a_test_of_the_state_with_the_reason(tmp_path: Path) -> None:
    tally_id = new_id()
    record(tally_id, 4)
    record(tally_id, -3, version=1)
    record(tally_id, 5, 6, version=2)
    source = printed(tally_id)
    require_formatted(source)
    assert "# No command is sent here: Count raises CommandRefused: a tally only goes up;" in source
    assert "# No command is sent here: Count brings about test.counted today;" in source
    assert "expected = Tally(total=12, largest=6)" in source
    assert 'given(E1, E2, E3, E4).leads_to("test.tally", expected)' in source
    assert "3 passed" in run(source, tmp_path)
    assert "1 failed, 2 passed" in run(source.replace("total=12", "total=13"), tmp_path), "the test compares the state"


@database
def test_a_command_whose_rule_has_changed_is_named(tmp_path: Path) -> None:
    booking_id = booking(guest_id=new_id())
    behind_the_logs_back(
        'UPDATE events SET event_data = event_data || \'{"total": "26.00"}\' WHERE aggregate_id = %s', booking_id
    )
    source = printed(booking_id)
    assert "# No command is sent here: Book brings about another test.booked.total today." in source
    assert "1 passed" in run(source, tmp_path)


@database
def test_an_undeclared_command_is_named(tmp_path: Path) -> None:
    tally_id = tally(5)
    CommandReceipt.objects.update(command_type="test.gone")
    source = printed(tally_id)
    assert "No command is sent here: no code declares the command 'test.gone'." in source
    assert "1 passed" in run(source, tmp_path)


@database
def test_events_that_cannot_be_folded_become_a_failing_test(tmp_path: Path) -> None:
    booking_id = booking(guest_id=new_id())
    metadata = Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id())
    store.append(
        [
            store.Write(
                aggregate_type="test.booking",
                aggregate_id=booking_id,
                expected_version=1,
                events=[Counted(by=1)],
                metadata=metadata,
            )
        ]
    )
    source = printed(booking_id)
    require_formatted(source)
    assert "# The current code cannot apply these events: AttributeError:" in source
    assert 'given(E1, E2).leads_to("test.booking", ...)' in source
    output = run(source, tmp_path)
    assert "1 failed, 1 passed" in output
    assert "has no attribute 'apply'" in output


@database
def test_an_event_that_cannot_be_read_is_named() -> None:
    tally_id = tally(1)
    behind_the_logs_back("UPDATE events SET event_type = 'test.gone' WHERE aggregate_id = %s", tally_id)
    with pytest.raises(CommandError, match=r"UnknownEventType: no code declares 'test\.gone'"):
        printed(tally_id)


# --- values as source -------------------------------------------------------------------------------------------------


@given(st.text())
@settings(max_examples=400)
def test_any_text_reads_back(text: str) -> None:
    assert eval(quote(text)) == text


@given(st.text("'\"\\ab\n", max_size=8))
@settings(max_examples=40, deadline=None)
def test_texts_are_quoted_as_ruff_quotes_them(text: str) -> None:
    source = f"X = {quote(text)}\n"
    assert ruff("format --diff", source).stdout == ""


words = st.text("ab ", max_size=60)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | words
    | st.binary(max_size=9)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.datetimes(timezones=st.just(UTC) | st.none())
    | st.dates()
    | st.timedeltas()
    | st.sampled_from(RoomKind)
    | st.builds(lambda count: replace(BOOKED.rooms[0], nights=count), st.integers()),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(words, inner, max_size=5)
        | st.frozensets(words, max_size=5)
    ),
    max_leaves=12,
)


@given(st.lists(values, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_value_reads_back_and_is_formatted_as_ruff_formats_it(originals: list[Any]) -> None:
    source = Source()
    body = "\n".join(lay_out(source.code(each), before=f"V{number} = ") for number, each in enumerate(originals))
    text = f"{source.imports()}\n\n{body}\n".lstrip()
    names: dict[str, Any] = {}
    exec(text, names)
    assert [names[f"V{number}"] for number in range(len(originals))] == originals
    assert ruff("format --diff", text).stdout == ""


def test_two_classes_with_the_same_name_get_different_names() -> None:
    source = Source()
    assert (source.imported("one", "Thing"), source.imported("two", "Thing")) == ("Thing", "Thing_")
    assert source.imports() == "from one import Thing\nfrom two import Thing as Thing_"


def test_a_value_that_cannot_be_source_is_named() -> None:
    class Hidden:
        pass

    with pytest.raises(Unprintable, match="Hidden"):
        Source().code(Hidden())
    with pytest.raises(Unprintable, match="cannot be imported"):
        Source().name(Hidden)


def test_times_and_spans_read_back() -> None:
    source = Source()
    for value in (datetime(2011, 3, 30, 12, tzinfo=UTC), date(2011, 3, 30), timedelta(days=1, microseconds=5)):
        assert eval(one_line(source.code(value)), {"datetime": datetime, "date": date, "timedelta": timedelta}) == value
