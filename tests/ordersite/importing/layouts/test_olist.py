"""Olist's tables: each order is one history, joined from its rows in all tables."""

from collections.abc import Callable, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from eventstore import store
from eventstore.models import Event
from ordersite.importing.layouts.olist import CANCELLED_RULE
from projections.staff.orders import StaffOrder
from tests.support.importing import quarantined, run, statuses
from tests.support.importing_files import invoice, write_text

pytestmark = pytest.mark.django_db(transaction=True)

HEADS = {
    "orders": "order_id customer_id order_status order_purchase_timestamp order_approved_at"
    " order_delivered_carrier_date order_delivered_customer_date order_estimated_delivery_date",
    "order_items": "order_id order_item_id product_id seller_id shipping_limit_date price freight_value",
    "order_payments": "order_id payment_sequential payment_type payment_installments payment_value",
    "customers": "customer_id customer_unique_id customer_zip_code_prefix customer_city customer_state",
    "products": "product_id product_category_name product_name_lenght product_weight_g",
}
BOUGHT, PAID, SENT, ARRIVED = "2017-10-02 10:56:33", "2017-10-02 11:07:15", "2017-10-04 19:55:00", "2017-10-10 21:25:13"
DELIVERED = ("delivered", BOUGHT, PAID, SENT, ARRIVED)

Tables = dict[str, list[list[Any]]]


def tables_of(*orders: tuple[str, Sequence[str]]) -> Tables:
    """Each order has two items of 20 and freights of 5 and 1, paid by card; its customer bought before."""
    tables: Tables = {name: [] for name in HEADS}
    tables["products"] = [["p1", "cama_mesa_banho", "40", "300"], ["p2", "", "", "10"]]
    for number, (status, *moments) in orders:
        tables["orders"].append([number, f"c-{number}", status, *moments, "2017-10-18 00:00:00"])
        tables["order_items"].append([number, "1", "p1", "s1", SENT, "20.00", "5.00"])
        tables["order_items"].append([number, "2", "p2", "s1", SENT, "20.00", "1.00"])
        tables["order_payments"].append([number, "1", "credit_card", "3", "46.00"])
        tables["customers"].append([f"c-{number}", "unique-1", "01000", "sao paulo", "SP"])
    return tables


def write_tables(folder: Path, tables: Tables) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        write_text(folder / f"olist_{name}_dataset.csv", rows, head=HEADS[name].split())
    return folder


def imported(folder: Path, tables: Tables, *options: str) -> dict[str, Any]:
    return run(write_tables(folder, tables), "--time-zone", "America/Sao_Paulo", *options)


def test_a_delivered_order_is_joined_from_all_tables_with_its_own_dates(tmp_path: Path) -> None:
    report = imported(tmp_path / "olist", tables_of(("o1", DELIVERED)))
    assert (report["layout"], report["rows"], report["lines_imported"], report["rows_not_read"]) == ("olist", 7, 5, 2)
    order = StaffOrder.objects.get()
    assert (order.reference, order.currency, order.total, order.country) == ("o1", "BRL", Decimal("46.00"), "Brazil")
    assert [(line.name, line.sku, line.total) for line in order.lines] == [
        ("cama_mesa_banho", "p1", Decimal("20.00")),
        ("p2", "p2", Decimal("20.00")),
        ("Freight", "FREIGHT", Decimal("6.00")),
    ]
    assert (order.shipping_address, statuses(order)[:3]) == ("01000 sao paulo SP", ("completed", "paid", "delivered"))
    times = [fact.occurred_at.astimezone(UTC).isoformat() for fact in store.read_stream(order.order_id)]
    assert times == [
        "2017-10-02T13:56:33+00:00",
        "2017-10-02T14:07:15+00:00",
        "2017-10-04T22:55:00+00:00",
        "2017-10-11T00:25:13+00:00",
    ]
    assert report["totals"]["BRL"]["paid"] == "46.00"
    assert report["guesses"] == {}, "the file says everything"


def test_a_second_import_adds_nothing(tmp_path: Path) -> None:
    tables = tables_of(("o1", DELIVERED), ("o2", ("canceled", BOUGHT, PAID, "", "")))
    first = imported(tmp_path / "olist", tables)
    events = Event.objects.count()
    second = imported(tmp_path / "olist", tables)
    assert Event.objects.count() == events
    assert (second["commands_repeated"], second["orders_added"]) == (second["commands"], 0)
    assert second["totals"] == first["totals"]
    assert first["guesses"] == second["guesses"] == {CANCELLED_RULE: 1}
    assert first["totals"]["BRL"]["owed_back"] == "46.00", "the file does not say that it was refunded"


