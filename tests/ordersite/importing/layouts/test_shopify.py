"""Shopify's export of orders: each order is one history that adds up to the file's own sums."""

from datetime import UTC
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

COLUMNS = [
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    "Billing Name",
    "Billing Street",
    "Billing Address1",
    "Billing Zip",
    "Billing City",
    "Billing Country",
    "Shipping Name",
    "Shipping Address1",
    "Shipping Zip",
    "Shipping City",
    "Shipping Country",
    "Notes",
    "Cancelled at",
    "Payment Method",
    "Payment Reference",
    "Refunded Amount",
    "Vendor",
    "Outstanding Balance",
    "Id",
    "Tags",
    "Lineitem discount",
    "Tax 1 Name",
    "Tax 1 Value",
    "Tax 2 Name",
    "Tax 2 Value",
    "Duties",
]
CREATED, PAID, SENT = "2024-05-14 10:22:31 +0100", "2024-05-14 10:23:00 +0100", "2024-05-16 09:00:00 +0100"
HEAD: dict[str, Any] = {
    "Email": "Jane@Example.com",
    "Financial Status": "paid",
    "Paid at": PAID,
    "Fulfillment Status": "fulfilled",
    "Fulfilled at": SENT,
    "Currency": "GBP",
    "Shipping Method": "Standard",
    "Created at": CREATED,
    "Billing Name": "Jane Doe",
    "Billing Country": "GB",
    "Shipping Name": "Jane Doe",
    "Shipping Address1": "1 High Street",
    "Shipping Zip": "AB1 2CD",
    "Shipping City": "Leeds",
    "Shipping Country": "GB",
    "Payment Method": "Shopify Payments",
    "Payment Reference": "r1",
    "Refunded Amount": "0.00",
    "Outstanding Balance": "0.00",
}
FREE = {"Subtotal": "30.00", "Shipping": "5.00", "Taxes": "0.00", "Total": "35.00", "Discount Amount": "0.00"}


def line(sku: str, price: str, *, quantity: object = 1, **values: Any) -> dict[str, Any]:
    return {
        "Lineitem sku": sku,
        "Lineitem name": f"The {sku}",
        "Lineitem price": price,
        "Lineitem quantity": quantity,
        "Lineitem requires shipping": "true",
        "Lineitem taxable": "true",
        "Lineitem discount": "0.00",
    } | values


MUGS, POT = line("MUG", "10.00", quantity=2), line("POT", "10.00")


def order(name: str, head: dict[str, Any], *lines: dict[str, Any]) -> list[list[Any]]:
    """The rows of an order: what it states once stands in the first."""
    lines = lines or (MUGS, POT)
    first = {"Name": name, "Id": f"9{name[1:]}"} | HEAD | head
    rows = [first | lines[0]]
    rows += [{column: first[column] for column in ("Name", "Email", "Created at")} | each for each in lines[1:]]
    return [[row.get(column, "") for column in COLUMNS] for row in rows]


def imported(path: Path, *orders: list[list[Any]]) -> dict[str, Any]:
    return run(write_text(path / "orders_export.csv", [row for rows in orders for row in rows], head=COLUMNS))


def test_an_order_is_read_from_its_rows_with_its_own_dates(tmp_path: Path) -> None:
    report = imported(tmp_path, order("#1001", FREE))
    assert (report["layout"], report["lines_imported"], report["orders"]) == ("shopify", 2, 1)
    found = StaffOrder.objects.get()
    assert (found.reference, found.total, found.currency, found.country) == ("#1001", Decimal("35.00"), "GBP", "GB")
    assert (found.customer_name, found.customer_email) == ("Jane Doe", "Jane@Example.com")
    assert found.shipping_address == "Jane Doe\n1 High Street\nAB1 2CD Leeds\nGB"
    assert [(each.sku, each.quantity, int(each.total)) for each in found.lines] == [
        ("MUG", 2, 20),
        ("POT", 1, 10),
        ("SHIPPING", 1, 5),
    ]
    assert statuses(found)[:3] == ("completed", "paid", "fulfilled")
    facts = store.read_stream(found.order_id)
    assert [fact.occurred_at.astimezone(UTC).strftime("%d %H:%M") for fact in facts] == [
        "14 09:22",
        "14 09:23",
        "16 08:00",
    ]
    assert not any("synthetic" in fact.metadata.extra for fact in facts), "all dates are the file's own"
    unread = report["files"][0]["columns_not_read"]
    assert set(unread) == {
        "Accepts Marketing",
        "Lineitem compare at price",
        "Billing Street",
        "Notes",
        "Vendor",
        "Tags",
    }


