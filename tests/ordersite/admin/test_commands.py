"""Every order command in the admin: it is offered when it is possible, and its form sends it."""

from collections.abc import Callable
from dataclasses import make_dataclass
from decimal import Decimal
from typing import Any, get_args
from uuid import uuid4

import pytest
from django.urls import reverse

from eventstore import store
from eventstore.ids import new_id
from orders import commands as c
from orders.accounts.commands import DepositMoney
from orders.actions import name_of
from orders.values import LineQuantity
from ordersite.admin.command_catalog import BULK, NOT_OFFERED, OFFERS, Offer
from ordersite.admin.forms.command_form import form_for
from ordersite.roles import BACK_OFFICE
from projections.staff.orders import StaffOrder
from tests.support.admin import ORDERS, LogIn, submit, text
from tests.support.admin_forms import (
    ALLOW,
    APPROVE,
    FAIL,
    NEW,
    PAY,
    PROMISE,
    REFUND,
    RETURN,
    SENT,
    SHIP,
    WHY,
    Given,
    order_after,
    page_of,
)
from tests.support.order_stories import shop


def test_every_command_of_an_order_but_those_of_processes_is_offered() -> None:
    offered = {offer.command for offer in OFFERS.values()}
    assert offered == {*get_args(c.OrderCommand), c.RestoreOrder} - set(NOT_OFFERED)
    assert set(SENT) == offered - {c.CreateOrder, c.RestoreOrder}, "and each of them is sent by a test below"


def test_a_command_without_a_row_of_its_own_is_named_after_its_declaration() -> None:
    deposit = Offer(DepositMoney)
    assert (deposit.title, deposit.part) == ("Deposit", None)
    assert deposit.description.startswith("Pay money into an account.")
    assert Offer(make_dataclass("Undescribed", ["order_id"])).description == "", "Python's own words for it are none"
    assert Offer(c.SettleRefund).description == "Record that the customer received the money."
    assert Offer(c.SettleRefund).part == "refund_id"
    assert set(form_for(DepositMoney, "account_id").base_fields) >= {"amount", "method", "reference"}


@pytest.mark.parametrize("command", SENT, ids=name_of)
def test_the_orders_page_offers_it_and_its_form_sends_it(log_in: LogIn, command: type) -> None:
    staff, (given, filled, event, holds) = log_in(BACK_OFFICE), SENT[command]
    name, order_id = name_of(command), order_after(given)
    assert f"/command/{name}/" in page_of(staff, order_id)
    asked = {"order": str(order_id), **{key: value for key, value in filled.items() if key.endswith("_id") and value}}
    form = text(staff.get(reverse("admin:order-command", args=[name]), asked))
    for field in filled:
        assert f'name="{field}"' in form or field == "seen", f"the form asks for {field}"
    before = len(store.read_stream(order_id))
    submit(staff, name, [order_id], **filled)
    fact = store.read_stream(order_id)[-1]
    assert (len(store.read_stream(order_id)), type(fact.event)) == (before + 1, event)
    assert {key: getattr(fact.event, key) for key in holds} == holds
    assert fact.metadata.actor == "staff:anna"


@pytest.mark.parametrize("command", [each for each in SENT if SENT[each][0]], ids=name_of)
def test_what_the_rules_would_refuse_is_not_offered(log_in: LogIn, command: type) -> None:
    assert f"/command/{name_of(command)}/" not in page_of(log_in(BACK_OFFICE), order_after())


@pytest.mark.parametrize("command", BULK, ids=name_of)
def test_the_list_sends_it_to_several_orders(log_in: LogIn, command: type) -> None:
    staff, (given, filled, event, _) = log_in(BACK_OFFICE), SENT[command]
    ids = [order_after(given), order_after(given)]
    name = name_of(command)
    chosen = text(staff.post(ORDERS, {"action": name, "_selected_action": [str(order_id) for order_id in ids]}))
    assert f"{OFFERS[name].title}: 2 orders" in chosen
    assert text(submit(staff, name, ids, **filled)).count('class="done">done') == 2
    assert [type(store.read_stream(order_id)[-1].event) for order_id in ids] == [event, event]


def test_a_command_about_a_part_is_never_sent_to_several_orders(log_in: LogIn) -> None:
    ids = [order_after([PROMISE]), order_after([PROMISE])]
    data = {"form_id": str(uuid4()), "order": [str(order_id) for order_id in ids], "payment_id": "1"}
    assert log_in(BACK_OFFICE).post(reverse("admin:order-command", args=["capture_payment"]), data).status_code == 404


def test_staff_place_an_order_and_see_it(log_in: LogIn) -> None:
    staff, form_id = log_in(BACK_OFFICE), str(new_id())
    assert "Place an order" in text(staff.get(ORDERS))
    assert 'name="lines-7-sku"' in text(staff.get(f"{ORDERS}place/"))
    for _ in range(2):
        page = text(staff.post(f"{ORDERS}place/", {"form_id": form_id, **NEW}, follow=True))
        assert "Order PHONE-1: Order placed: 2 lines for 10.50 GBP" in page
    order = StaffOrder.objects.get()  # only one, although its form was sent twice
    assert (order.total, order.tax, order.customer_id) == (Decimal("10.5000"), Decimal("1.3300"), None)
    refused = text(staff.post(f"{ORDERS}place/", {"form_id": str(new_id()), **NEW, "currency": "XXX"}))
    assert "is not an ISO 4217 currency" in refused
    assert 'value="Rhys Llewellyn"' in refused, "what was filled in is still there"


