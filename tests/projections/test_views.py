"""What each audience sees of the same events."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from eventstore import codec
from orders.events import LineKind, OrderLine
from projections.accounting.books import AccountingDay, AccountingEntry, AccountingOrder, EntryKind
from projections.customer.orders import CustomerOrder
from projections.shared import Status
from projections.staff.orders import StaffOrder, in_words
from tests.orders.examples import (
    BUYER,
    CANCELLED,
    CANCELLED_AFTER_PAYMENT,
    CREATED,
    ORDER,
    PAID,
    RESTORED,
    RESTORED_AFTER_PAYMENT,
    SHIPPED,
)
from tests.projections.clock import AT
from tests.projections.spec import given

OTHER = UUID(int=9)
GUEST = replace(CREATED, order_id=OTHER, customer_id=None, customer_name="", reference="W-2", currency="EUR")
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


def test_staff_see_an_order_from_placing_to_shipping() -> None:
    given(CREATED, PAID, SHIPPED).project("staff").then(
        StaffOrder,
        {
            "order_id": ORDER,
            "version": 3,
            "reference": "W-1",
            "status": Status.SHIPPED,
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


def test_staff_see_what_is_owed_to_the_customer_of_a_cancelled_paid_order() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).project("staff").then(
        StaffOrder,
        {"status": Status.CANCELLED, "due": 0, "due_back": Decimal("25.00"), "cancel_reason": "Ordered twice"},
    )


def test_staff_find_an_order_by_everything_it_is_looked_for_by() -> None:
    given(CREATED, PAID, SHIPPED).project("staff")
    for word in (str(ORDER), "w-1", "whitf", "ada@example.com", "kingdom", "mug", "thr", "jd01"):
        assert StaffOrder.objects.filter(search__contains=word).exists(), word


def test_a_charge_is_no_unit_of_goods() -> None:
    postage = OrderLine(
        line_id=1,
        sku="POST",
        name="Postage",
        quantity=1,
        unit_price=Decimal(4),
        amount=Decimal("4.00"),
        kind=LineKind.CHARGE,
    )
    given(replace(CREATED, lines=(*CREATED.lines, postage))).project("staff").then(
        StaffOrder, {"line_count": 3, "units": 3}
    )


def test_orders_do_not_mix() -> None:
    given(CREATED, GUEST, PAID, replace(CANCELLED, order_id=OTHER)).project("staff").then(
        StaffOrder,
        {"order_id": ORDER, "status": Status.PAID, "version": 2},
        {"order_id": OTHER, "status": Status.CANCELLED, "version": 2},
    )


def test_customers_see_their_order_with_its_lines_and_amounts_as_exact_text() -> None:
    line = {
        "line_id": 1,
        "sku": "MUG",
        "name": "Mug",
        "quantity": 2,
        "unit_price": "7.50",
        "amount": "15.00",
        "kind": "goods",
    }
    projected = given(CREATED, PAID, SHIPPED).project("customer")
    projected.then(
        CustomerOrder,
        {"customer_id": BUYER, "status": Status.SHIPPED, "version": 3, "due": 0, "tracking_code": "JD01"},
    )
    assert CustomerOrder.objects.get().lines[0] == line


def test_customers_see_a_cancelled_order_and_what_they_get_back() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).project("customer").then(
        CustomerOrder,
        {"status": Status.CANCELLED, "due": 0, "due_back": Decimal("25.00"), "cancelled_at": AT + 2 * HOUR},
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
    ).then(AccountingOrder, {"sold": Decimal("25.00"), "cancelled": Decimal("25.00"), "balance": Decimal("-25.00")})


def test_a_restored_order_shows_what_it_was_to_staff_and_to_its_customer() -> None:
    history = given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT)
    restored = {"status": Status.PAID, "due": 0, "due_back": 0, "cancelled_at": None, "version": 4}
    history.project("staff").then(StaffOrder, restored | {"cancel_reason": ""})
    history.project("customer").then(CustomerOrder, restored)


def test_an_order_cancelled_restored_and_cancelled_again_is_cancelled_as_of_the_last_time() -> None:
    again = replace(RESTORED, version=2, status="cancelled", sold_again=Decimal("-25.00"), due=Decimal(0))
    history = given(CREATED, CANCELLED, RESTORED, again)
    cancelled = {"status": Status.CANCELLED, "due": 0, "cancelled_at": AT + 3 * HOUR}
    history.project("staff").then(StaffOrder, cancelled | {"cancel_reason": "Cancelled by mistake"})
    history.project("customer").then(CustomerOrder, cancelled)


def test_a_restoration_reverses_the_cancellation_in_the_books_and_rewrites_none() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT).project("accounting").then(
        AccountingEntry,
        {"kind": EntryKind.SALE, "amount": Decimal("25.00")},
        {"kind": EntryKind.PAYMENT, "amount": Decimal("25.00")},
        {"kind": EntryKind.CANCELLATION, "amount": Decimal("25.00")},
        {"kind": EntryKind.DUE_BACK, "amount": Decimal("25.00")},
        {"kind": EntryKind.CANCELLATION, "amount": Decimal("-25.00")},
        {"kind": EntryKind.DUE_BACK, "amount": Decimal("-25.00")},
    ).then(AccountingOrder, {"sold": Decimal("25.00"), "cancelled": 0, "balance": 0, "version": 4}).then(
        AccountingDay,
        {"sales": Decimal("25.00"), "payments": Decimal("25.00"), "cancellations": 0, "due_back": 0},
        {"sales": 0, "payments": 0, "cancellations": 0, "due_back": 0},
    )


def test_a_day_keeps_each_currency_apart_and_adds_up_its_orders() -> None:
    second = replace(CREATED, order_id=UUID(int=3))
    given(CREATED, second, GUEST).project("accounting").then(
        AccountingDay,
        {"key": "2011-03-30/GBP", "orders": 2, "sales": Decimal("50.00")},
        {"key": "2011-03-31/EUR", "orders": 1, "sales": Decimal("25.00")},
    )


def test_shipping_moves_no_money() -> None:
    given(CREATED, PAID, SHIPPED).project("accounting").then(
        AccountingOrder, {"paid": Decimal("25.00"), "balance": 0, "version": 2}
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (CREATED, "Order placed: 2 lines for 25.00 GBP"),
        (PAID, "Paid 25.00 GBP by card"),
        (SHIPPED, "Shipped with DHL, tracking code JD01"),
        (replace(SHIPPED, carrier="", tracking_code=""), "Shipped"),
        (CANCELLED, "Cancelled: Ordered twice"),
        (RESTORED, "Restored to version 1, created: Cancelled by mistake"),
        (CANCELLED_AFTER_PAYMENT, "Cancelled: Ordered twice; 25.00 GBP to be paid back"),
    ],
    ids=lambda value: codec.type_of(value).name if not isinstance(value, str) else "",
)
def test_the_timeline_speaks_in_words(event: object, words: str) -> None:
    assert in_words(event) == words  # type: ignore[arg-type]  # parametrised over the union
