"""Operating the read models: in the admin, on the command line and through metrics."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from eventstore import store
from eventstore.ids import new_id
from orders.events import OrderPaid
from projections import tasks
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent, SkippedEvent
from projections.engine.projection import PROJECTIONS
from projections.monitoring.status import statuses
from projections.rebuild import schemas
from projections.rebuild.background import begin_rebuild
from projections.rebuild.models import Build
from projections.staff.orders import StaffOrder, StaffOrders
from tests.support import admin
from tests.support.admin import CONFIRMED
from tests.support.order_examples import CREATED, PAID
from tests.support.projection_spec import write
from tests.support.tampering import behind_the_logs_back

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = PROJECTIONS["staff"]
ADMIN = "/admin/projections"
LogIn = Callable[..., Client]


def place(*later: Any) -> UUID:
    order_id = new_id()
    for version, event in enumerate((CREATED, *later)):
        store.append([write(replace(event, order_id=order_id), version)])
    return order_id


@pytest.fixture
def broken() -> Iterator[list[bool]]:
    """Make the staff projection fail on payments until the list is emptied."""
    state = [True]
    handler = StaffOrders.handlers[OrderPaid]

    def fragile(projection: Any, rows: Any, event: OrderPaid, fact: Any) -> None:
        if state:
            raise ZeroDivisionError("cannot take this payment")
        handler(projection, rows, event, fact)

    StaffOrders.handlers[OrderPaid] = fragile
    yield state
    StaffOrders.handlers[OrderPaid] = handler


def act(client: Client, model: str, name: str, *rows: Any, **more: str) -> Any:
    return admin.act(client, f"{ADMIN}/{model}/", name, *(row.pk for row in rows), **more)


def test_a_status_reports_state_lag_and_delay() -> None:
    place(PAID)
    building = {status.projection: status for status in statuses()}["staff"]
    assert (building.state, building.behind, building.position) == ("building", 2, 0)
    assert building.late > 0
    catch_up(STAFF)
    level = {status.projection: status for status in statuses()}["staff"]
    assert (level.state, level.behind, level.late, level.events) == ("level", 0, 0, 2)
    place()
    assert {status.projection: status.state for status in statuses()}["staff"] == "behind"
    Checkpoint.objects.filter(projection="staff").update(last_error="LookupError: no such event")
    failing = {status.projection: status for status in statuses()}["staff"]
    assert (failing.state, failing.problem) == ("failing", "LookupError: no such event")


def test_prometheus_reads_position_lag_parked_and_failures_of_each_shard(
    client: Client, broken: list[bool], settings: Any
) -> None:
    place(PAID)
    catch_up(STAFF)
    response = client.get("/metrics")
    assert response["Content-Type"].startswith("text/plain")
    lines = response.content.decode().splitlines()
    assert 'ordersite_projection_parked_events{projection="staff",shard="0"} 1.0' in lines
    assert 'ordersite_projection_lag_events{projection="customer",shard="0"} 2.0' in lines
    assert 'ordersite_projection_events_total{projection="staff",shard="0"} 2.0' in lines
    assert 'ordersite_projection_state{projection="staff",shard="0",state="parked"} 1.0' in lines


def test_metrics_need_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "s3cret"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    settings.METRICS_TOKEN, settings.DEMO_ACCOUNTS = "", False
    refused = client.get("/metrics")
    assert (refused.status_code, b"set METRICS_TOKEN" in refused.content) == (403, True)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("projections", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_line_lists_retries_and_skips_parked_events(broken: list[bool]) -> None:
    first, second = place(PAID), place(PAID)
    assert run("catch_up", "staff") == "staff: 4 events taken\n"
    assert "2" in run()
    shown = run("parked", "staff")
    assert str(first) in shown
    assert "ZeroDivisionError: cannot take this payment" in shown
    position = str(ParkedEvent.objects.get(aggregate_id=second).position)
    assert run("skip", "staff", position, "--reason", "a test payment") == "staff: 1 no longer parked, 1 still parked\n"
    assert SkippedEvent.objects.get().skipped_by.startswith("operator:")
    broken.clear()
    assert run("retry", "staff", "--aggregate", str(first)) == "staff: 1 no longer parked, 0 still parked\n"
    assert run("shards", "staff", "3") == "staff has 3 shards now\n"
    assert "3/3" in run()
    for arguments, message in (
        (("retry", "stock"), "no projection is called 'stock'"),
        (("shards", "staff", "99"), "from 1 to 64 shards"),
        (("skip", "staff", "7777777", "--reason", "x"), "has parked no event at 7777777"),
    ):
        with pytest.raises(CommandError, match=message):
            run(*arguments)


def test_staff_see_a_parked_order_as_behind_and_redrive_it_after_the_fix(log_in: LogIn, broken: list[bool]) -> None:
    order_id = place(PAID)
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    page = client.get(f"{ADMIN}/stafforder/{order_id}/change/").content.decode()
    assert "order.paid could not be processed (ZeroDivisionError: cannot take this payment)" in page
    assert "This list is behind for 1 order:" in client.get(f"{ADMIN}/stafforder/").content.decode()
    assert "Open, behind" in client.get(f"{ADMIN}/stafforder/?behind__exact=1").content.decode()
    parked = ParkedEvent.objects.get()
    assert "1 still parked" in act(client, "parkedevent", "retry", parked).content.decode()
    broken.clear()
    assert (
        "1 no longer parked, 0 still parked"
        in act(client, "parkedevent", "retry", *ParkedEvent.objects.all()).content.decode()
    )
    assert StaffOrder.objects.get().payment_status == "paid"
    assert "could not be processed" not in client.get(f"{ADMIN}/stafforder/{order_id}/change/").content.decode()


def test_the_page_of_an_order_reports_an_event_that_cannot_be_read(log_in: LogIn) -> None:
    order_id = place(PAID)
    behind_the_logs_back(
        "UPDATE events SET event_data = event_data - 'amount' WHERE aggregate_id = %s AND version = 2", order_id
    )
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    address = f"{ADMIN}/stafforder/{order_id}/change/"
    page = client.get(address).content.decode()
    assert "order.paid cannot be read" in page
    assert "order.paid could not be processed (CorruptEvent" in page
    assert "cannot be shown" in client.get(f"{address}?version=2").content.decode()
    assert client.get(f"{ADMIN}/stafforder/?q={order_id}").status_code == 200
    catch_up(PROJECTIONS["accounting"])
    assert "(behind)" in client.get(f"{ADMIN}/accountingorder/?behind__exact=1").content.decode()


def test_staff_skip_an_event_with_a_reason(log_in: LogIn, broken: list[bool]) -> None:
    place(PAID)
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    parked = ParkedEvent.objects.get()
    form = act(client, "parkedevent", "leave_out", parked).content.decode()
    assert "The read model will never show an event that is left out" in form
    refused = act(client, "parkedevent", "leave_out", parked, reason=" ").content.decode()
    assert "say why the event is left out" in refused
    act(client, "parkedevent", "leave_out", parked, reason="a test payment")
    skipped = SkippedEvent.objects.get()
    assert (skipped.reason, skipped.skipped_by) == ("a test payment", "staff:anna")
    assert "a test payment" in client.get(f"{ADMIN}/skippedevent/").content.decode()


def test_clerks_see_the_state_of_read_models_and_cannot_operate_them(log_in: LogIn, broken: list[bool]) -> None:
    place(PAID)
    catch_up(STAFF)
    clerk = log_in("Back office")
    for model, row, actions in OPERATIONS:
        page = clerk.get(f"{ADMIN}/{model}/").content.decode()
        for name in actions:
            assert f'value="{name}"' not in page, (model, name)
            act(clerk, model, name, *row(), confirmed="yes", reason="mine")
    assert (Build.objects.count(), ParkedEvent.objects.count(), LogEntry.objects.count()) == (0, 1, 0)


OPERATIONS: tuple[tuple[str, Callable[[], Any], tuple[str, ...]], ...] = (
    (
        "checkpoint",
        lambda: Checkpoint.objects.filter(projection="staff", space=""),
        ("retry_parked", "rebuild", "compare", "roll_back", "drop_replaced"),
    ),
    ("parkedevent", ParkedEvent.objects.all, ("retry", "leave_out")),
)


def test_nothing_happens_before_an_operator_confirms_it_and_then_it_is_recorded(
    log_in: LogIn, broken: list[bool]
) -> None:
    place(PAID)
    catch_up(STAFF)
    operator = log_in("Operators")
    for model, rows, actions in OPERATIONS:
        for name in actions:
            chosen = {"action": name, "_selected_action": [row.pk for row in rows()]}
            page = operator.post(f"{ADMIN}/{model}/", chosen).content.decode()
            assert "Back, without doing it" in page or "Reason" in page, (model, name)
    assert (Build.objects.count(), ParkedEvent.objects.count(), LogEntry.objects.count()) == (0, 1, 0)
    act(operator, "checkpoint", "rebuild", *Checkpoint.objects.filter(projection="staff"))
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("anna", "staff")
    assert entry.get_change_message() == "Rebuild beside the live tables, then swap"
    assert "Rebuild beside the live tables, then swap" in operator.get("/admin/admin/logentry/").content.decode()


def test_a_confirmation_counts_only_for_the_rows_that_it_showed(log_in: LogIn, broken: list[bool]) -> None:
    first = place(PAID)
    catch_up(STAFF)
    operator = log_in("Operators")
    everything = {"action": "retry", "select_across": "1", "_selected_action": [ParkedEvent.objects.get().pk]}
    page = operator.post(f"{ADMIN}/parkedevent/", everything).content.decode()
    assert ParkedEvent.objects.filter(aggregate_id=first).exists()
    confirmed = CONFIRMED.findall(page)[0]
    place(PAID)
    catch_up(STAFF)
    broken.clear()
    answer = operator.post(f"{ADMIN}/parkedevent/", everything | {"confirmed": confirmed}).content.decode()
    assert "The rows have changed since you chose them, so nothing was done." in answer
    assert ParkedEvent.objects.count() == 2
    again = CONFIRMED.findall(answer)[0]
    operator.post(f"{ADMIN}/parkedevent/", everything | {"confirmed": again})
    assert ParkedEvent.objects.count() == 0


def test_a_comparison_is_listed_as_a_comparison_and_found_by_its_kind(log_in: LogIn) -> None:
    place()
    catch_up(STAFF)
    operator = log_in("Operators")
    act(operator, "checkpoint", "compare", *Checkpoint.objects.filter(projection="staff"))
    Build.objects.update(state="finishing")
    page = operator.get(f"{ADMIN}/build/").content.decode()
    assert "staff compared with a new rebuild" in page
    assert ">Comparing</" in re.sub(r"\s+", "", page)
    Build.objects.update(state="building")
    tasks.build("staff")
    assert (Build.objects.get().kind, Build.objects.get().state) == ("comparison", "done")
    page = operator.get(f"{ADMIN}/build/").content.decode()
    for impossible in ("pause", "resume", "cancel", "drop"):
        assert f'value="{impossible}"' not in page, impossible
    assert "compared" in operator.get(f"{ADMIN}/build/?kind__exact=comparison").content.decode()
    assert "compared" not in operator.get(f"{ADMIN}/build/?kind__exact=rebuild").content.decode().partition("<table")[2]
    assert not schemas.exists("rebuild_staff"), "a comparison leaves no tables"


def test_an_accountant_cannot_operate_projections(log_in: LogIn, broken: list[bool]) -> None:
    place(PAID)
    catch_up(STAFF)
    client = log_in("Accountants")
    assert client.get(f"{ADMIN}/build/").status_code == 403
    assert act(client, "parkedevent", "leave_out", ParkedEvent.objects.get(), reason="mine").status_code == 403
    assert ParkedEvent.objects.count() == 1


def test_staff_start_pause_and_resume_a_rebuild_that_a_worker_runs(log_in: LogIn) -> None:
    order_id = place(PAID)
    catch_up(STAFF)
    StaffOrder.objects.update(reference="wrong")
    client = log_in("Back office", "Operators")
    begun = act(client, "checkpoint", "rebuild", *Checkpoint.objects.filter(projection="staff"))
    assert "staff into rebuild_staff" in begun.content.decode()
    act(client, "build", "pause", Build.objects.get())
    tasks.build("staff")
    assert (Build.objects.get().state, StaffOrder.objects.get().reference) == ("paused", "wrong")
    again = act(client, "checkpoint", "rebuild", *Checkpoint.objects.filter(projection="staff")).content.decode()
    assert "staff is being built in rebuild_staff already" in again
    act(client, "build", "resume", Build.objects.get())
    tasks.build("staff")
    build = Build.objects.get()
    assert (build.state, build.started_by) == ("done", "staff:anna")
    assert StaffOrder.objects.get().reference == CREATED.reference
    page = client.get(f"{ADMIN}/build/{build.pk}/change/").content.decode()
    assert f"{order_id}: changed in reference" in page
    assert "1 row differed" in client.get(f"{ADMIN}/build/").content.decode()


def test_cancelling_a_paused_rebuild_leaves_nothing_behind(log_in: LogIn) -> None:
    place()
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    act(client, "checkpoint", "compare", *Checkpoint.objects.filter(projection="staff"))
    act(client, "build", "pause", Build.objects.get())
    act(client, "build", "cancel", Build.objects.get())
    tasks.build("staff")
    assert Build.objects.get().state == "cancelled"
    assert not Checkpoint.objects.exclude(space="").exists()


def test_a_read_model_with_newer_code_is_rebuilt_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    place()
    catch_up(STAFF)
    monkeypatch.setattr(StaffOrders, "version", StaffOrders.version + 1)
    place()
    tasks.sweep()
    build = Build.objects.get()
    assert (build.state, build.started_by, build.background) == ("building", "service:sweep", True)
    tasks.build("staff")
    assert Checkpoint.objects.get(projection="staff", space="").rebuild_wanted == ""
    tasks.sweep()
    assert Build.objects.count() == 1


def test_the_sweep_wakes_a_worker_for_a_rebuild_whose_worker_died() -> None:
    place()
    begin_rebuild(STAFF, started_by="staff:anna")
    cache.clear()
    tasks.sweep()
    tasks.build("staff")
    assert Build.objects.get().state == "done"


def build_past(client: Client, order_id: UUID) -> Build:
    """Build, in the admin, the staff read model as it stood before the order was paid."""
    placed, _ = store.read_stream(order_id)
    chosen = Checkpoint.objects.filter(projection="staff")
    form = act(client, "checkpoint", "as_it_stood", *chosen).content.decode()
    assert "As it stood: staff" in form
    begun = act(client, "checkpoint", "as_it_stood", *chosen, recorded_by=placed.timestamp.isoformat())
    assert "staff into known_" in begun.content.decode()
    tasks.build("staff")
    build = Build.objects.get()
    assert (build.state, build.kind) == ("done", "as_of")
    return build


def look_at(client: Client, *which: Build) -> str:
    data: dict[str, Any] = {"next": f"{ADMIN}/stafforder/"} | ({"build": which[0].pk} if which else {})
    page = client.post(f"{ADMIN}/build/look/", data, follow=True).content.decode()
    return str(page)


def test_staff_look_at_a_past_read_model_and_return_to_the_live_one(log_in: LogIn) -> None:
    order_id = place(PAID)
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    build = build_past(client, order_id)
    assert "Look at it" in client.get(f"{ADMIN}/stafforder/").content.decode()
    past = look_at(client, build)
    assert "You are looking at <strong>staff as known on" in past
    assert "Unpaid" in past
    assert "Back to now" in client.get(f"{ADMIN}/stafforder/{order_id}/change/").content.decode()
    assert "Look at it" not in past
    assert StaffOrder.objects.get().payment_status == "paid", "the live read model is unchanged"
    now = look_at(client)
    assert "Back to now" not in now
    assert "Back to now" not in client.get(f"{ADMIN}/stafforder/").content.decode()


def test_commands_from_a_past_read_model_and_looks_without_permission_are_refused(log_in: LogIn) -> None:
    order_id = place(PAID)
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    build = build_past(client, order_id)
    look_at(client, build)
    form = f"{ADMIN}/stafforder/command/ship/?order={order_id}"
    assert client.get(form).status_code == 403
    assert client.post(form, {"order": order_id}).status_code == 403
    look_at(client)
    assert client.get(form).status_code == 200
    accountant = log_in("Accountants", username="bo")
    assert accountant.post(f"{ADMIN}/build/look/", {"build": build.pk}).status_code == 403


def test_a_dropped_read_model_can_no_longer_be_looked_at(log_in: LogIn) -> None:
    order_id = place(PAID)
    catch_up(STAFF)
    client = log_in("Back office", "Operators")
    build = build_past(client, order_id)
    again = act(client, "checkpoint", "as_it_stood", *Checkpoint.objects.filter(projection="staff"), recorded_by="soon")
    assert "&#x27;soon&#x27; is no date or time" in again.content.decode()
    look_at(client, build)
    assert f"{build} is dropped" in act(client, "build", "drop", build).content.decode()
    assert "Back to now" not in client.get(f"{ADMIN}/stafforder/").content.decode()
    assert "does not exist any more" in look_at(client, build)


def test_staff_roll_a_rebuild_back_and_drop_the_replaced_tables(log_in: LogIn) -> None:
    place()
    catch_up(STAFF)
    StaffOrder.objects.update(reference="as it was")
    client = log_in("Back office", "Operators")
    chosen = list(Checkpoint.objects.filter(projection="staff"))
    assert "there are no replaced tables of staff" in act(client, "checkpoint", "roll_back", *chosen).content.decode()
    act(client, "checkpoint", "rebuild", *chosen)
    tasks.build("staff")
    assert StaffOrder.objects.get().reference == CREATED.reference
    chosen = list(Checkpoint.objects.filter(projection="staff", space=""))
    act(client, "checkpoint", "roll_back", *chosen)
    tasks.build("staff")
    assert StaffOrder.objects.get().reference == "as it was"
    chosen = list(Checkpoint.objects.filter(projection="staff", space=""))
    assert "replaced tables are dropped" in act(client, "checkpoint", "drop_replaced", *chosen).content.decode()
    assert not schemas.exists("replaced_staff")


def test_the_look_back_page_never_redirects_to_another_site(log_in: LogIn) -> None:
    client = log_in("Back office", "Operators")
    answer = client.post(f"{ADMIN}/build/look/", {"next": "https://elsewhere.example/"})
    assert answer["Location"] == "/admin/"
    assert client.post(f"{ADMIN}/build/look/", {"build": "none"}).status_code == 404
