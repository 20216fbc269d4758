"""The read models of each audience, made from the same events."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from eventstore import codec
from orders import commands as c
from orders.events import OrderEvent, TrackingCorrected, evolve
from orders.order import decide
from orders.policy import Policy
from orders.state import Order
from orders.values import LineKind, LineQuantity
from projections.accounting.journal import AccountingDay, AccountingEntry, AccountingOrder, EntryKind
from projections.customer.orders import CustomerOrder
from projections.order_body import order_body
from projections.order_timeline import describe
from projections.staff.orders import StaffOrder
from tests.support.clock import AT
from tests.support.order_examples import (
    BUYER,
    CANCELLED,
    CANCELLED_AFTER_PAYMENT,
    CREATE,
    CREATED,
    ORDER,
    PAID,
    RESTORED,
    RESTORED_AFTER_PAYMENT,
    SHIPPED,
)
from tests.support.projection_spec import given

CORRECTED = TrackingCorrected(
    order_id=ORDER, shipment_id=1, carrier="DHL", tracking_code="JD02", old_carrier="DHL", old_tracking_code="JD01"
)
OTHER = UUID(int=9)
GUEST = replace(CREATED, order_id=OTHER, customer_id=None, customer_name="", reference="W-2", currency="EUR")
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


def history(*commands: Any) -> list[OrderEvent]:
    """Return the events that the rules make of these commands."""
    events: list[OrderEvent] = []
    for command in commands:
        events += decide(command, reduce(evolve, events, Order()), Policy())
    return events


ONE_MUG, TWO_MUGS = (LineQuantity(line_id=1, quantity=units) for units in (1, 2))
THROW = LineQuantity(line_id=2, quantity=1)
LIFE = history(
    replace(
        CREATE,
        shipping=(c.NewShipping(name="Standard", price=Decimal("4.90"), tax_rate=Decimal(20)),),
        discounts=(c.NewDiscount(name="SPRING", amount=Decimal("2.50")),),
        shipping_address="1 High Street\nLeeds",
    ),
    c.AuthorisePayment(order_id=ORDER, amount=Decimal("27.40"), payment_method="card", payment_reference="pay_1"),
    c.CapturePayment(order_id=ORDER, payment_id=1),
    c.AddNote(order_id=ORDER, text="Ring twice", visible=True),
    c.AddNote(order_id=ORDER, text="Beware of the dog"),
    c.ShipLines(order_id=ORDER, lines=(TWO_MUGS,), carrier="DHL", tracking_code="JD01"),
    c.ShipLines(order_id=ORDER, lines=(THROW,), carrier="UPS", tracking_code="1Z02"),
    c.ConfirmDelivery(order_id=ORDER, shipment_id=1),
    c.RequestReturn(order_id=ORDER, lines=(ONE_MUG,), comment="Chipped"),
    c.ApproveReturn(order_id=ORDER, return_id=1),
    c.ReceiveReturn(order_id=ORDER, return_id=1, restocked=(ONE_MUG,)),
    c.RequestRefund(order_id=ORDER, reason="One mug came back", by="staff:anna"),
    c.ApproveRefund(order_id=ORDER, refund_id=1, by="staff:anna"),
    c.SettleRefund(order_id=ORDER, refund_id=1),
)
"""An order of 25.00 less 2.50, plus 4.90 for shipping. One of two mugs (15.00 less 1.50) is returned, for 6.75."""


def test_staff_see_an_order_from_placing_to_shipping() -> None:
    given(CREATED, PAID, SHIPPED).project("staff").then(
        StaffOrder,
        {
            "order_id": ORDER,
            "version": 3,
            "reference": "W-1",
            "status": "completed",
            "payment_status": "paid",
            "fulfilment_status": "fulfilled",
            "return_status": "none",
            "customer_id": BUYER,
            "total": Decimal("25.00"),
            "paid": Decimal("25.00"),
            "due": Decimal("0.00"),
            "due_back": Decimal(0),
            "line_count": 2,
            "units": 3,
            "payment_method": "card",
            "carrier": "DHL",
            "tracking_code": "JD01",
            "placed_at": AT,
            "paid_at": AT + HOUR,
            "shipped_at": AT + 2 * HOUR,
            "cancelled_at": None,
        },
    )


def test_staff_see_every_amount_and_status_of_an_order_with_all_its_events() -> None:
    given(*LIFE).project("staff").then(
        StaffOrder,
        {
            "version": 14,
            "status": "completed",
            "payment_status": "partially_refunded",
            "fulfilment_status": "fulfilled",
            "return_status": "partial",
            "total": Decimal("27.40"),
            "tax": Decimal("0.82"),
            "returned": Decimal("6.75"),
            "authorised": Decimal("27.40"),
            "paid": Decimal("27.40"),
            "refund_pending": Decimal(0),
            "refunded": Decimal("6.75"),
            "due": Decimal(0),
            "due_back": Decimal(0),
            "shipping_address": "1 High Street\nLeeds",
            "tracking_code": "1Z02",
        },
    )
    for word in ("jd01", "1z02", "pay_1"):
        assert StaffOrder.objects.filter(search__contains=word).exists(), word


def test_staff_see_what_is_owed_to_the_customer_of_a_cancelled_paid_order() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).project("staff").then(
        StaffOrder,
        {
            "status": "cancelled",
            "payment_status": "overcharged",
            "due": 0,
            "due_back": Decimal("25.00"),
            "cancel_reason": "Ordered twice",
        },
    )


def test_staff_find_an_order_by_its_id_number_customer_country_article_or_parcel() -> None:
    given(CREATED, PAID, SHIPPED).project("staff")
    for word in (str(ORDER), "w-1", "whitf", "ada@example.com", "kingdom", "mug", "thr", "jd01"):
        assert StaffOrder.objects.filter(search__contains=word).exists(), word


def test_a_charge_does_not_count_as_a_unit() -> None:
    postage = replace(CREATED.lines[1], line_id=3, sku="POST", kind=LineKind.CHARGE)
    given(replace(CREATED, lines=(*CREATED.lines, postage))).project("staff").then(
        StaffOrder, {"line_count": 3, "units": 3}
    )


def test_events_change_only_the_row_of_their_own_order() -> None:
    given(CREATED, GUEST, PAID, replace(CANCELLED, order_id=OTHER)).project("staff").then(
        StaffOrder,
        {"order_id": ORDER, "status": "open", "payment_status": "paid", "version": 2},
        {"order_id": OTHER, "status": "cancelled", "payment_status": "unpaid", "version": 2},
    )


def test_customers_see_their_order_with_all_its_parts_and_exact_amounts() -> None:
    projected = given(*LIFE).project("customer")
    projected.then(
        CustomerOrder,
        {"customer_id": BUYER, "status": "completed", "payment_status": "partially_refunded", "version": 14},
    )
    order = order_body(CustomerOrder.objects.get())
    assert (order["total"], order["refunded"], order["due"]) == ("27.40", "6.75", "0.00")
    assert order["lines"][0] == {
        "line_id": 1,
        "sku": "MUG",
        "name": "Mug",
        "kind": "goods",
        "quantity": 2,
        "unit_price": "7.5",
        "tax_rate": "0",
        "amount": "15.00",
        "discount": "0.00",
        "discount_terms": {"kind": "fixed", "amount": "0.00", "most": None},
        "discount_share": "1.50",
        "total": "13.50",
        "cancelled": 0,
        "shipped": 2,
        "returned": 1,
        "charged": "6.75",
        "net": "6.75",
        "tax": "0.00",
        "refunded": "6.75",
        "refund_pending": "0.00",
    }
    assert order["discounts"] == [
        {"name": "SPRING", "kind": "fixed", "amount": "2.50", "most": None, "taken_off": "2.50"}
    ]
    assert order["lines"][2]["tax"] == "0.82", "4.90 includes 20 per cent of tax"
    (payment,) = order["payments"]
    assert (payment["authorised"], payment["captured"], payment["failed"]) == ("27.40", "27.40", False)
    assert (payment["created_at"], payment["captured_at"]) == tuple(
        f"{AT + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}" for hours in (1, 2)
    )
    first, second = order["shipments"]
    assert (first["carrier"], first["lines"]) == ("DHL", [{"line_id": 1, "quantity": 2}])
    assert first["delivered_at"]
    assert second["delivered_at"] is None
    (refund,) = order["refunds"]
    assert (refund["status"], refund["amount"]) == ("settled", "6.75")
    assert [(line["line_id"], line["amount"], line["tax"]) for line in refund["lines"]] == [(1, "6.75", "0.00")]
    (back,) = order["returns"]
    assert (back["status"], back["outstanding"]) == ("received", [])


def test_customers_see_a_cancelled_order_and_what_they_get_back() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).project("customer").then(
        CustomerOrder,
        {"status": "cancelled", "due": 0, "due_back": Decimal("25.00"), "cancelled_at": AT + 2 * HOUR},
    )


def test_accountants_see_every_movement_on_the_shops_own_day() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).project("accounting").then(
        AccountingEntry,
        {"kind": EntryKind.SALE, "day": date(2011, 3, 30), "amount": Decimal("25.00")},
        {"kind": EntryKind.PAYMENT, "day": date(2011, 3, 30), "amount": Decimal("25.00"), "method": "card"},
        {"kind": EntryKind.CANCELLATION, "day": date(2011, 3, 31), "amount": Decimal("25.00")},
        {"kind": EntryKind.DUE_BACK, "day": date(2011, 3, 31), "amount": Decimal("25.00")},
    ).then(
        AccountingDay,
        {
            "key": "2011-03-30/GBP",
            "orders": 1,
            "sales": Decimal("25.00"),
            "payments": Decimal("25.00"),
            "cancellations": 0,
            "due_back": 0,
        },
        {
            "key": "2011-03-31/GBP",
            "orders": 0,
            "sales": 0,
            "payments": 0,
            "cancellations": Decimal("25.00"),
            "due_back": Decimal("25.00"),
        },
    ).then(AccountingOrder, {"total": Decimal("25.00"), "cancelled": Decimal("25.00"), "balance": Decimal("-25.00")})


def test_accountants_see_the_amount_of_a_return_as_due_back_until_it_is_refunded() -> None:
    returned, refunded = Decimal("6.75"), Decimal("27.40")
    projected = given(*LIFE).project("accounting")
    projected.then(
        AccountingEntry,
        {"kind": EntryKind.SALE, "amount": refunded},
        {"kind": EntryKind.PAYMENT, "amount": refunded, "method": "card"},
        {"kind": EntryKind.DUE_BACK, "amount": returned},
        {"kind": EntryKind.RETURN, "amount": returned},
        {"kind": EntryKind.DUE_BACK, "amount": -returned},
        {"kind": EntryKind.REFUND, "amount": returned},
    ).then(AccountingOrder, {"payment_status": "partially_refunded", "returned": returned, "balance": 0, "due_back": 0})
    assert all(invariant.holds for invariant in projected.projection.invariants())


def test_accountants_see_a_bad_debt() -> None:
    given(*history(CREATE, c.WriteOff(order_id=ORDER, reason="Bankrupt"))).project("accounting").then(
        AccountingOrder, {"payment_status": "written_off", "written_off": Decimal("25.00"), "due": 0, "balance": 0}
    )
    assert [EntryKind(each.kind) for each in AccountingEntry.objects.order_by("pk")] == ["sale", "write_off"]


def test_a_bad_debt_that_is_paid_later_is_reversed_in_the_journal() -> None:
    events = history(
        CREATE,
        c.WriteOff(order_id=ORDER, reason="Bankrupt"),
        c.AuthorisePayment(order_id=ORDER, amount=Decimal("25.00"), payment_method="transfer"),
        c.CapturePayment(order_id=ORDER, payment_id=1),
    )
    given(*events).project("accounting").then(
        AccountingEntry,
        {"kind": EntryKind.SALE, "amount": Decimal("25.00")},
        {"kind": EntryKind.WRITE_OFF, "amount": Decimal("25.00")},
        {"kind": EntryKind.PAYMENT, "amount": Decimal("25.00")},
        {"kind": EntryKind.WRITE_OFF, "amount": Decimal("-25.00")},
    ).then(AccountingOrder, {"payment_status": "paid", "written_off": 0})


def test_a_restored_order_is_open_again_for_staff_and_for_its_customer() -> None:
    past = given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT)
    restored = {"status": "open", "payment_status": "paid", "due": 0, "due_back": 0, "cancelled_at": None, "version": 4}
    past.project("staff").then(StaffOrder, restored | {"cancel_reason": ""})
    past.project("customer").then(CustomerOrder, restored)


def test_an_order_cancelled_twice_shows_the_time_of_the_last_cancellation() -> None:
    again = replace(CANCELLED, reason="Cancelled for good")
    past = given(CREATED, CANCELLED, RESTORED, again)
    cancelled = {"status": "cancelled", "due": 0, "cancelled_at": AT + 3 * HOUR}
    past.project("staff").then(StaffOrder, cancelled | {"cancel_reason": "Cancelled for good"})
    past.project("customer").then(CustomerOrder, cancelled)


def test_a_restoration_reverses_the_cancellation_and_changes_no_earlier_entry() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT).project("accounting").then(
        AccountingEntry,
        {"kind": EntryKind.SALE, "amount": Decimal("25.00")},
        {"kind": EntryKind.PAYMENT, "amount": Decimal("25.00")},
        {"kind": EntryKind.CANCELLATION, "amount": Decimal("25.00")},
        {"kind": EntryKind.DUE_BACK, "amount": Decimal("25.00")},
        {"kind": EntryKind.CANCELLATION, "amount": Decimal("-25.00")},
        {"kind": EntryKind.DUE_BACK, "amount": Decimal("-25.00")},
    ).then(AccountingOrder, {"total": Decimal("25.00"), "cancelled": 0, "balance": 0, "version": 4}).then(
        AccountingDay,
        {"sales": Decimal("25.00"), "payments": Decimal("25.00"), "cancellations": 0, "due_back": 0},
        {"sales": 0, "payments": 0, "cancellations": 0, "due_back": 0},
    )


def test_each_day_and_currency_has_a_sum_of_its_own() -> None:
    second = replace(CREATED, order_id=UUID(int=3))
    given(CREATED, second, GUEST).project("accounting").then(
        AccountingDay,
        {"key": "2011-03-30/GBP", "orders": 2, "sales": Decimal("50.00")},
        {"key": "2011-03-31/EUR", "orders": 1, "sales": Decimal("25.00")},
    )


def test_shipping_moves_no_money() -> None:
    given(CREATED, PAID, SHIPPED).project("accounting").then(
        AccountingOrder, {"paid": Decimal("25.00"), "balance": 0, "fulfilment_status": "fulfilled", "version": 3}
    )
    assert AccountingEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (CREATED, "Order placed: 2 lines for 25.00 GBP"),
        (LIFE[0], "Order placed: 3 lines for 27.40 GBP, 2.50 GBP of discount taken off"),
        (PAID, "Paid 25.00 GBP by card"),
        (LIFE[1], "Payment 1: 27.40 GBP promised by card"),
        (LIFE[2], "Payment 1: 27.40 GBP captured by card"),
        (LIFE[5], "Parcel 1 shipped with DHL, tracking code JD01: 2 of line 1"),
        (LIFE[8], "Return 1 requested: 1 of line 1, other, “Chipped”"),
        (LIFE[10], "Return 1 received: 1 of line 1 to sell again; 6.75 GBP to be paid back"),
        (SHIPPED, "Shipped with DHL, tracking code JD01"),
        (replace(SHIPPED, carrier="", tracking_code=""), "Shipped"),
        (CORRECTED, "Parcel 1 is tracked by DHL JD02, not by DHL JD01"),
        (replace(CORRECTED, carrier="", tracking_code=""), "Parcel 1 is tracked by no code, not by DHL JD01"),
        (CANCELLED, "Cancelled: Ordered twice"),
        (RESTORED, "Restored to version 1, open: Cancelled by mistake"),
        (CANCELLED_AFTER_PAYMENT, "Cancelled: Ordered twice; 25.00 GBP to be paid back"),
    ],
    ids=lambda value: codec.type_of(value).name if not isinstance(value, str) else "",
)
def test_the_timeline_describes_an_event_in_words(event: OrderEvent, words: str) -> None:
    assert describe(event).staff == words


def test_a_corrected_tracking_code_is_told_to_the_customer_shown_and_searched() -> None:
    told = "We corrected the tracking of parcel 1. It goes with DHL. Its tracking code is JD02."
    assert describe(CORRECTED).for_customer == told
    past = given(CREATED, PAID, SHIPPED, CORRECTED)
    past.project("staff").then(StaffOrder, {"carrier": "DHL", "tracking_code": "JD02"})
    search = StaffOrder.objects.get().search
    assert ("jd02" in search, "jd01" in search) == (True, False)
    past.project("customer")
    (parcel,) = order_body(CustomerOrder.objects.get())["shipments"]
    assert (parcel["carrier"], parcel["tracking_code"]) == ("DHL", "JD02")


def test_the_customers_timeline_leaves_out_internal_notes() -> None:
    assert [describe(event).for_customer for event in LIFE] == [
        "You ordered 3 lines for 27.40 GBP.",
        "You promised to pay 27.40 GBP by card.",
        "We received 27.40 GBP by card.",
        "We noted: Ring twice",
        None,
        "We sent parcel 1. It goes with DHL. Its tracking code is JD01.",
        "We sent parcel 2. It goes with UPS. Its tracking code is 1Z02.",
        "Parcel 1 was delivered.",
        "You asked to send goods back.",
        "You may send the goods back.",
        "We received what you sent back. You get 6.75 GBP back.",
        "A refund of 6.75 GBP was requested.",
        "A refund of 6.75 GBP is on its way to you.",
        "We gave back 6.75 GBP.",
    ]
