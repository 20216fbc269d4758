"""Credit notes, bad debts and shipping costs: the commands they become, and that nothing is counted twice."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db.models import Sum

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.messages import EVENT_TYPES
from eventstore.models import Event
from orders.commands import AddNote, RequestRefund, RequestReturn
from orders.values import LineKind, LineQuantity
from ordersite.importing import purchase_store
from ordersite.importing import run as importing
from projections.accounting.journal import SUMS
from projections.staff.orders import StaffOrder
from tests.support.importing import COLUMNS_OF, HEAD, UK, run, statuses
from tests.support.order_stories import shop

pytestmark = pytest.mark.django_db(transaction=True)


def line(number: str, sku: str, units: int, at: str, price: str, customer: str = "17850") -> str:  # noqa: PLR0917 - a row
    """A line of December 2010; `at` is its day and time."""
    return f"{number},{sku},The {sku},{units},2010-12-{at}:00,{price},{customer},{UK}"


def imported(tmp_path: Path, *lines: str) -> dict[str, Any]:
    path = tmp_path / "some.csv"
    path.write_text("\n".join([HEAD, *lines]))
    return run(path)


def order(number: str) -> StaffOrder:
    return StaffOrder.objects.get(reference=number)


def happened(number: str) -> list[str]:
    return [EVENT_TYPES[type(fact.event)].name for fact in store.read_stream(order(number).order_id)]


def sums(report: dict[str, Any], *figures: str) -> list[str]:
    return [str(Decimal(report["totals"]["GBP"][figure])) for figure in figures]


LATER = line("800001", "ZZ", 1, "20 12:00", "1", "99999")
"""A line that is late enough for all earlier orders to be shipped."""


def test_goods_that_left_are_returned_restocked_and_refunded(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("1", "BB", 1, "01 09:00", "7"),
        line("C2", "AA", -4, "05 09:00", "2.50"),
        LATER,
    )
    assert report["lines_cancelling_by_way"] == {"returned": 1}
    assert (report["returns"], report["refunds"]) == (1, 1)
    assert sums(report, "returned", "allowances", "refunded", "owed_back") == ["10.00", "0.00", "10.00", "0.00"]
    assert statuses(order("1")) == ("completed", "partially_refunded", "fulfilled", "partial")
    assert [(each.returned, each.given_back) for each in order("1").lines] == [(4, Decimal("10.00")), (0, 0)]
    assert happened("1")[3:] == [
        "order.return_requested",
        "order.return_approved",
        "order.return_received",
        "order.refund_requested",
        "order.refund_approved",
        "order.refund_settled",
    ]


def test_goods_that_wait_are_cancelled_and_the_rest_of_the_order_leaves(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("C2", "AA", -4, "01 10:00", "2.50"),
        line("C3", "AA", -1, "01 11:00", "2.50"),
        LATER,
    )
    assert report["lines_cancelling_by_way"] == {"cancelled": 2}
    assert statuses(order("1")) == ("completed", "partially_refunded", "fulfilled", "none")
    assert [(each.cancelled, each.shipped) for each in order("1").lines] == [(5, 5)]
    assert [refund.reference for refund in order("1").state.refunds] == ["C2", "C3"]


def test_a_note_that_gives_more_than_was_paid_makes_the_rest_an_allowance(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("C2", "AA", -4, "05 09:00", "3"),
    )
    assert sums(report, "returned", "allowances", "refunded", "owed_back") == ["10.00", "2.00", "12.00", "0.00"]
    assert (order("1").refunded, order("1").due, order("1").due_back) == (12, 0, 0)


def test_a_note_that_gives_less_than_was_paid_leaves_the_rest_owed(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("C2", "AA", -4, "05 09:00", "2"),
    )
    assert sums(report, "returned", "allowances", "refunded", "owed_back") == ["10.00", "0.00", "8.00", "2.00"]
    assert (order("1").due_back, order("1").payment_status) == (2, "overcharged")


def test_postage_is_a_shipping_line_whose_money_alone_is_given_back(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "POST", 3, "01 09:00", "18"),
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("C2", "POST", -1, "05 09:00", "18"),
    )
    assert [(each.kind, each.sku, each.name) for each in order("1").lines] == [
        (LineKind.GOODS, "AA", "The AA"),
        (LineKind.SHIPPING, "POST", "3 x The POST"),
    ]
    assert [each.total for each in order("1").lines] == [25, 54]
    assert report["lines_cancelling_by_way"] == {"charge refunded": 1}
    assert [each.given_back for each in order("1").lines] == [0, 18]
    assert order("1").return_status == "none"


def test_an_order_of_nothing_but_postage_is_a_charge_and_is_not_sent(tmp_path: Path) -> None:
    report = imported(tmp_path, line("1", "POST", 1, "01 09:00", "18"), LATER)
    assert [each.kind for each in order("1").lines] == ["charge"]
    assert statuses(order("1")) == ("completed", "paid", "none", "none")
    assert report["commands_refused"] == {}


def test_a_discount_is_an_allowance_on_the_latest_order_that_is_worth_as_much_and_its_parcel_leaves(
    tmp_path: Path,
) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 1, "01 08:00", "2"),
        line("2", "AA", 10, "01 09:00", "2.50"),
        line("2", "BB", 10, "01 09:00", "7.50"),
        line("3", "AA", 1, "01 09:10", "2.50"),
        line("C4", "D", -1, "01 10:00", "10.01"),
        LATER,
    )
    assert report["lines_cancelling_by_way"] == {"allowance": 1}
    assert sums(report, "allowances", "refunded") == ["10.01", "10.01"]
    assert [each.allowance for each in order("2").lines] == [Decimal("2.50"), Decimal("7.51")]
    assert statuses(order("2")) == ("completed", "partially_refunded", "fulfilled", "none")
    assert report["commands_refused"] == {}


def test_goods_that_are_returned_after_an_allowance_are_refunded_no_more_than_they_still_cost(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 1, "01 09:00", "10"),
        line("1", "BB", 1, "01 09:00", "10"),
        line("C2", "D", -1, "01 10:00", "2"),
        line("C3", "AA", -1, "05 10:00", "10"),
        LATER,
    )
    assert sums(report, "returned", "allowances", "refunded", "owed_back") == ["9.00", "3.00", "12.00", "0.00"]
    assert report["commands_refused"] == {}


def test_where_all_goods_are_cancelled_and_the_postage_stays_no_parcel_leaves(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 1, "01 09:00", "10"),
        line("1", "POST", 1, "01 09:00", "5"),
        line("C2", "AA", -1, "01 10:00", "10"),
        LATER,
    )
    assert (report["orders_cancelled"], report["commands_refused"]) == (0, {})
    assert statuses(order("1")) == ("completed", "partially_refunded", "none", "none")


def test_a_note_of_the_goods_and_the_postage_cancels_the_whole_order(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 1, "01 09:00", "10"),
        line("1", "POST", 1, "01 09:00", "5"),
        line("C2", "POST", -1, "01 10:00", "5"),
        line("C2", "AA", -1, "01 10:00", "10"),
        LATER,
    )
    assert report["orders_cancelled"] == 1
    assert statuses(order("1")) == ("cancelled", "refunded", "none", "none")
    assert sums(report, "cancelled", "allowances", "refunded") == ["15.00", "0.00", "15.00"]


def test_the_same_goods_twice_in_a_note_are_one_return(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("1", "AA", 10, "01 09:00", "2.50"),
        line("C2", "AA", -4, "05 09:00", "2.50"),
        line("C2", "AA", -6, "05 09:00", "2.50"),
    )
    assert (report["lines_cancelling"], report["returns"], report["refunds"]) == (2, 1, 1)
    assert statuses(order("1")) == ("completed", "refunded", "fulfilled", "returned")


@pytest.mark.parametrize("batch", [1, 1000])
def test_a_line_that_takes_back_of_two_orders_is_counted_once(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", batch)
    report = imported(
        tmp_path,
        line("1", "AA", 3, "01 09:00", "1.005"),
        line("2", "AA", 3, "05 09:00", "1.005"),
        line("C3", "AA", -5, "05 10:00", "1.005"),
        LATER.replace(",1,99999", ",1.50,99999"),
    )
    assert (report["lines_imported"], report["lines_cancelling"]) == (3, 1)
    assert (report["returns"], report["refunds"]) == (1, 2)
    assert [order(number).return_status for number in "12"] == ["partial", "none"]
    assert sums(report, "refunded") == ["5.03"], "five units at the note's price, rounded once"


def test_a_refund_over_the_limit_is_approved_by_a_second_one(tmp_path: Path) -> None:
    with shop(approval_limits={"GBP": Decimal(1)}):
        report = imported(tmp_path, line("1", "AA", 1, "01 09:00", "10"), line("C2", "AA", -1, "05 10:00", "10"), LATER)
    assert (report["refunds"], report["commands_refused"]) == (1, {})


def test_a_bad_debt_is_an_unpaid_order_that_is_written_off_once(tmp_path: Path) -> None:
    report = imported(
        tmp_path,
        line("A1", "B", 1, "01 09:00", "11062.06", ""),
        line("A2", "B", 1, "01 09:01", "-11062.06", ""),
        line("A3", "B", 1, "01 09:02", "-11062.06", ""),
        line("A4", "B", 1, "01 09:03", "20", ""),
        LATER,
    )
    assert report["lines_cancelling_by_way"] == {"written off": 1}
    assert report["quarantine"] == {"bad debt of no order in the file": 1}
    assert sums(report, "sold", "paid", "written_off") == ["11083.06", "1.00", "11062.06"]
    assert statuses(order("A1")) == ("completed", "written_off", "none", "none")
    assert (order("A4").payment_status, order("A4").due) == ("unpaid", 20)


def test_shipments_after_the_files_last_line_wait_for_a_longer_file(tmp_path: Path) -> None:
    short = [line("1", "AA", 2, "01 09:00", "10"), line("2", "AA", 1, "02 13:00", "10", "99999")]
    imported(tmp_path, *short)
    assert [order(number).fulfilment_status for number in "12"] == ["fulfilled", "unfulfilled"]
    longer = [*short, line("C3", "AA", -1, "03 09:00", "10", "99999"), line("C4", "AA", -1, "03 09:00", "10")]
    report = imported(tmp_path, *longer)
    assert (report["orders_added"], report["commands_refused"]) == (0, {})
    assert (order("2").status, order("1").return_status) == ("cancelled", "partial")
    events = Event.objects.count()
    again = imported(tmp_path, *longer)
    assert Event.objects.count() == events
    assert again["commands_repeated"] == again["commands"]
    for key in report.keys() - {"commands_repeated", "seconds", "lines_per_second", "orders_added"}:
        assert again[key] == report[key]


@pytest.mark.parametrize("sku", ["AA", "M"])
@pytest.mark.parametrize("theirs", [RequestRefund, RequestReturn])
def test_an_order_that_something_else_changed_is_not_touched_and_the_line_is_quarantined(
    tmp_path: Path, sku: str, theirs: type
) -> None:
    bought = [line("1", "AA", 2, "01 09:00", "10"), LATER]
    imported(tmp_path, *bought)
    of = order("1").order_id
    wishes = {
        RequestRefund: RequestRefund(order_id=of, reason="Broken", amount=Decimal(5), by="staff:anna"),
        RequestReturn: RequestReturn(order_id=of, lines=(LineQuantity(line_id=1, quantity=2),)),
    }
    dispatch(wishes[theirs], Context(actor="staff:anna"))
    report = imported(tmp_path, *bought, line("C2", sku, -1, "21 09:00", "10"))
    assert report["quarantine"] == {"refused: something else changed the order": 1}
    assert report["customers_cancellation_lines"]["not_matched"] == report["quarantine"]
    asked = {RequestRefund: "order.refund_requested", RequestReturn: "order.return_requested"}
    assert happened("1")[3:] == [asked[theirs]], "the import does not decide on requests of others"


def test_a_note_from_staff_is_a_change_too(tmp_path: Path) -> None:
    bought = [line("1", "AA", 2, "01 09:00", "10"), LATER]
    imported(tmp_path, *bought)
    dispatch(AddNote(order_id=order("1").order_id, text="Call back"), Context(actor="staff:anna"))
    report = imported(tmp_path, *bought, line("C2", "AA", -1, "21 09:00", "10"))
    assert report["lines_cancelling"] == 0
    assert report["quarantine"] == {"refused: something else changed the order": 1}


def random_lines(random: Random) -> Iterator[str]:
    """Yield orders and credit notes of few customers and articles, so that they match, with odd prices too."""
    prices = ["0.004", "0.333", "1.005", "2.5", "3", "0", "9.99"]
    minutes = 0
    for number in range(400):
        minutes += random.choice([1, 5, 60, 300])
        at = f"{1 + minutes // 1440:02} {minutes // 60 % 24:02}:{minutes % 60:02}"
        note, customer = random.random() < 0.5, random.choice(["1", "2", "3", ""])
        for _ in range(random.randint(1, 6)):
            sku = random.choice(["AA", "BB", "CC", "aa", "POST", "M", "D" if note else "AA"])
            units = random.choice([1, 2, 3, 7])
            prefix, sign = ("C", -1) if note else ("", 1)
            yield line(f"{prefix}{600_000 + number}", sku, sign * units, at, random.choice(prices), customer)


@pytest.mark.parametrize("seed", range(3))
def test_for_random_files_no_command_is_refused_and_the_read_models_equal_the_reports_sums(
    tmp_path: Path, seed: int
) -> None:
    report = imported(tmp_path, *random_lines(Random(seed)))
    assert report["commands_refused"] == {}
    ways = ("returned", "cancelled", "allowance", "charge refunded")
    assert all(report["lines_cancelling_by_way"][way] > 3 for way in ways), "the lines match"
    shown = StaffOrder.objects.aggregate(**{figure: Sum(column) for figure, column in COLUMNS_OF.items()})
    assert {figure: Decimal(report["totals"]["GBP"][figure]) for figure in COLUMNS_OF} == shown
    assert StaffOrder.objects.filter(status="cancelled").count() == report["orders_cancelled"]
    assert len(SUMS) == len(COLUMNS_OF), "every sum of the books is compared"


@pytest.mark.parametrize("seed", range(3))
def test_purchases_on_disk_are_matched_like_purchases_in_memory(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list(random_lines(Random(seed)))
    report = imported(tmp_path, *lines)
    monkeypatch.setattr(purchase_store, "IN_MEMORY", 2)
    again = imported(tmp_path, *lines)
    assert again["commands_repeated"] == again["commands"] == report["commands"], "the same commands, one by one"
    for key in report.keys() - {"commands_repeated", "seconds", "lines_per_second", "orders_added"}:
        assert again[key] == report[key]
