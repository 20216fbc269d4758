"""WooCommerce's exports with a row for each item: each order is one history that adds up to the file's own sums."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eventstore import store
from eventstore.models import Event
from projections.staff.orders import StaffOrder
from tests.support.importing import quarantined, run, statuses
from tests.support.importing_files import write_text

pytestmark = pytest.mark.django_db(transaction=True)

HEAD: dict[str, Any] = {
    "order_id": "188",
    "order_number": "188",
    "order_date": "2016-09-15 03:17:47",
    "paid_date": "2016-09-15 03:20:00",
    "completed_date": "2016-09-16 12:00:00",
    "status": "completed",
    "shipping_total": "5.00",
    "shipping_tax_total": "1.00",
    "fee_total": "2.00",
    "fee_tax_total": "0.40",
    "tax_total": "6.20",
    "discount_total": "1.00",
    "order_total": "37.20",
    "refunded_total": "0.00",
    "order_currency": "USD",
    "payment_method": "stripe",
    "transaction_id": "t1",
    "shipping_method": "Flat rate",
    "customer_id": "7",
    "billing_first_name": "Ann",
    "billing_last_name": "Lee",
    "billing_email": "ann@example.com",
    "billing_country": "US",
    "shipping_first_name": "Ann",
    "shipping_last_name": "Lee",
    "shipping_address_1": "1 Main St",
    "shipping_postcode": "87104",
    "shipping_city": "Albuquerque",
    "shipping_country": "US",
    "customer_note": "",
}
MUGS = {
    "item_product_id": "11",
    "item_name": "Mug",
    "item_sku": "MUG",
    "item_quantity": "3",
    "item_subtotal": "20.00",
    "item_total": "20.00",
    "item_total_tax": "4.00",
}
POT = {
    "item_product_id": "12",
    "item_name": "Pot",
    "item_sku": "",
    "item_quantity": "1",
    "item_subtotal": "5.00",
    "item_total": "4.00",
    "item_total_tax": "0.80",
}
COLUMNS = [*HEAD, *MUGS]


def order(head: dict[str, str], *items: dict[str, str]) -> list[list[Any]]:
    """The rows of an order: what it states once stands in each of them."""
    return [list((HEAD | head | item).values()) for item in items or (MUGS, POT)]


def imported(path: Path, *orders: list[list[Any]]) -> dict[str, Any]:
    return run(write_text(path / "orders.csv", [row for rows in orders for row in rows], head=COLUMNS))


def test_an_order_has_the_prices_taxes_discounts_and_dates_of_the_file(tmp_path: Path) -> None:
    report = imported(tmp_path, order({}))
    assert (report["layout"], report["lines_imported"], report["orders"]) == ("woocommerce", 2, 1)
    found = StaffOrder.objects.get()
    assert (found.reference, found.total, found.currency) == ("188", Decimal("37.20"), "USD")
    assert (found.state.tax, found.state.prices_include_tax) == (Decimal("6.20"), False)
    assert [(each.sku, each.quantity, str(each.total), str(each.tax_rate)) for each in found.lines] == [
        ("MUG", 3, "24.00", "20"),
        ("12", 1, "4.80", "20"),
        ("FEE", 1, "2.40", "20"),
        ("SHIPPING", 1, "6.00", "20"),
    ]
    assert found.lines[1].discount == 1
    assert statuses(found)[:3] == ("completed", "paid", "fulfilled")
    facts = store.read_stream(found.order_id)
    assert [fact.occurred_at.strftime("%d %H:%M") for fact in facts] == ["15 03:17", "15 03:20", "16 12:00"]
    assert report["files"][0]["columns_not_read"] == ["discount_total", "customer_note"]
    events = Event.objects.count()
    assert imported(tmp_path, order({}))["commands_repeated"] == 3
    assert Event.objects.count() == events, "a second import adds nothing"


NO_DATES = {"paid_date": "", "completed_date": ""}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"status": "pending"} | NO_DATES, ("open", "unpaid", "unfulfilled")),
        ({"status": "wc-failed"} | NO_DATES, ("open", "unpaid", "unfulfilled")),
        ({"status": "on-hold"} | NO_DATES, ("on_hold", "unpaid", "unfulfilled")),
        ({"status": "processing"} | NO_DATES, ("open", "paid", "unfulfilled")),
        ({"status": "processing", "payment_method": "cod"} | NO_DATES, ("open", "unpaid", "unfulfilled")),
        ({"status": "completed"} | NO_DATES, ("completed", "paid", "fulfilled")),
        ({"status": "cancelled"} | NO_DATES, ("cancelled", "unpaid", "none")),
        ({"status": "refunded", "refunded_total": "37.20"} | NO_DATES, ("open", "refunded", "unfulfilled")),
        ({"status": "refunded", "refunded_total": ""} | NO_DATES, ("open", "refunded", "unfulfilled")),
        ({"refunded_total": "4.80"}, ("completed", "partially_refunded", "fulfilled")),
    ],
)
def test_orders_become_what_they_are(tmp_path: Path, head: dict[str, str], expected: tuple[str, ...]) -> None:
    imported(tmp_path, order(head))
    assert statuses(StaffOrder.objects.get())[:3] == expected


@pytest.mark.parametrize(
    ("head", "items", "reason"),
    [
        ({"order_total": "37.21"}, (), "37.21 USD in the file and 37.20 USD from its rows: a difference of 0.01"),
        ({"tax_total": "6.19"}, (), "6.19 USD in the file and 6.20 USD from its rows: a difference of 0.01"),
        ({"status": "lost"}, (), "the status 'lost' is not known"),
        ({"status": "refunded", "refunded_total": "5.00"}, (), "the refunded_total is 5.00 USD of 37.20"),
        ({"fee_total": "-2.00"}, (), "fee_total is below zero"),
        ({}, (MUGS, POT | {"item_total": "6.00"}), "more than its subtotal"),
        ({}, (MUGS, POT | {"item_quantity": "0.5"}), "the quantity is not a whole number of units"),
        ({"order_currency": "??"}, (), "is not an ISO 4217 currency"),
        ({}, (MUGS,), "a difference of 4.80"),
    ],
)
def test_an_order_that_does_not_add_up_waits_whole(
    tmp_path: Path, head: dict[str, str], items: tuple[dict[str, str], ...], reason: str
) -> None:
    other = order({"order_id": "2", "order_number": "2"})
    report = imported(tmp_path, order(head, *items), other)
    assert (report["lines_quarantined"], report["orders"]) == (len(items) or 2, 1)
    assert any(reason in row["reason"] for row in quarantined(tmp_path / "quarantine.csv")), report["quarantine"]
    assert StaffOrder.objects.get().reference == "2"


def test_a_mended_quarantine_file_is_imported_as_it_is(tmp_path: Path) -> None:
    imported(tmp_path, order({"order_total": "38.20"}))
    mended = tmp_path / "mended.csv"
    mended.write_text((tmp_path / "quarantine.csv").read_text().replace("38.20", "37.20"))
    report = run(mended)
    assert (report["lines_imported"], report["lines_quarantined"], report["orders"]) == (2, 0, 1)
