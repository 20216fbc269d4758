"""Drift: what is shown is refolded from the log, and the first difference is told."""

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


def level() -> None:
    for projection in PROJECTIONS.values():
        catch_up(projection)


def found(projection: Any = STAFF) -> list[str]:
    return [str(each) for each in check(projection, (key for key, _ in store.aggregates())).drifted]


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_what_follows_from_the_log_has_no_drift_whatever_happened_and_however_it_is_divided(name: str) -> None:
    place(PAID, SHIPPED, count=3)
    place(PAID, CANCELLED_AFTER_PAYMENT)
    erase(CREATED.customer_id or ORDER, Context(actor="staff:anna"))
    level()
    if not PROJECTIONS[name].total_order:
        divide(PROJECTIONS[name], 3)
    assert found(PROJECTIONS[name]) == []


def test_a_row_that_was_changed_or_lost_is_named_with_what_it_ought_to_be() -> None:
    wrong, lost = place(PAID, count=2)
    level()
    StaffOrder.objects.filter(pk=wrong).update(total=Decimal(1))
    StaffOrder.objects.filter(pk=lost).delete()
    told = sorted(found())
    assert len(told) == 2
    assert f"staff: projections_stafforder {wrong}: total is Decimal('1.0000') and ought to be" in " ".join(told)
    assert f"staff: projections_stafforder {lost}: is missing" in " ".join(told)


def test_an_entry_and_a_sum_that_differ_are_found() -> None:
    place(PAID)
    level()
    AccountingEntry.objects.filter(kind="payment").update(amount=7)
    AccountingDay.objects.update(sales=1)
    told = " ".join(found(ACCOUNTING))
    assert "projections_accountingentry" in told
    assert "GBP sales by day and by entry: Decimal('1.0000') and Decimal('25.0000')" in told
    assert "GBP paid by order's money and by entry" in told


def test_a_view_that_is_only_behind_or_moves_on_meanwhile_has_not_drifted(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = place(count=5)
    assert found() == [], "it never read anything"
    level()

    def write_on() -> None:
        for order_id in ids:
            store.append([write(replace(PAID, order_id=order_id), 1)])
            catch_up(STAFF)

    with at_once(write_on) as (writer,):
        while writer.is_alive():
            assert found() == []


def test_a_sample_raises_a_flag_that_staff_see_and_a_rebuild_strikes(client: Client, django_user_model: Any) -> None:
    (wrong,) = place(PAID)
    level()
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


def test_a_flag_is_looked_at_again_and_struck_once_the_row_is_right() -> None:
    (wrong,) = place(PAID)
    level()
    StaffOrder.objects.filter(pk=wrong).update(reference="by hand")
    look_for_drift(STAFF, count=5)
    assert DriftFlag.objects.count() == 1
    StaffOrder.objects.filter(pk=wrong).update(reference=CREATED.reference)
    look_for_drift(STAFF, count=0)
    assert not DriftFlag.objects.exists()


def test_a_difference_of_a_moment_is_looked_at_again_before_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (wrong,) = place(PAID)
    level()
    StaffOrder.objects.filter(pk=wrong).update(reference="half way")
    differences = drift._differences

    def mended_meanwhile(*args: Any) -> Any:
        seen = differences(*args)
        StaffOrder.objects.filter(pk=wrong).update(reference=CREATED.reference)
        return seen

    monkeypatch.setattr(drift, "_differences", mended_meanwhile)
    assert found() == []


def test_the_command_checks_all_or_a_share_and_fails_on_drift() -> None:
    (wrong, *_) = place(PAID, count=3)
    level()
    out = io.StringIO()
    call_command("check_projections", stdout=out)
    assert "staff: 3 aggregates, 0 differ" in out.getvalue()
    call_command("check_projections", "staff", "--sample", "0.5", stdout=out)
    StaffOrder.objects.filter(pk=wrong).update(total=Decimal(1))
    with pytest.raises(CommandError, match="1 do not follow from the log"):
        call_command("check_projections", stdout=out)
    assert f"projections_stafforder {wrong}: total is" in out.getvalue()
    with pytest.raises(CommandError, match="a share above 0 and up to 1"):
        call_command("check_projections", "--sample", "2")
    with pytest.raises(CommandError, match="no projection is called 'stock'"):
        call_command("check_projections", "stock")
