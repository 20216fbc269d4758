"""What all forms of commands have in common: the version they carry, what a refusal keeps, and what is offered."""

import re
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from eventstore import store
from eventstore.dispatch import Context, dispatch
from orders import commands as c
from orders.accounts.commands import DepositMoney
from orders.actions import name_of
from ordersite.admin.command_buttons import AT_ONCE
from ordersite.admin.command_catalog import BULK, OFFERS
from ordersite.admin.forms.prefill import prefill_fields
from ordersite.models import User
from ordersite.roles import BACK_OFFICE
from projections.accounting.balances import AccountMoney
from projections.staff.orders import StaffOrder
from tests.support.admin import ORDERS, LogIn, placed, submit, text
from tests.support.admin_forms import NEW, PAY, SENT, STAGE, WHY, Given, assert_holds, hidden, order_after, page_of
from tests.support.order_examples import CREATE, ORDER
from tests.support.order_stories import after, shop, some

NOTE = c.AddNote
FILLED_IN = [each for each in SENT if each not in AT_ONCE]


def form_of(client: Client, name: str, **query: Any) -> str:
    return text(client.get(reverse("admin:order-command", args=[name]), query))


def meanwhile(order_id: UUID, text: str = "Rang to ask") -> None:
    dispatch(c.AddNote(order_id=order_id, text=text), Context(actor="staff:ben"))


@pytest.mark.parametrize("command", SENT, ids=name_of)
def test_every_form_carries_the_version_it_saw_and_a_stale_one_keeps_what_was_typed(
    log_in: LogIn, command: type
) -> None:
    staff, (given, filled, event, _) = log_in(BACK_OFFICE), SENT[command]
    name, order_id = name_of(command), order_after(given)
    filled = {key: value for key, value in filled.items() if key != "seen"}
    part = {key: value for key, value in filled.items() if key.endswith("_id") and value}
    page = page_of(staff, order_id) if command in AT_ONCE else form_of(staff, name, order=str(order_id), **part)
    version = StaffOrder.objects.get(pk=order_id).version
    assert f'name="seen" value="{version}"' in page
    meanwhile(order_id)
    refused = text(submit(staff, name, [order_id], seen=str(version), **filled))
    assert "has changed since you opened this form, so nothing was done" in refused
    assert "Note: Rang to ask" in refused
    assert "ben (staff)" in refused
    assert len(store.read_stream(order_id)) == version + 1
    if command not in AT_ONCE:
        assert_holds(refused, filled)
    again = hidden(refused)["seen"] if command not in AT_ONCE else [str(version + 1)]
    assert again == [str(version + 1)]
    submit(staff, name, [order_id], seen=again, **filled)
    assert isinstance(store.read_stream(order_id)[-1].event, event)


def test_a_form_that_names_no_version_is_stale(log_in: LogIn) -> None:
    order_id = placed()
    refused = text(submit(log_in(BACK_OFFICE), "add_note", [order_id], seen=[], text="Rang"))
    assert "has changed since you opened this form" in refused
    assert "Order placed: 2 lines" in refused
    assert_holds(refused, {"text": "Rang"})


def test_of_two_tabs_that_change_the_address_the_second_is_told_of_the_first(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), placed()
    first, second = (hidden(form_of(staff, "change_address", order=str(order_id))) for _ in range(2))
    staff.post(reverse("admin:order-command", args=["change_address"]), first | {"shipping_address": "1 Mill Lane"})
    sent = second | {"shipping_address": "2 Mill Lane"}
    refused = text(staff.post(reverse("admin:order-command", args=["change_address"]), sent))
    assert "anna (staff): Address changed to: 1 Mill Lane" in refused
    assert StaffOrder.objects.get().shipping_address == "1 Mill Lane"
    assert_holds(refused, {"shipping_address": "2 Mill Lane"})


