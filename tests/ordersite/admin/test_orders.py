"""The back office: what staff and accountants see and may do."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.sites import site
from django.db import connection
from django.urls import reverse

from eventstore import store
from eventstore.admin.large_lists import COUNT_UP_TO, FastPaginator
from eventstore.dispatch import Context, dispatch
from eventstore.followers import process_managers
from eventstore.ids import new_id
from eventstore.models import Event
from orders.commands import CancelOrder, ExpireOrder
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE
from projections.staff.orders import StaffOrder
from tests.support.admin import ORDERS, LogIn, placed, submit, text
from tests.support.orders import new_order, pay

EVENTS = "/admin/eventstore/event/"


RESTORE = "/admin/projections/stafforder/command/restore/"


def test_staff_search_filter_and_page_through_orders(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    one, two = placed(), placed(paid=True)
    assert "W-1" in text(staff.get(ORDERS))
    for query, found in (
        (f"?q={one}", {one}),
        ("?q=whitfield+mug", {one, two}),
        ("?q=nobody", set()),
        ("?status__exact=open", {one, two}),
        ("?status__exact=completed", set()),
        ("?payment_status__exact=paid", {two}),
        ("?fulfilment_status__exact=unfulfilled", {one, two}),
        ("?return_status__exact=requested", set()),
        ("?country=United+Kingdom", {one, two}),
        ("?country=France", set()),
        ("?currency=gbp", {one, two}),
        ("?total_from=26", set()),
        ("?placed_at__year=1999", set()),
    ):
        page = text(staff.get(ORDERS + query))
        assert {order_id for order_id in (one, two) if f"{ORDERS}{order_id}/" in page} == found, query


def test_a_range_of_days_takes_whole_days_of_the_shop_in_either_way_of_writing_them(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed()
    for day, shown in (("2011-03-30", False), ("2011-03-31", True), ("31/03/2011", True), ("2011-04-01", False)):
        # 23:30 UTC on the 30th is half past midnight of the 31st in the shop
        StaffOrder.objects.update(placed_at=datetime(2011, 3, 30, 23, 30, tzinfo=UTC))
        page = text(staff.get(f"{ORDERS}?placed_at_from={day}&placed_at_to={day}"))
        assert (f"{ORDERS}{order_id}/" in page) is shown, day


def test_odd_characters_in_a_search_or_filter_find_nothing_and_break_nothing(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    placed()
    for query in ("?q=%00", "?country=%00x", "?currency=%00", "?placed_at_from=%00&placed_at_to=yesterday"):
        assert staff.get(ORDERS + query).status_code == 200, query


def test_the_same_form_with_other_content_is_another_command_and_each_refusal_is_told(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id, form_id = placed(paid=True), str(new_id())
    submit(staff, "ship", [order_id], form_id, carrier="DHL")
    assert "Nothing of this order is left to ship" in text(submit(staff, "ship", [order_id], form_id, carrier="UPS"))


def test_the_order_page_shows_lines_money_and_the_timeline_in_words(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed(paid=True)
    dispatch(CancelOrder(order_id=order_id, reason="Ordered twice"), Context(actor="staff:anna"))
    page = text(staff.get(f"{ORDERS}{order_id}/change/"))
    for words in (
        "Ada Whitfield",
        "ada@example.com",
        "MUG",
        "15.00",
        "25.00 GBP",
        "Order placed: 2 lines for 25.00 GBP",
        "Paid 25.00 GBP by card",
        "Cancelled: Ordered twice; 25.00 GBP to be paid back",
        "anna (staff)",
        "the customer",
        "&quot;payment_method&quot;: &quot;card&quot;",
    ):
        assert words in page, words
    assert page.index("Cancelled: Ordered twice;") < page.index("Order placed"), "the newest first"


def test_the_timeline_is_there_even_while_the_view_is_behind_and_the_page_says_so(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed(paid=True)
    StaffOrder.objects.filter(pk=order_id).update(version=1, payment_status="unpaid")
    page = text(staff.get(f"{ORDERS}{order_id}/change/"))
    assert "This page is behind for this order: 1 later event" in page
    assert "Paid 25.00 GBP by card" in page


def test_the_order_is_shown_as_it_was_at_any_version(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed(paid=True)
    submit(staff, "ship", [order_id], carrier="DHL")
    then = text(staff.get(f"{ORDERS}{order_id}/change/?version=1"))
    assert "as it was at version 1" in then
    assert 'data-version="1"' in then
    assert "<dt>Paid</dt><dd>0.00 GBP</dd>" in then
    assert then.count('class="later"') == 2
    assert "/command/" not in then, "the past can only be restored, and this one cannot"
    assert "It cannot be restored: since version 1 25.00 GBP was paid by card and goods were shipped" in then
    for version in ("3", "4", "0", "-1", "x", ""):
        now = text(staff.get(f"{ORDERS}{order_id}/change/?version={version}"))
        assert "as it was at version" not in now
        assert 'data-version="3"' in now


def test_an_order_that_does_not_exist_leads_back_with_a_word(log_in: LogIn) -> None:
    page = log_in(BACK_OFFICE).get(f"{ORDERS}{uuid4()}/change/", follow=True)
    assert "There is no order" in text(page)
    assert "no order nonsense" in text(
        log_in(BACK_OFFICE, username="ben").get(f"{ORDERS}nonsense/change/", follow=True)
    )


def test_staff_ship_an_order_from_its_page(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed(paid=True)
    form = text(staff.get(reverse("admin:order-command", args=["ship"]), {"order": str(order_id)}))
    assert 'name="carrier"' in form
    assert 'maxlength="100"' in form, "the form's limits are the command's"
    name = str(uuid4())
    staff.defaults["HTTP_X_REQUEST_ID"] = name
    page = submit(staff, "ship", [order_id], carrier="DHL", tracking_code="JD01")
    assert "Order W-1: Shipped with DHL, tracking code JD01" in text(page)
    fact = store.read_stream(order_id)[-1]
    assert (fact.event.carrier, fact.metadata.actor) == ("DHL", "staff:anna")
    assert str(fact.metadata.correlation_id) == name, "the request's name goes through to the log"


def test_the_list_actions_report_each_orders_outcome(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    good, unpaid = placed(paid=True), placed()
    chosen = staff.post(ORDERS, {"action": "ship", "_selected_action": [str(good), str(unpaid)]})
    assert "Ship: 2 orders" in text(chosen)
    report = text(submit(staff, "ship", [good, unpaid], carrier="DHL"))
    assert "Refused: 25.00 GBP must be paid before this order ships" in report
    assert 'class="done">done' in report
    assert StaffOrder.objects.get(pk=good).fulfilment_status == "fulfilled"
    assert StaffOrder.objects.get(pk=unpaid).fulfilment_status == "unfulfilled"


def test_a_cancellation_asks_why(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed()
    assert "This field is required" in text(submit(staff, "cancel", [order_id], reason=""))
    assert len(store.read_stream(order_id)) == 1
    assert "Order W-1: Cancelled: Ordered twice" in text(submit(staff, "cancel", [order_id], reason="Ordered twice"))
    assert store.read_stream(order_id)[-1].event.reason == "Ordered twice"


def test_a_form_sent_twice_is_one_command(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id, form_id = placed(paid=True), str(new_id())
    for _ in range(2):
        assert "Order W-1: Shipped with DHL" in text(submit(staff, "ship", [order_id], form_id, carrier="DHL"))
    assert len(store.read_stream(order_id)) == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ship", {"order": ["no-uuid"], "form_id": "x"}),
        ("ship", {"order": [str(uuid4())] * 501, "form_id": str(uuid4())}),
        ("explode", {"order": [], "form_id": str(uuid4())}),
    ],
)
def test_a_forged_form_changes_nothing(log_in: LogIn, name: str, data: dict[str, Any]) -> None:
    placed(paid=True)
    answer = log_in(BACK_OFFICE).post(f"/admin/projections/stafforder/command/{name}/", data)
    assert answer.status_code == 404
    assert Event.objects.count() == 2


def test_the_log_is_browsed_searched_by_id_and_filtered_by_type(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    order_id = placed(paid=True)
    event = Event.objects.get(aggregate_id=order_id, version=2)
    placed()
    for query, count in (
        ("", 3),
        (f"?q={order_id}", 2),
        (f"?q={event.event_id}", 1),
        ("?q=mug", 0),
        ("?event_type=order.paid", 1),
    ):
        page = text(staff.get(EVENTS + query))
        assert (
            sum(f"{EVENTS}{position}/change/" in page for position in Event.objects.values_list("pk", flat=True))
            == count
        )
    page = text(staff.get(f"{EVENTS}{event.pk}/change/"))
    assert "payment_method" in page
    assert "the customer" in page


def test_the_projections_page_shows_position_lag_and_the_last_error(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    placed()
    page = text(staff.get("/admin/projections/checkpoint/"))
    assert page.count("caught up") >= 3


@pytest.mark.parametrize(
    "model", ["stafforder", "accountingday", "accountingorder", "accountingentry", "checkpoint", "parkedevent"]
)
def test_nobody_adds_edits_or_deletes_a_read_model_row(log_in: LogIn, model: str) -> None:
    assert_read_only(log_in, f"/admin/projections/{model}/", f"projections.{model}")


def test_nobody_adds_edits_or_deletes_an_event(log_in: LogIn) -> None:
    assert_read_only(log_in, EVENTS, "eventstore.event")


def assert_read_only(log_in: LogIn, url: str, model: str) -> None:
    root = log_in(username="root")
    User.objects.filter(username="root").update(is_superuser=True)
    placed(paid=True)
    admin = next(admin for cls, admin in site._registry.items() if cls._meta.label_lower == model)
    row = admin.model._default_manager.first()
    assert root.get(f"{url}add/").status_code == 403
    assert "delete_selected" not in text(root.get(url))
    if row is not None:
        assert root.get(f"{url}{row.pk}/delete/").status_code == 403
        kept = admin.model._default_manager.filter(pk=row.pk).values().get()
        page = root.get(f"{url}{row.pk}/change/")
        assert page.status_code == 200
        assert 'name="_save"' not in text(page)
        answer = root.post(f"{url}{row.pk}/change/", {"status": "cancelled", "total": "0"})
        assert answer.status_code in (200, 403)
        assert admin.model._default_manager.filter(pk=row.pk).values().get() == kept


def test_an_accountant_sees_the_accounting_view_and_nothing_else(log_in: LogIn) -> None:
    accountant = log_in(ACCOUNTANTS)
    order_id = placed(paid=True)
    for model in ("accountingday", "accountingorder", "accountingentry"):
        assert "25.00" in text(accountant.get(f"/admin/projections/{model}/"))
    for query, shown in (
        ("accountingorder/?payment_status__exact=paid", True),
        ("accountingorder/?payment_status__exact=unpaid", False),
        ("accountingorder/?currency=gbp", True),
        ("accountingentry/?kind__exact=payment&method=card", True),
        ("accountingentry/?kind__exact=refund", False),
        ("accountingentry/?method=%00", False),
    ):
        assert ("25.00" in text(accountant.get(f"/admin/projections/{query}"))) is shown, query
    for url in (
        ORDERS,
        f"{ORDERS}{order_id}/change/",
        EVENTS,
        "/admin/projections/checkpoint/",
        "/admin/ordersite/user/",
    ):
        assert accountant.get(url).status_code == 403, url
    assert submit(accountant, "ship", [order_id]).status_code == 403
    assert len(store.read_stream(order_id)) == 2, "and nothing was shipped"
    index = text(accountant.get("/admin/"))
    assert "Entries" in index
    assert ORDERS not in index


def test_somebody_without_a_role_sees_nothing(log_in: LogIn) -> None:
    nobody = log_in()
    for model in ("stafforder", "accountingday"):
        assert nobody.get(f"/admin/projections/{model}/").status_code == 403


def test_a_large_table_is_counted_by_estimate_and_a_filtered_one_up_to_a_limit(log_in: LogIn) -> None:
    placed()
    orders = StaffOrder.objects.order_by("pk")
    assert FastPaginator(orders, 50).count == 1
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = 5000000 WHERE relname = 'projections_stafforder'")
        try:
            assert FastPaginator(orders, 50).count == 5_000_000
            assert FastPaginator(orders.filter(status="open"), 50).count == 1
        finally:
            cursor.execute("UPDATE pg_class SET reltuples = 1 WHERE relname = 'projections_stafforder'")
    assert COUNT_UP_TO == 10_000


def test_a_list_page_asks_the_same_number_of_questions_however_many_orders_there_are(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    staff = log_in(BACK_OFFICE)
    for _ in range(3):
        placed()
    with django_assert_max_num_queries(12):
        staff.get(ORDERS)
    for _ in range(10):
        placed()
    with django_assert_max_num_queries(12):
        staff.get(ORDERS)


def test_an_events_page_tells_what_followed_from_it(log_in: LogIn) -> None:
    client, order_id = log_in(BACK_OFFICE), placed()
    cause = store.read_stream(order_id)[0]
    context = Context(
        actor="service:unpaid-orders", correlation_id=cause.metadata.correlation_id, causation_id=cause.event_id
    )
    dispatch(ExpireOrder(order_id=order_id, days=14), context)
    story = (
        text(client.get(f"{EVENTS}{cause.position}/change/")).partition('<ol class="trace">')[2].partition("</ol>")[0]
    )
    assert story.index("order.created") < story.index("this event") < story.index("order.cancelled")
    assert "caused by this event" in story
    assert "unpaid-orders (service)" in story
    assert "--depth: 1" in story


def test_what_a_process_plans_is_listed_and_stands_on_the_orders_page(log_in: LogIn) -> None:
    client = log_in(BACK_OFFICE)
    process_managers.install()
    order_id = placed()
    process_managers.run()
    listed = text(client.get("/admin/eventstore/plannedcommand/", {"q": str(order_id)}))
    assert "order.expire" in listed
    assert "unpaid-orders" in listed
    assert "process:unpaid-orders" in text(client.get("/admin/eventstore/consumercheckpoint/"))
    assert "Will be cancelled unless it is paid" in text(client.get(f"{ORDERS}{order_id}/change/"))
    dispatch(pay(order_id), Context(actor="staff:anna"))
    process_managers.run()
    assert "Will be cancelled" not in text(client.get(f"{ORDERS}{order_id}/change/"))


def test_the_order_is_shown_as_of_a_moment_by_what_had_happened_or_by_what_was_known(log_in: LogIn) -> None:
    staff, create = log_in(BACK_OFFICE), new_order()
    at = datetime(2011, 3, 30, 12, tzinfo=UTC)
    dispatch(create, Context(actor="customer:1", occurred_at=at))
    dispatch(pay(create.order_id), Context(actor="customer:1", occurred_at=at + timedelta(days=1)))
    page = f"{ORDERS}{create.order_id}/change/"
    then = text(staff.get(page, {"as_of": "2011-03-31T10:00"}))
    assert "as it was as of 31 Mar 2011, 10:00" in then
    assert 'data-version="1"' in then
    assert "/command/" not in then, "a moment is not always a version"
    assert 'data-version="2"' in text(staff.get(page, {"as_of": "2011-03-31"})), "a day counts to its end"
    unknown = text(staff.get(page, {"recorded_by": "2011-03-31"}))
    assert "did not exist then" in unknown
    assert 'data-version="2"' in unknown
    malformed = text(staff.get(page, {"as_of": "yesterday"}))
    assert "is no date or time" in malformed
    assert 'data-version="2"' in malformed


def test_staff_restore_an_earlier_version_from_the_page_that_shows_it(log_in: LogIn) -> None:
    client, order_id = log_in(BACK_OFFICE), placed(paid=True)
    dispatch(CancelOrder(order_id=order_id, reason="Wrong order"), Context(actor="staff:anna"))
    then = text(client.get(f"{ORDERS}{order_id}/change/?version=2"))
    assert "Restore this version" in then
    assert then.count("/command/") == then.count("/command/restore/") == 1, "the past can only be restored"
    assert "Cancel order" not in then
    assert "Restore this version" not in text(client.get(f"{ORDERS}{order_id}/change/"))
    form = text(client.get(RESTORE, {"order": order_id, "version": 2}))
    assert 'name="version" value="2"' in form
    sent = {"order": order_id, "version": 2, "reason": "Another order was meant", "form_id": str(uuid4()), "seen": 3}
    done = text(client.post(RESTORE, sent, follow=True))
    assert "Order W-1: Restored to version 2, open: Another order was meant" in done
    assert StaffOrder.objects.get(pk=order_id).status == "open"
    assert store.read_stream(order_id)[-1].metadata.actor == "staff:anna"


def test_what_happened_in_the_world_is_refused_in_words_that_say_which(log_in: LogIn) -> None:
    client, order_id = log_in(BACK_OFFICE), placed(paid=True)
    sent = {"order": order_id, "version": 1, "reason": "Oops", "form_id": str(uuid4()), "seen": 2}
    refused = text(client.post(RESTORE, sent, follow=True))
    assert re.search(r"Since version 1 [\d.]+ GBP was paid by card: this cannot be undone", refused)
    assert len(store.read_stream(order_id)) == 2


def test_accountants_restore_nothing(log_in: LogIn) -> None:
    assert log_in(ACCOUNTANTS).get(RESTORE, {"order": placed()}).status_code == 403