@pytest.mark.parametrize(
    ("head", "lines", "expected"),
    [
        ({"Taxes": "5.83", "Tax 1 Name": "VAT 20%", "Tax 1 Value": "5.83"}, (), (True, "5.83", "20")),
        ({"Taxes": "5.00", "Tax 1 Name": "VAT 20%", "Tax 1 Value": "5.00"}, (), (True, "5.00", "20")),
        (
            {"Taxes": "6.00", "Total": "41.00", "Tax 1 Name": "VAT 20%", "Tax 1 Value": "6.00"},
            (),
            (False, "6.00", "20"),
        ),
        (
            {"Taxes": "2.67", "Total": "37.67", "Tax 1 Name": "NY State Tax 4%", "Tax 1 Value": "1.20"}
            | {"Tax 2 Name": "NYC City Tax 4.875%", "Tax 2 Value": "1.47"},
            (),
            (False, "2.67", "8.875"),
        ),
        ({"Taxes": "2.00", "Total": "37.00"}, (MUGS, POT | {"Lineitem taxable": "false"}), (False, "2.00", "10")),
        (
            {"Taxes": "3.01", "Total": "38.01", "Tax 1 Name": "GST 10%", "Tax 1 Value": "3.01"},
            (),
            (False, "3.01", None),
        ),
    ],
)
def test_tax_is_included_or_added_as_the_sums_show(
    tmp_path: Path, head: dict[str, str], lines: tuple[dict[str, Any], ...], expected: tuple[bool, str, str | None]
) -> None:
    imported(tmp_path, order("#1", FREE | head, *lines))
    found = StaffOrder.objects.get()
    is_included, tax, rate = expected
    assert (found.state.prices_include_tax, found.state.tax) == (is_included, Decimal(tax))
    assert found.total == Decimal(head.get("Total", "35.00"))
    if rate:
        assert found.lines[0].tax_rate == Decimal(rate)
    assert "tax rates found" in store.read_stream(found.order_id)[0].metadata.extra["synthetic"]


@pytest.mark.parametrize(
    ("head", "lines", "shares"),
    [
        ({"Subtotal": "27.00", "Total": "32.00", "Discount Code": "TEN", "Discount Amount": "3.00"}, (), [18, 9, 5]),
        (
            {"Subtotal": "28.00", "Total": "33.00", "Discount Amount": "2.00"},
            (MUGS | {"Lineitem discount": "2.00"}, POT),
            [18, 10, 5],
        ),
        ({"Total": "30.00", "Discount Code": "FREESHIP", "Discount Amount": "5.00"}, (), [20, 10, 0]),
        (
            {"Shipping": "0.00", "Total": "30.00", "Discount Code": "FREESHIP", "Discount Amount": "5.00"},
            (),
            [20, 10, 0],
        ),
    ],
)
def test_discounts_are_of_a_line_of_the_order_or_of_shipping(
    tmp_path: Path, head: dict[str, str], lines: tuple[dict[str, Any], ...], shares: list[int]
) -> None:
    imported(tmp_path, order("#1", FREE | head, *lines))
    found = StaffOrder.objects.get()
    assert [each.total for each in found.lines] == shares
    assert found.total == Decimal(head["Total"])


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"Financial Status": "pending", "Paid at": "", "Fulfillment Status": "unfulfilled"}, ("open", "unpaid")),
        ({"Financial Status": "authorized", "Paid at": "", "Fulfillment Status": ""}, ("open", "authorised")),
        (
            {"Financial Status": "partially_paid", "Outstanding Balance": "5.00", "Fulfillment Status": ""},
            ("open", "partially_paid"),
        ),
        ({"Financial Status": "refunded", "Refunded Amount": "35.00"}, ("completed", "refunded")),
        ({"Financial Status": "partially_refunded", "Refunded Amount": "7.00"}, ("completed", "partially_refunded")),
        (
            {"Financial Status": "voided", "Paid at": "", "Fulfillment Status": "", "Cancelled at": SENT},
            ("cancelled", "voided"),
        ),
        (
            {
                "Financial Status": "refunded",
                "Refunded Amount": "35.00",
                "Fulfillment Status": "",
                "Cancelled at": SENT,
            },
            ("cancelled", "refunded"),
        ),
    ],
)
def test_orders_become_what_they_are(tmp_path: Path, head: dict[str, str], expected: tuple[str, str]) -> None:
    report = imported(tmp_path, order("#1", FREE | head))
    found = StaffOrder.objects.get()
    assert statuses(found)[:2] == expected
    assert found.refunded == Decimal(head.get("Refunded Amount", "0"))
    assert Decimal(report["totals"]["GBP"]["refunded"]) == found.refunded
    assert Decimal(report["totals"]["GBP"]["owed_back"]) == found.due_back == 0