def test_a_form_sent_twice_is_one_command_although_the_first_changed_the_version(log_in: LogIn) -> None:
    staff, order_id = log_in(BACK_OFFICE), placed()
    sent = hidden(form_of(staff, "add_note", order=str(order_id))) | {"text": "Rang twice"}
    for _ in range(2):
        done = staff.post(reverse("admin:order-command", args=["add_note"]), sent, follow=True)
        assert "Order W-1: Note: Rang twice" in text(done)
    assert len(store.read_stream(order_id)) == 2


ALWAYS_POSSIBLE = (c.AddNote, c.RecordPaymentFailure)


@pytest.mark.parametrize("command", [each for each in FILLED_IN if each not in ALWAYS_POSSIBLE], ids=name_of)
def test_a_refusal_by_a_rule_keeps_what_was_typed(log_in: LogIn, command: type) -> None:
    """On an order where the command is not possible: without the command that must come before, or done already."""
    given, filled, _, _ = SENT[command]
    impossible = given[:-1] if given else [(c.HoldOrder if command is c.HoldOrder else c.CancelOrder, WHY)]
    staff, order_id = log_in(BACK_OFFICE), order_after(impossible)
    page = text(submit(staff, name_of(command), [order_id], **filled))
    assert 'name="form_id"' in page, "the form is shown again"
    kept = {key: value for key, value in filled.items() if not key.endswith("_id") and f'name="{key}"' in page}
    assert_holds(page, kept)


