"""Orders of WooCommerce's REST API: each becomes one history, and what is not read is named."""

import copy
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from eventstore import store
from eventstore.models import Event
from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.json_orders import as_table, is_json
from projections.staff.orders import StaffOrder
from tests.support.importing import quarantined, run, statuses

pytestmark = pytest.mark.django_db(transaction=True)

Change = Callable[[dict[str, Any]], object]
ORDER: dict[str, Any] = {
    "id": 727,
    "parent_id": 0,
    "number": "727",
    "order_key": "wc_order_58d2d042d1d",
    "status": "completed",
    "currency": "USD",
    "date_created": "2031-03-22T16:28:02",
    "date_created_gmt": "2031-03-22T19:28:02",
    "discount_total": "1.00",
    "shipping_total": "5.00",
    "total": "37.20",
    "total_tax": "6.20",
    "prices_include_tax": False,
    "customer_id": 7,
    "customer_note": "Ring twice",
    "billing": {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "country": "US", "phone": "5"},
    "shipping": {"first_name": "Ann", "last_name": "Lee", "address_1": "1 Main St", "city": "Reno", "country": "US"},
    "payment_method": "stripe",
    "transaction_id": "t1",
    "date_paid_gmt": "2031-03-22T19:28:08",
    "date_completed_gmt": "2031-03-23T10:00:00",
    "meta_data": [{"id": 13106, "key": "_download_permissions_granted", "value": "yes"}],
    "line_items": [
        {
            "id": 315,
            "name": "Mug",
            "product_id": 11,
            "quantity": 3,
            "subtotal": "20.00",
            "total": "20.00",
            "total_tax": "4.00",
            "taxes": [{"id": 75, "total": "4.00"}],
            "sku": "MUG",
            "price": 6.666667,
        },
        {
            "id": 316,
            "name": "Pot",
            "product_id": 12,
            "quantity": 1,
            "subtotal": "5.00",
            "total": "4.00",
            "total_tax": "0.80",
            "sku": "",
            "price": 4,
        },
    ],
    "tax_lines": [
        {"id": 318, "rate_code": "US-TAX", "rate_percent": 20, "tax_total": "5.20", "shipping_tax_total": "1.00"}
    ],
    "shipping_lines": [{"id": 317, "method_title": "Flat rate", "total": "5.00", "total_tax": "1.00"}],
    "fee_lines": [{"id": 319, "name": "Gift wrap", "total": "2.00", "total_tax": "0.40"}],
    "coupon_lines": [{"id": 320, "code": "SPRING", "discount": "1.00"}],
    "refunds": [],
    "_links": {"self": [{"href": "https://shop.example/wp-json/wc/v3/orders/727"}]},
}
ROWS = 7  # the order, two items, and one entry of each of the other lists but the refunds


def order(change: Change = lambda order: None, **values: Any) -> dict[str, Any]:
    changed = copy.deepcopy(ORDER) | values
    change(changed)
    return changed


def imported(path: Path, *orders: dict[str, Any]) -> dict[str, Any]:
    file = path / "orders.json"
    file.write_text(json.dumps(orders))
    return run(file)


def test_an_order_has_the_prices_taxes_coupons_and_dates_of_the_file(tmp_path: Path) -> None:
    report = imported(tmp_path, order())
    assert (report["layout"], report["lines_imported"], report["orders"]) == ("woocommerce-json", ROWS, 1)
    found = StaffOrder.objects.get()
    assert (found.reference, found.total, found.currency) == ("727", Decimal("37.20"), "USD")
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
    notes = [fact.event.text for fact in facts if hasattr(fact.event, "text")]
    assert notes == ["Coupon SPRING: 1.00 USD off", "Note of the customer: Ring twice"]
    dated = [f"{fact.occurred_at:%d %H:%M:%S}" for fact in facts if not hasattr(fact.event, "text")]
    assert dated == ["22 19:28:02", "22 19:28:08", "23 10:00:00"], "the times of the file are in UTC"
    events = Event.objects.count()
    assert imported(tmp_path, order())["commands_repeated"] == 5
    assert Event.objects.count() == events, "a second import adds nothing"


def test_every_value_that_is_not_read_is_named(tmp_path: Path) -> None:
    report = imported(tmp_path, order())
    assert set(report["files"][0]["columns_not_read"]) == {
        *("parent_id", "order_key", "date_created", "discount_total", "shipping_total", "prices_include_tax"),
        *("billing.phone", "meta_data", "_links.self"),
        *("line_items.id", "line_items.taxes", "line_items.price", "shipping_lines.id", "fee_lines.id"),
        *("coupon_lines.id", "tax_lines.id", "tax_lines.rate_code", "tax_lines.rate_percent"),
    }


