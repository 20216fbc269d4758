"""Drift: aggregates are folded again from the log, and rows and sums that differ are reported."""

import io
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from eventstore import store
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.personal_data.subjects import erase
from projections import tasks
from projections.accounting.journal import AccountingDay, AccountingEntry
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import DriftFlag
from projections.engine.projection import PROJECTIONS
from projections.engine.sharding import divide
from projections.monitoring import drift
from projections.monitoring.drift import check, look_for_drift
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.order_examples import CANCELLED_AFTER_PAYMENT, CREATED, ORDER, PAID, SHIPPED
from tests.support.projection_spec import write
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
STAFF, ACCOUNTING = PROJECTIONS["staff"], PROJECTIONS["accounting"]


def place(*later: Any, count: int = 1) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    for version, event in enumerate((CREATED, *later)):
        for order_id in ids:
            store.append([write(replace(event, order_id=order_id), version)])
    return ids


def catch_up_all() -> None:
    for projection in PROJECTIONS.values():
        catch_up(projection)


def drifted(projection: Any = STAFF) -> list[str]:
    return [str(each) for each in check(projection, (key for key, _ in store.aggregates())).drifted]


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_there_is_no_drift_after_any_events_and_in_any_number_of_shards(name: str) -> None:
    place(PAID, SHIPPED, count=3)
    place(PAID, CANCELLED_AFTER_PAYMENT)
    erase(CREATED.customer_id or ORDER, Context(actor="staff:anna"))
    catch_up_all()
    if not PROJECTIONS[name].total_order:
        divide(PROJECTIONS[name], 3)
    assert drifted(PROJECTIONS[name]) == []


def test_a_changed_row_and_a_lost_row_are_reported_with_the_expected_values() -> None:
    wrong, lost = place(PAID, count=2)
    catch_up_all()
    StaffOrder.objects.filter(pk=wrong).update(total=Decimal(1))
    StaffOrder.objects.filter(pk=lost).delete()
    reported = sorted(drifted())
    assert len(reported) == 2
    assert f"staff: projections_stafforder {wrong}: total is Decimal('1.0000') and should be" in " ".join(reported)
    assert f"staff: projections_stafforder {lost}: is missing" in " ".join(reported)


def test_an_entry_and_a_sum_that_differ_are_reported() -> None:
    place(PAID)
    catch_up_all()
    AccountingEntry.objects.filter(kind="payment").update(amount=7)
    AccountingDay.objects.update(sales=1)
    reported = " ".join(drifted(ACCOUNTING))
    assert "projections_accountingentry" in reported
    assert "GBP sales by day and by entry: Decimal('1.0000') and Decimal('25.0000')" in reported
    assert "GBP paid by order's money and by entry" in reported


def test_a_read_model_that_is_behind_or_moves_on_meanwhile_has_not_drifted(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = place(count=5)
    assert drifted() == [], "it has not read anything yet"
    catch_up_all()

    def write_on() -> None:
        for order_id in ids:
            store.append([write(replace(PAID, order_id=order_id), 1)])
            catch_up(STAFF)

    with at_once(write_on) as (writer,):
        while writer.is_alive():
            assert drifted() == []


def test_a_sample_adds_a_flag_that_staff_see_and_a_rebuild_deletes(client: Client, django_user_model: Any) -> None:
    (wrong,) = place(PAID)
    catch_up_all()
    tasks.check_sample()
    assert not DriftFlag.objects.exists()
    StaffOrder.objects.filter(pk=wrong).update(total=Decimal(1))
    tasks.check_sample()
    flag = DriftFlag.objects.get()
    assert (flag.projection, flag.aggregate_id) == ("staff", wrong)
    client.force_login(django_user_model.objects.create_superuser("root", password="secret-1"))
    assert "A read model differs from the log" in client.get("/admin/projections/stafforder/").content.decode()
    assert "total is Decimal(&#x27;1.0000&#x27;)" in client.get("/admin/projections/checkpoint/").content.decode()
    assert 'ordersite_projection_drifted{projection="staff"} 1.0' in client.get("/metrics").content.decode()
    rebuild(STAFF)
    assert not DriftFlag.objects.exists()
    assert "A read model differs" not in client.get("/admin/projections/stafforder/").content.decode()


def test_a_flagged_row_is_checked_again_and_its_flag_deleted_once_it_is_right() -> None:
    (wrong,) = place(PAID)
    catch_up_all()
    StaffOrder.objects.filter(pk=wrong).update(reference="by hand")
    look_for_drift(STAFF, count=5)
    assert DriftFlag.objects.count() == 1
    StaffOrder.objects.filter(pk=wrong).update(reference=CREATED.reference)
    look_for_drift(STAFF, count=0)
    assert not DriftFlag.objects.exists()


def test_a_row_that_differs_for_a_moment_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    (wrong,) = place(PAID)
    catch_up_all()
    StaffOrder.objects.filter(pk=wrong).update(reference="half way")
    differences = drift._differences

    def repaired_meanwhile(*args: Any) -> Any:
        found = differences(*args)
        StaffOrder.objects.filter(pk=wrong).update(reference=CREATED.reference)
        return found

    monkeypatch.setattr(drift, "_differences", repaired_meanwhile)
    assert drifted() == []


def test_the_command_checks_all_or_a_share_and_fails_on_drift() -> None:
    (wrong, *_) = place(PAID, count=3)
    catch_up_all()
    out = io.StringIO()
    call_command("check_projections", stdout=out)
    assert "staff: 3 aggregates, 0 differ" in out.getvalue()
    call_command("check_projections", "staff", "--sample", "0.5", stdout=out)
    StaffOrder.objects.filter(pk=wrong).update(total=Decimal(1))
    with pytest.raises(CommandError, match="do not follow from the log: 1;"):
        call_command("check_projections", stdout=out)
    assert f"projections_stafforder {wrong}: total is" in out.getvalue()
    with pytest.raises(CommandError, match="a share above 0 and up to 1"):
        call_command("check_projections", "--sample", "2")
    with pytest.raises(CommandError, match="no projection is called 'stock'"):
        call_command("check_projections", "stock")