def test_a_refused_new_order_shows_no_errors_in_the_rows_that_were_left_blank(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    new = {**NEW, "lines-0-quantity": "none", "form_id": str(uuid4())}
    page = text(staff.post(f"{ORDERS}place/", new))
    assert (page.count("Enter a whole number."), page.count("This field is required.")) == (1, 0)
    refused = text(staff.post(f"{ORDERS}place/", {**NEW, "currency": "XXX", "form_id": str(uuid4())}))
    assert refused.count("This field is required.") == 0
    half = text(staff.post(f"{ORDERS}place/", {**NEW, "lines-1-sku": "JUG", "form_id": str(uuid4())}))
    assert half.count("This field is required.") == 3, "name, quantity and price of the second line"


def test_an_account_form_carries_its_version_too(log_in: LogIn, ada: User) -> None:
    staff, account = log_in(BACK_OFFICE), account_of_ada(ada)
    url = f"/admin/projections/accountmoney/{account.pk}/withdraw/"
    sent = hidden(text(staff.get(url)))
    assert sent["seen"] == [str(account.version)]
    deposit = DepositMoney(
        account_id=account.pk, customer_id=account.customer_id, currency="GBP", amount=Decimal(5), method="card"
    )
    dispatch(deposit, Context(actor="staff:ben"))
    refused = text(staff.post(url, sent | {"amount": "20", "reason": "Paid out in cash"}))
    assert "has changed since you opened this form" in refused
    assert "ben (staff): Deposited" in refused
    assert_holds(refused, {"reason": "Paid out in cash"})
    again = hidden(refused) | {"amount": "20", "reason": "Paid out in cash"}
    assert "Withdraw: done" in text(staff.post(url, again, follow=True))


def account_of_ada(ada: User) -> AccountMoney:
    assert ada.customer_id
    account_id = uuid4()
    deposit = DepositMoney(
        account_id=account_id, customer_id=ada.customer_id, currency="GBP", amount=Decimal(50), method="card"
    )
    dispatch(deposit, Context(actor="customer:ada"))
    return AccountMoney.objects.get(pk=account_id)


def test_a_refund_is_offered_for_approval_only_to_a_second_person(log_in: LogIn) -> None:
    order_id = order_after([PAY])
    anna, ben = log_in(BACK_OFFICE), log_in(BACK_OFFICE, username="ben")
    submit(anna, "request_refund", [order_id], amount="25.00", **WHY)
    approve = "/command/approve_refund/"
    with shop(approval_limits={"GBP": Decimal(20)}):
        assert (approve in page_of(anna, order_id), approve in page_of(ben, order_id)) == (False, True)
        form = form_of(anna, "approve_refund", order=str(order_id))
        assert "The order would refuse this now: 25.00 GBP is more than one person may refund" in form
    assert approve in page_of(anna, order_id)


@pytest.mark.parametrize("command", [each for each in BULK if each not in ALWAYS_POSSIBLE], ids=name_of)
def test_orders_that_would_refuse_a_bulk_command_are_left_out_with_the_reason(log_in: LogIn, command: type) -> None:
    others: dict[type, list[Given]] = {c.HoldOrder: [(c.HoldOrder, WHY)], c.ReleaseOrder: []}
    impossible = others.get(command, [(c.CancelOrder, WHY)])
    staff, good, bad = log_in(BACK_OFFICE), order_after(SENT[command][0]), order_after(impossible)
    chosen = {"action": name_of(command), "_selected_action": [str(good), str(bad)]}
    page = text(staff.post(ORDERS, chosen))
    assert hidden(page)["order"] == [str(good)]
    assert page.count("Left out: ") == 1
    assert re.search(rf"</span>{OFFERS[name_of(command)].title}: 1 order\b(?!s)", page)


def test_many_parcels_have_a_tracking_code_each(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(paid=True), placed(paid=True), placed(paid=True)]
    page = text(staff.post(ORDERS, {"action": "ship", "_selected_action": list(map(str, ids))}))
    assert 'name="tracking_code"' not in page, "no code is given to all of them"
    codes = {f"order-{order_id}-tracking_code": code for order_id, code in zip(ids, ("JD01", "JD02", ""), strict=True)}
    assert all(f'name="{name}"' in page for name in codes)
    assert text(submit(staff, "ship", ids, carrier="DHL", **codes)).count('class="done">done') == 3
    parcels = {order.pk: order.state.shipments[0] for order in StaffOrder.objects.all()}
    assert [parcels[order_id].tracking_code for order_id in ids] == ["JD01", "JD02", ""]
    assert {parcel.carrier for parcel in parcels.values()} == {"DHL"}


def test_a_write_off_of_several_orders_asks_for_each_amount(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(), placed()]
    amounts = {f"order-{ids[0]}-amount": "5", f"order-{ids[1]}-amount": ""}
    submit(staff, "write_off", ids, **WHY, **amounts)
    assert [store.read_stream(order_id)[-1].event.amount for order_id in ids] == [Decimal(5), Decimal(25)]


def test_a_code_that_another_parcel_has_is_sent_only_when_the_person_confirms_it(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(paid=True), placed(paid=True)]
    same = {f"order-{order_id}-tracking_code": "JD01" for order_id in ids}
    form_id = str(uuid4())
    warned = text(submit(staff, "ship", ids, form_id, carrier="DHL", **same))
    assert "More than one parcel would have the tracking code JD01: order W-1, order W-1." in warned
    assert_holds(warned, {"carrier": "DHL"} | same)
    assert [len(store.read_stream(order_id)) for order_id in ids] == [2, 2]
    (confirmed,) = re.findall(r'name="confirmed" value="(\w+)"', warned)
    done = text(submit(staff, "ship", ids, form_id, carrier="DHL", confirmed=confirmed, **same))
    assert done.count('class="done">done') == 2
    third = placed(paid=True)
    other = text(submit(staff, "ship", [third], carrier="DHL", tracking_code="jd01", confirmed=confirmed))
    assert "would have the tracking code jd01: order W-1, parcel 1 of order W-1, parcel 1 of order W-1." in other, (
        "another warning"
    )
    assert len(store.read_stream(third)) == 2


def test_a_tracking_code_is_corrected_and_a_taken_one_is_warned_of(log_in: LogIn) -> None:
    staff, order_id, other = log_in(BACK_OFFICE), placed(paid=True), placed(paid=True)
    submit(staff, "ship", [order_id], carrier="DHL", tracking_code="JD01")
    submit(staff, "ship", [other], carrier="DHL", tracking_code="JD02")
    form = form_of(staff, "correct_tracking", order=str(order_id), shipment_id="1")
    assert_holds(form, {"shipment_id": "1", "tracking_code": "JD01", "carrier": "DHL"})
    filled = {"shipment_id": "1", "carrier": "DHL"}
    warned = text(submit(staff, "correct_tracking", [order_id], tracking_code="JD02", **filled))
    assert "would have the tracking code JD02: order W-1, parcel 1 of order W-1." in warned
    done = text(submit(staff, "correct_tracking", [order_id], tracking_code="JD03", **filled))
    assert "Parcel 1 is tracked by DHL JD03, not by DHL JD01" in done
    same = text(submit(staff, "correct_tracking", [order_id], tracking_code="JD03", **filled))
    assert "has this carrier and this tracking code already" in same
    assert "More than one parcel" not in same, "its own code is no other parcel's"


def test_a_short_tracking_code_is_compared_too(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(paid=True), placed(paid=True)]
    submit(staff, "ship", [ids[0]], carrier="DHL", tracking_code="7-")
    assert "7-: order W-1, parcel 1 of order W-1." in text(
        submit(staff, "ship", [ids[1]], carrier="DHL", tracking_code="7-")
    )


def test_orders_that_changed_or_refused_are_offered_again_with_what_was_typed(log_in: LogIn) -> None:
    staff, ids = log_in(BACK_OFFICE), [placed(paid=True), placed(paid=True), placed()]
    seen = [str(each) for each in (2, 2, 1)]
    meanwhile(ids[1])
    codes = {f"order-{order_id}-tracking_code": f"JD0{number}" for number, order_id in enumerate(ids)}
    page = text(submit(staff, "ship", ids, seen=seen, carrier="DHL", **codes))
    assert page.count('class="done">done') == 1
    assert "25.00 GBP must be paid before this order ships" in page
    assert "ben (staff): Note: Rang to ask" in page
    again = hidden(page)
    assert (again["order"], again["seen"]) == ([str(ids[1]), str(ids[2])], ["3", "1"]) or sorted(again["seen"]) == [
        "1",
        "3",
    ]
    assert_holds(page, {"carrier": "DHL", f"order-{ids[1]}-tracking_code": "JD01"})
    staff.post(reverse("admin:order-command", args=["ship"]), again | {"carrier": "DHL"} | codes)
    assert store.read_stream(ids[1])[-1].event.tracking_code == "JD01"
    assert len(store.read_stream(ids[0])) == 3, "what was shipped is not sent again"


def test_a_prepared_change_stops_the_goods_at_every_door(log_in: LogIn) -> None:
    staff, held, free = log_in(BACK_OFFICE), order_after([PAY, STAGE]), placed(paid=True)
    page = text(staff.post(ORDERS, {"action": "ship", "_selected_action": [str(held), str(free)]}))
    assert "Left out: a change of these goods is prepared: make it or discard it before they ship" in page
    report = text(submit(staff, "ship", [held, free], carrier="DHL"))
    assert "Refused: a change of these goods is prepared" in report
    assert "/command/ship/" not in page_of(staff, held)
    assert StaffOrder.objects.get(pk=held).state.staged


def test_an_edit_offers_a_removed_line_so_that_it_can_be_put_back() -> None:
    removed = after(CREATE, c.EditOrder(order_id=ORDER, quantities=some(_2=0)))
    offered = prefill_fields(c.EditOrder, StaffOrder(state=removed, currency="GBP"), {}, by="staff:anna")
    assert [(row.key, row.initial) for row in offered["quantities"].rows or ()] == [
        (1, {"quantity": 2}),
        (2, {"quantity": 0}),
    ]