UNDATED = {"date_paid_gmt": None, "date_completed_gmt": None}
GIVEN_BACK = [{"id": 1, "reason": "Broken", "total": "-4.80"}, {"id": 2, "reason": "", "total": "-2.00"}]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"status": "pending"} | UNDATED, ("open", "unpaid", "unfulfilled")),
        ({"status": "on-hold"} | UNDATED, ("on_hold", "unpaid", "unfulfilled")),
        ({"status": "processing"} | UNDATED, ("open", "paid", "unfulfilled")),
        ({"status": "processing", "payment_method": "cod"} | UNDATED, ("open", "unpaid", "unfulfilled")),
        ({"status": "cancelled"} | UNDATED, ("cancelled", "unpaid", "none")),
        ({"status": "refunded"} | UNDATED, ("open", "refunded", "unfulfilled")),
        ({"refunds": GIVEN_BACK}, ("completed", "partially_refunded", "fulfilled")),
    ],
)
def test_orders_become_what_they_are(tmp_path: Path, values: dict[str, Any], expected: tuple[str, ...]) -> None:
    imported(tmp_path, order(**values))
    assert statuses(StaffOrder.objects.get())[:3] == expected


def test_each_refund_has_its_reason(tmp_path: Path) -> None:
    imported(tmp_path, order(refunds=GIVEN_BACK))
    facts = store.read_stream(StaffOrder.objects.get().order_id)
    asked = [fact.event for fact in facts if type(fact.event).__name__ == "RefundRequested"]
    assert [(str(each.amount), each.reason) for each in asked] == [
        ("4.80", "Broken"),
        ("2.00", "Refunded in WooCommerce"),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda order: order.update(total="37.21"), "a difference of 0.01"),
        (lambda order: order.update(total_tax="6.19"), "the tax_lines add up to 6.20 USD, and total_tax is 6.19"),
        (lambda order: order.update(status="lost"), "the status 'lost' is not known"),
        (lambda order: order.update(date_created_gmt=None), "no date_created_gmt"),
        (lambda order: order.update(currency="??"), "is not an ISO 4217 currency"),
        (lambda order: order["fee_lines"][0].update(total="-2.00"), "fee_lines.total is below zero"),
        (lambda order: order["line_items"][0].update(quantity=0.5), "not a whole number of units"),
        (lambda order: order["line_items"][0].update(total="21.00"), "more than its subtotal"),
        (lambda order: order["line_items"].pop(), "a difference of"),
        (lambda order: order.update(refunds=[{"id": 1, "total": "4.80"}]), "which is not below zero"),
        (lambda order: order.update(refunds=[{"id": 1, "total": "-99.00"}]), "99.00 USD"),
    ],
)
def test_an_order_that_does_not_add_up_waits_whole(tmp_path: Path, change: Change, reason: str) -> None:
    report = imported(tmp_path, order(change), order(id=2, number="2"))
    assert report["orders"] == 1
    assert any(reason in row["reason"] for row in quarantined(tmp_path / "quarantine.csv")), report["quarantine"]
    assert StaffOrder.objects.get().reference == "2"


def test_a_mended_quarantine_file_is_imported_as_it_is(tmp_path: Path) -> None:
    imported(tmp_path, order(total="38.20"))
    mended = tmp_path / "mended.csv"
    mended.write_text((tmp_path / "quarantine.csv").read_text().replace("38.20", "37.20"))
    report = run(mended)
    assert (report["lines_imported"], report["lines_quarantined"], report["orders"]) == (ROWS, 0, 1)


def test_an_order_a_line_and_an_object_with_orders_are_read_too(tmp_path: Path) -> None:
    several = [order(), order(id=2, number="2")]
    lines, packed = tmp_path / "lines.jsonl", tmp_path / "packed.json.gz"
    lines.write_text("\n".join(map(json.dumps, several)) + "\n")
    assert run(lines)["orders"] == 2
    packed.write_bytes(gzip.compress(json.dumps({"orders": several}).encode("utf-8-sig")))
    assert run(packed)["commands_repeated"] == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"id": 1}', "is not JSON that can be read"),
        ('{"id": 1}\n{"id": }', "line 2: Expecting value"),
        ('[{"id": 1, "id": 2}]', "an object has 'id' twice"),
        ('[{"id": NaN}]', "NaN is no number"),
        ('[{"id": 1}, 7]', "entry 2 of the array is no order"),
        ('[{"id": 1, "status": "completed"}]', "without date_created_gmt"),
        ('[{"a": ' + "[" * 100_000, "is not JSON that can be read"),
        ('[{"id": "\\ud800"}]', "surrogates not allowed"),
    ],
)
def test_json_that_cannot_be_read_is_refused_and_says_why(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "orders.json"
    file.write_text(text)
    with pytest.raises(CommandError, match=words):
        run(file)


def test_numbers_stay_as_they_are_written() -> None:
    raw = b'[{"id": 1, "total": 0.1000000000000000055, "n": 12345678901234567890123, "note": "a,\\n\\"b", "on": true}]'
    assert is_json(raw)
    rows = as_table(BytesIO(raw), "orders.json").decode().splitlines()
    assert rows[0] == "id,entry,total,n,note,on"
    assert rows[1].startswith("1,,0.1000000000000000055,12345678901234567890123,")


def test_a_table_is_not_taken_for_json() -> None:
    assert not is_json(b"order_id,status\n[1],{2}\n")
    with pytest.raises(UnreadableFile):
        as_table(BytesIO(b"order_id,status\n"), "orders.json")