@pytest.mark.parametrize(
    ("status", "moments", "expected"),
    [
        ("created", ("", "", ""), ("open", "unpaid", "unfulfilled")),
        ("approved", (PAID, "", ""), ("open", "paid", "unfulfilled")),
        ("processing", (PAID, "", ""), ("open", "paid", "unfulfilled")),
        ("shipped", (PAID, SENT, ""), ("completed", "paid", "fulfilled")),
        ("delivered", ("", SENT, ARRIVED), ("completed", "paid", "delivered")),
        ("canceled", ("", "", ""), ("cancelled", "unpaid", "none")),
        ("unavailable", (PAID, "", ""), ("on_hold", "paid", "unfulfilled")),
        ("delivered", (ARRIVED, SENT, ARRIVED), ("completed", "paid", "delivered")),
    ],
)
def test_orders_become_what_they_are(
    tmp_path: Path, status: str, moments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    imported(tmp_path / "olist", tables_of(("o1", (status, BOUGHT, *moments))))
    assert statuses(StaffOrder.objects.get())[:3] == expected


def test_several_payments_are_several_payments(tmp_path: Path) -> None:
    tables = tables_of(("o1", DELIVERED))
    tables["order_payments"] = [
        ["o1", "2", "voucher", "1", "6.00"],
        ["o1", "1", "credit_card", "1", "40.00"],
        ["o1", "3", "voucher", "1", "0.00"],
    ]
    imported(tmp_path / "olist", tables)
    order = StaffOrder.objects.get()
    assert [(each.method, each.captured) for each in order.state.payments] == [("credit_card", 40), ("voucher", 6)]


def _set(table: str, row: int, column: str, value: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table][row][HEADS[table].split().index(column)] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("order_payments", 0, "payment_value", "46.01"), "46.01 BRL in the file and 46.00 BRL from its rows"),
        (_set("orders", 0, "order_status", "lost"), "the status 'lost' is not known"),
        (_set("orders", 0, "order_delivered_customer_date", ""), "without order_delivered_customer_date"),
        (_set("orders", 0, "order_delivered_carrier_date", ""), "without order_delivered_carrier_date"),
        (_set("order_items", 1, "price", "twenty"), "price is not a number"),
        (_set("order_items", 0, "order_id", "o9"), "46.00 BRL in the file and 21.00 BRL"),
        (_set("customers", 0, "customer_id", "c-9"), "no row of the table olist-customers"),
        (_set("orders", 0, "order_approved_at", "2017-02-30 10:00:00"), "order_approved_at cannot be read"),
    ],
)
def test_an_order_that_does_not_add_up_waits_whole_until_it_is_mended(
    tmp_path: Path, change: Callable[[Tables], None], reason: str
) -> None:
    tables = tables_of(("o1", DELIVERED), ("o2", DELIVERED))
    change(tables)
    report = imported(tmp_path / "olist", tables)
    assert StaffOrder.objects.get().reference == "o2"
    waiting = quarantined(tmp_path / "quarantine.csv")
    assert any(reason in row["reason"] for row in waiting), waiting
    assert report["lines_imported"] == 5


def test_a_mended_quarantine_is_imported_with_its_source(tmp_path: Path) -> None:
    tables = tables_of(("o1", DELIVERED), ("o2", DELIVERED))
    _set("order_payments", 0, "payment_value", "45.00")(tables)
    folder = write_tables(tmp_path / "olist", tables)
    assert imported(folder, tables)["lines_quarantined"] == 5
    mended = folder / "mended.csv"
    mended.write_text((tmp_path / "quarantine.csv").read_text().replace("45.00", "46.00"))
    report = imported(folder, tables)
    assert (report["orders"], report["orders_added"], report["lines_quarantined"]) == (2, 1, 0)
    assert report["not_read"]["mended in a quarantine file"] == 5


def test_a_mended_quarantine_is_imported_alone(tmp_path: Path) -> None:
    tables = tables_of(("o1", DELIVERED))
    _set("order_payments", 0, "payment_value", "45.00")(tables)
    imported(tmp_path / "olist", tables)
    mended = tmp_path / "mended.csv"
    mended.write_text((tmp_path / "quarantine.csv").read_text().replace("45.00", "46.00"))
    report = run(mended)
    assert (report["orders_added"], report["lines_imported"], report["lines_quarantined"]) == (1, 5, 0)


def test_a_missing_table_is_refused_before_anything_is_imported(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "olist", tables_of(("o1", DELIVERED)))
    (folder / "olist_order_payments_dataset.csv").unlink()
    with pytest.raises(CommandError, match=r"needs all its tables.*payment_value"):
        run(folder)
    assert not Event.objects.exists()


def test_files_of_several_layouts_are_refused_and_the_layouts_named(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "olist", tables_of(("o1", DELIVERED)))
    write_text(folder / "invoices.csv", [invoice(1, "2010-12-01 10:00")])
    with pytest.raises(CommandError, match="several layouts: online-retail, olist"):
        run(folder)
    assert not Event.objects.exists()
    report = run(folder, "--layout", "olist")
    assert (report["orders"], len(report["files_not_read"])) == (1, 1)


def test_other_tables_of_olist_are_named_as_not_read(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "olist", tables_of(("o1", DELIVERED)))
    for name, head in {
        "olist_sellers_dataset": "seller_id,seller_zip_code_prefix,seller_city,seller_state",
        "olist_order_reviews_dataset": "review_id,order_id,review_score,review_creation_date",
        "product_category_name_translation": "product_category_name,product_category_name_english",
    }.items():
        (folder / f"{name}.csv").write_text(f"{head}\n{','.join('1' for _ in head.split(','))}\n")
    report = run(folder)
    assert len(report["files_not_read"]) == 3
    assert (report["rows"], report["rows_not_read"], report["lines_imported"]) == (13, 8, 5)
    unread = {name for file in report["files"] for name in file["columns_not_read"]}
    assert unread >= {"order_estimated_delivery_date", "seller_id", "shipping_limit_date", "payment_installments"}