def test_only_the_shipped_lines_of_a_partial_order_are_shipped(tmp_path: Path) -> None:
    lines = [MUGS | {"Lineitem fulfillment status": "fulfilled"}, POT | {"Lineitem fulfillment status": "pending"}]
    imported(tmp_path, order("#1", FREE | {"Fulfillment Status": "partial"}, *lines))
    found = StaffOrder.objects.get()
    assert ([each.shipped for each in found.lines], found.fulfilment_status) == ([2, 0, 0], "partial")


@pytest.mark.parametrize(
    ("head", "lines", "reason"),
    [
        ({"Total": "35.01"}, (), "add up to 35.00, or to 35.00 with taxes included: a difference of 0.01"),
        ({"Subtotal": "29.99", "Total": "34.99"}, (), "before a discount of at most 0.00: a difference of 0.01"),
        ({"Subtotal": "30.01", "Total": "35.01"}, (), "a difference of 0.01"),
        ({"Taxes": "6.00", "Total": "42.00"}, (), "a difference of 1.00"),
        ({"Currency": "POUNDS"}, (), "not an ISO 4217 currency"),
        ({"Total": ""}, (), "is its first row missing?"),
        ({"Financial Status": "paid?"}, (), "the Financial Status 'paid?' is not known"),
        ({"Financial Status": "pending", "Paid at": ""}, (), "paid"),
        ({"Financial Status": "refunded"}, (), "the Refunded Amount is 0.00 GBP"),
        ({"Outstanding Balance": "1.00"}, (), "the Outstanding Balance is 1.00 GBP"),
        ({}, (MUGS, POT | {"Lineitem quantity": "1.5"}), "the quantity is not a whole number of units"),
        ({}, (MUGS, POT | {"Total": "36.00"}), "its rows do not agree about Total"),
    ],
)
def test_an_order_that_does_not_add_up_waits_whole(
    tmp_path: Path, head: dict[str, str], lines: tuple[dict[str, Any], ...], reason: str
) -> None:
    report = imported(tmp_path, order("#1", FREE | head, *lines), order("#2", FREE))
    assert (report["lines_quarantined"], report["orders"]) == (2, 1)
    assert any(reason in row["reason"] for row in quarantined(tmp_path / "quarantine.csv")), report["quarantine"]
    assert StaffOrder.objects.get().reference == "#2"


def test_a_later_export_adds_what_happened_since(tmp_path: Path) -> None:
    pending = FREE | {
        "Financial Status": "pending",
        "Paid at": "",
        "Fulfillment Status": "unfulfilled",
        "Fulfilled at": "",
    }
    imported(tmp_path, order("#1", pending))
    assert imported(tmp_path, order("#1", pending))["commands_repeated"] == 1
    report = imported(tmp_path, order("#1", FREE))
    assert (report["commands"], report["commands_repeated"], report["orders_added"]) == (3, 1, 0)
    assert statuses(StaffOrder.objects.get())[:3] == ("completed", "paid", "fulfilled")
    events = Event.objects.count()
    changed = imported(
        tmp_path, order("#1", FREE | {"Subtotal": "40.00", "Total": "45.00"}, MUGS | {"Lineitem quantity": 3}, POT)
    )
    assert (changed["lines_quarantined"], Event.objects.count()) == (2, events), "what was imported never changes"


def test_exports_that_overlap_are_one_history_in_several_currencies(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    euros = FREE | {"Currency": "EUR", "Created at": "2024-05-01 10:00:00 +0000", "Email": ""}
    write_text(folder / "may.csv", [*order("#2", FREE), *order("#1", euros)], head=COLUMNS)
    write_text(folder / "june.csv", [*order("#3", FREE), *order("#2", FREE)], head=COLUMNS)
    write_text(folder / "july.csv", order("#3", FREE | {"Outstanding Balance": "0"}), head=COLUMNS)
    report = run(folder)
    assert (report["lines_imported"], report["orders"]) == (4, 2)
    assert report["not_read"] == {"the same order as in another file": 2}
    assert report["quarantine"] == {"files contradict each other about this order": 4}
    assert {name: sums["sold"] for name, sums in report["totals"].items()} == {"EUR": "35.00", "GBP": "35.00"}
    assert StaffOrder.objects.get(reference="#1").customer_id is None, "without an email the buyer is a guest"


def test_a_mended_quarantine_file_is_imported_as_it_is(tmp_path: Path) -> None:
    imported(tmp_path, order("#1", FREE | {"Total": "36.00"}))
    mended = tmp_path / "mended.csv"
    mended.write_text((tmp_path / "quarantine.csv").read_text().replace("36.00", "35.00"))
    report = run(mended)
    assert (report["lines_imported"], report["lines_quarantined"], report["orders"]) == (2, 0, 1)
