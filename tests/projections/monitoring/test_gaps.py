"""Gaps: the system itself notices that a read model has passed by an event, whatever the cause."""

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.personal_data.subjects import erase
from eventstore.storage import ranges
from projections import tasks
from projections.engine import joint_catch_up
from projections.engine.catch_up import CatchUpOptions, catch_up, catch_up_shard, shard_numbers
from projections.engine.checkpoints import Checkpoint, DriftFlag, TakenRange
from projections.engine.parking import skip
from projections.engine.projection import PROJECTIONS
from projections.engine.sharding import divide
from projections.monitoring import gaps
from projections.rebuild.run import rebuild, roll_back
from tests.support.order_examples import CREATED, ORDER, PAID, SHIPPED
from tests.support.projection_spec import write
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = PROJECTIONS["staff"]


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of four positions, so that a few events fill several."""
    monkeypatch.setattr(ranges, "SIZE", 4)
    monkeypatch.setattr(gaps, "SIZE", 4)


def place(*later: Any, count: int = 1) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    created = replace(CREATED, customer_id=new_id())
    for version, event in enumerate((created, *later)):
        for order_id in ids:
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


def erase_somebody() -> None:
    """Append an event that every shard takes."""
    created = replace(CREATED, order_id=new_id(), customer_id=new_id())
    store.append([write(created, 0)])
    erase(created.customer_id or ORDER, Context(actor="staff:anna"))


def catch_up_all() -> None:
    for projection in PROJECTIONS.values():
        catch_up(projection)


def found() -> list[str]:
    """Look as the watch does, and return the gaps in words."""
    ranges.look()
    return [f"{name}: {gap.where}: {gap.words}" for name, found in gaps.look().items() for gap in found]


def move_checkpoint(name: str = "staff") -> None:
    """Move a checkpoint to the end of the log by hand."""
    Checkpoint.objects.filter(projection=name).update(position=store.latest_position())


# --- no false alarm ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_there_is_no_gap_after_anything_that_operators_do(name: str, poison: set[UUID]) -> None:
    projection = PROJECTIONS[name]
    poison |= set(place(PAID, SHIPPED, count=3)[:1])
    erase_somebody()
    assert found() == [], "nothing is read yet"
    joint_catch_up.advance(list(PROJECTIONS.values()))
    assert found() == [], "read together"
    catch_up_all()
    assert found() == [], "an event is parked"
    if name == "staff":
        parked = store.read_stream(next(iter(poison)))[1]
        skip(projection, parked.position, reason="it cannot be taken", by="anna")
        assert found() == [], "an event is left out"
    place(PAID, count=2)
    erase_somebody()
    for count in (3, 2, 1) if not projection.total_order else ():
        divide(projection, count)
        assert found() == [], f"divided into {count}"
        place(PAID, count=3)
        erase_somebody()
        for number in shard_numbers(projection):
            catch_up_shard(projection, number, CatchUpOptions(limit=2))
            assert found() == [], f"shard {number} of {count} is ahead of the others"
    place(PAID, count=2)
    rebuild(projection)
    assert found() == [], "rebuilt"
    place(PAID, count=2)
    roll_back(projection)
    assert found() == [], "rolled back"
    place(PAID, count=2)
    catch_up_all()
    assert found() == []


@pytest.mark.usefixtures("small_ranges")
@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), max_size=6))
def test_the_counts_are_right_after_batches_of_any_size(steps: list[tuple[int, int]]) -> None:
    for count, limit in steps:
        place(PAID, count=count)
        catch_up(STAFF, limit=limit)
    assert found() == []


def test_events_that_all_read_models_take_together_are_counted() -> None:
    place(PAID)
    catch_up_all()
    place(PAID, SHIPPED, count=2)
    done = joint_catch_up.advance(list(PROJECTIONS.values()))
    assert (done.events, done.special) == (6, [])
    assert found() == []


# --- what is noticed --------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_was_moved_by_hand_is_noticed() -> None:
    place(PAID)
    catch_up_all()
    place(PAID, SHIPPED)
    move_checkpoint()
    catch_up_all()
    (gap,) = found()
    assert gap.startswith("staff: events ")
    assert gap.endswith("took 2, and the log has 5")
    rebuild(STAFF)
    assert found() == [], "a rebuild closes it"
    assert not DriftFlag.objects.exists()


@pytest.mark.usefixtures("small_ranges")
def test_a_gap_in_a_range_long_ago_is_noticed() -> None:
    place(PAID)
    catch_up_all()
    place(PAID, count=6)
    move_checkpoint()
    place(PAID, count=6)
    catch_up_all()
    assert {gap.partition(":")[0] for gap in found()} == {"staff"}
    missing = DriftFlag.objects.values_list("missing", flat=True)
    assert sum(each or 0 for each in missing) == 12


def test_an_event_of_a_writer_that_announced_nothing_is_noticed() -> None:
    """As with a broken horizon, whatever broke it: the event is committed below a checkpoint."""
    place(PAID)
    opened, passed = threading.Event(), threading.Event()

    def append_behind_the_back_of_the_log() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO events (event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data,"
                " metadata, version) SELECT gen_random_uuid(), gen_random_uuid(), aggregate_type, event_type,"
                " schema_version, event_data, metadata, 1 FROM events WHERE version = 1 LIMIT 1"
            )
            opened.set()
            assert passed.wait(10)

    with at_once(append_behind_the_back_of_the_log):
        assert opened.wait(10)
        place(PAID)
        catch_up_all()
        assert found() == [], "it is not committed yet"
        passed.set()
    catch_up_all()
    assert any(gap.endswith("took 4, and the log has 5") for gap in found())
    assert {gap.partition(":")[0] for gap in found()} >= {"staff", "customer", "accounting"}


@pytest.mark.usefixtures("small_ranges")
def test_one_shard_that_missed_an_event_which_every_shard_takes_is_noticed() -> None:
    divide(STAFF, 3)
    created = replace(CREATED, order_id=new_id(), customer_id=new_id())
    store.append([write(created, 0)])
    catch_up(STAFF)
    erase(created.customer_id or ORDER, Context(actor="staff:anna"))
    subject = store.read_after(0, limit=1000).events[-1]
    away = next(number for number in range(3) if not STAFF.shard(number, 3).holds(subject.aggregate_id))
    Checkpoint.objects.filter(projection="staff", shard=away).update(position=store.latest_position())
    place(count=8)
    catch_up_all()
    assert [gap for gap in found() if "that every shard takes" in gap]


def test_a_log_that_was_restored_from_an_older_copy_is_noticed() -> None:
    place(PAID)
    catch_up_all()
    Checkpoint.objects.filter(projection="staff").update(position=store.latest_position() + 5)
    assert any("took 5, and the log has 0" in gap for gap in found())


# --- where it is shown ------------------------------------------------------------------------------------------------


@pytest.fixture
def gap() -> None:
    """The staff read model has passed two events by, and the watch has looked."""
    place(PAID)
    move_checkpoint()
    shard_numbers(STAFF)
    move_checkpoint()
    catch_up_all()
    tasks.sweep.apply()
    tasks.watch.apply()


@pytest.mark.usefixtures("gap")
def test_a_gap_is_in_the_answer_of_healthz() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["read_models"] == "differ from the log: staff"


@pytest.mark.usefixtures("gap")
def test_a_gap_is_in_the_metrics() -> None:
    text = Client().get("/metrics").content.decode()
    assert 'ordersite_projection_missing_events{projection="staff",shard="0"} 2.0' in text
    assert 'ordersite_projection_state{projection="staff",shard="0",state="incomplete"} 1.0' in text
    assert 'ordersite_projection_missing_events{projection="customer",shard="0"} 0.0' in text


@pytest.mark.usefixtures("gap")
def test_a_gap_is_on_the_page_of_projections_and_in_the_command(log_in: Callable[..., Client]) -> None:
    page = log_in("Operators").get("/admin/projections/checkpoint/").content.decode()
    assert "incomplete" in page
    assert "took 0, and the log has 2" in page
    assert "A read model differs from the log" in page
    text = io.StringIO()
    call_command("projections", stdout=text)
    assert "incomplete" in text.getvalue()


@pytest.mark.usefixtures("gap")
def test_the_check_for_drift_leaves_gaps_to_the_watch() -> None:
    tasks.check_sample()
    assert DriftFlag.objects.filter(missing=2).exists()


def test_a_settled_range_that_changes_is_a_finding(small_ranges: None, log_in: Callable[..., Client]) -> None:
    place(PAID, count=4)
    tasks.watch.apply()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE log_ranges SET counts = '{}' WHERE number = (SELECT max(number) FROM log_ranges)")
    with pytest.raises(CommandError, match="1 findings"):
        call_command("watch_log", stdout=io.StringIO())
    tasks.sweep.apply()
    assert Client().get("/healthz").json()["log"] == "needs attention: range_changed"
    assert 'ordersite_log_finding{name="range_changed"} 1.0' in Client().get("/metrics").content.decode()
    page = log_in("Operators").get("/admin/projections/checkpoint/").content.decode()
    assert "The log needs attention" in page
    call_command("watch_log", accept=True, stdout=io.StringIO())
    assert Client().get("/healthz").json()["log"] == "ok"


def test_a_first_count_of_a_long_log_needs_several_looks(small_ranges: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "NEW_RANGES", 2)
    place(PAID, count=12)
    catch_up_all()
    assert found() == []
    assert not TakenRange.objects.filter(events=0).exists()