def test_a_form_shows_what_is_wrong_where_it_is_wrong_and_sends_nothing(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), order_after([PAY])
    for filled, words in (
        ({"lines-1-quantity": "two"}, "Enter a whole number."),
        ({"lines-1-quantity": "", "lines-2-quantity": "0"}, "Fill in at least one row."),
    ):
        assert words in text(submit(staff, "ship_lines", [order_id], **filled))
    wrong = {"return_id": "7", "restocked-1-quantity": "1"}
    assert "Select a valid choice" in text(submit(staff, "receive_return", [order_id], **wrong))
    assert len(store.read_stream(order_id)) == 2


def test_a_parcels_form_starts_with_all_that_is_to_be_sent(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), order_after([PAY])
    submit(staff, "ship_lines", [order_id], **{"lines-1-quantity": "1"})
    form = text(staff.get(reverse("admin:order-command", args=["ship_lines"]), {"order": str(order_id)}))
    assert [f'name="lines-{line}-quantity" value="1"' in form for line in (1, 2)] == [True, True]
    assert 'max="1"' in form


def test_a_change_that_is_prepared_shows_what_it_would_cost_and_is_made_or_discarded(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), order_after()
    submit(staff, "stage_edit", [order_id], **{"quantities-1-quantity": "3", "quantities-2-quantity": "0"})
    page = page_of(staff, order_id)
    assert "A change is prepared: it costs 2.50 GBP less" in page
    assert StaffOrder.objects.get().total == 25
    submit(staff, "stage_edit", [order_id], **{"quantities-1-quantity": "4", "quantities-2-quantity": "1"})
    stale = text(submit(staff, "commit_edit", [order_id], seen="2"))
    assert "has changed since you opened this form" in stale
    assert "A change is prepared: it costs 15.00 GBP more" in stale
    done = text(submit(staff, "commit_edit", [order_id], seen="3"))
    assert "Changed: it costs 15.00 GBP more" in done
    assert "A change is prepared" not in done
    assert StaffOrder.objects.get().total == 40


def test_a_refund_over_the_limit_takes_two_persons(log_in: LogIn) -> None:
    anna, order_id = log_in(BACK_OFFICE), order_after([PAY])
    submit(anna, "request_refund", [order_id], amount="25.00", **WHY)
    with shop(approval_limits={"GBP": Decimal(20)}):
        refused = text(submit(anna, "approve_refund", [order_id], refund_id="1"))
        page = text(submit(log_in(BACK_OFFICE, username="ben"), "approve_refund", [order_id], refund_id="1"))
    assert "25.00 GBP is more than one person may refund: a second person must approve it" in refused
    assert "requested by anna (staff)" in refused
    assert "Refund 1 of 25.00 GBP approved" in page
    assert store.read_stream(order_id)[-1].event.approved_by == "staff:ben"


def test_the_page_of_an_order_with_everything_shows_it(log_in: LogIn) -> None:
    receive: Given = (
        c.ReceiveReturn,
        {"return_id": 1, "restocked": (LineQuantity(line_id=1, quantity=1),)},
    )
    refund: Given = (c.RequestRefund, {"by": "staff:maya", **WHY})
    note: Given = (c.AddNote, {"text": "Rang to ask"})
    hold: Given = (c.HoldOrder, {"reason": "Looks odd"})
    order_id = order_after([PAY, SHIP, RETURN, ALLOW, receive, refund, APPROVE, note, hold])
    page = page_of(log_in(BACK_OFFICE), order_id)
    for words in (
        "On hold",
        "Overcharged",
        "Fulfilled",
        "Return approved",
        "<dt>Returned</dt><dd>7.50 GBP</dd>",
        "<dt>Refund pending</dt><dd>7.50 GBP</dd>",
        "<dt>Owed to customer</dt><dd>7.50 GBP</dd>",
        "on its way: 1 × Mug",  # noqa: RUF001 - the sign is meant
        "Mug: 7.50",
        "requested by maya (staff)",
        "On hold: Looks odd",
        "Note: Rang to ask",
        '<s class="quiet">15.00</s> 7.50',
    ):
        assert words in page, words
    at_version = text(log_in(BACK_OFFICE, username="ben").get(f"{ORDERS}{order_id}/change/?version=2"))
    for words in ("On hold: Looks odd</strong> (", "on its way:", "requested by maya"):
        assert words not in at_version, words


def test_the_order_page_asks_the_same_number_of_questions_however_much_happened(
    log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    staff = log_in(BACK_OFFICE)
    simple, full = order_after(), order_after([PAY, SHIP, RETURN, ALLOW, REFUND, APPROVE, FAIL])
    counted: Callable[..., Any] = django_assert_max_num_queries
    page_of(staff, simple)
    with counted(12) as few:
        page_of(staff, simple)
    with counted(12) as many:
        page_of(staff, full)
    assert len(few) == len(many)


def test_an_order_that_was_held_twice_says_for_each_version_why(log_in: LogIn) -> None:
    first, second = ((c.HoldOrder, {"reason": reason}) for reason in ("Looks odd", "Asked again"))
    order_id = order_after([first, (c.ReleaseOrder, {}), second])
    staff = log_in(BACK_OFFICE)
    assert "<strong>On hold: Asked again</strong> (maya (staff)" in page_of(staff, order_id)
    then = text(staff.get(f"{ORDERS}{order_id}/change/?version=2"))
    assert "<strong>On hold: Looks odd</strong> (maya (staff)" in then
