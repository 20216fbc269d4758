"""Import files: every line is imported or quarantined with a reason, and a second run adds nothing."""

import contextlib
import csv
import gzip
import lzma
import os
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError
from django.db.models import Sum

from eventstore import store
from eventstore.models import Event
from ordersite.importing.layouts.online_retail import COLUMNS
from projections.accounting.journal import SUMS, AccountingDay, AccountingEntry, AccountingOrder
from projections.customer.orders import CustomerOrder
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.importing import COLUMNS_OF, HEAD, KINDS_OF, UK, run, statuses

pytestmark = pytest.mark.django_db(transaction=True)


LINES = f"""\
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,{UK}
536365,85123A,WHITE HANGING HEART,2,2010-12-01 08:26:00,2.55,17850,{UK}
536365,POST,POSTAGE,1,2010-12-01 08:27:00,18.0,17850,{UK}
536366,22633,HAND WARMER,6,2010-12-01 08:28:00,1.85,,{UK}
536367,84879,BIRD ORNAMENT,32,2010-12-01 08:34:00,1.69,13047,{UK}
536365,71053,SLIPPED BEHIND,1,2010-12-01 08:26:00,3.39,17850,{UK}
536368,22960,JAM SET,0,2010-12-01 09:00:00,4.25,13047,{UK}
536369,21756,,-5,2010-12-01 09:01:00,0.0,,{UK}
536370,22139,,56,2010-12-01 09:02:00,0.0,,{UK}
536371,PADS,PADS,5,2010-12-01 09:03:00,0.001,14911,EIRE
536371,22086,GIFT,1,2010-12-01 09:03:00,0.0,14911,EIRE
C536372,84879,BIRD ORNAMENT,-32,2010-12-01 10:00:00,1.69,13047,{UK}
C536373,85123A,WHITE HANGING HEART,-1,2010-12-01 10:01:00,2.55,17850,{UK}
C536374,22633,HAND WARMER,-6,2010-12-01 10:02:00,1.85,,{UK}
C536375,D,Discount,-1,2010-12-01 10:03:00,27.5,14527,{UK}
C536376,22960,JAM SET,-1,2010-12-03 10:04:00,4.25,13047,{UK}
C536377,85123A,WHITE HANGING HEART,-8,2010-12-03 10:05:00,2.55,17850,{UK}
536378,22960,JAM SET,two,2010-12-03 10:06:00,4.25,13047,{UK}
536378,22960,JAM SET,2,3rd of December,4.25,13047,{UK}
536378,22960,JAM SET,2,2010-12-03 10:06:00,-4.25,13047,{UK}
536378,22960,"JAM, ""LARGE"" SET",2,2010-12-03 10:06:00,4.25,13047,{UK}
536379,22960,JAM SET,2
"""


SENTINELS = (
    "0001-01-01 00:00:00",
    "9999-12-31 08:26:00",
    "9999-12-31 23:59:59",
    "1899-12-30 00:00:00",
    "2200-01-02 00:00:00",
)


@pytest.mark.parametrize("date", SENTINELS)
def test_a_line_with_a_sentinel_date_is_quarantined_and_the_others_are_imported(tmp_path: Path, date: str) -> None:
    path = tmp_path / "sentinel.csv"
    path.write_text(f"{HEAD}\n1,AA,MUG,6,{date},2.55,17850,{UK}\n2,AA,MUG,6,2010-12-01 08:26:00,2.55,17850,{UK}\n")
    report = run(path)
    assert report["quarantine"] == {"the date must be in the years 1900 to 2199: correct it": 1}
    assert list(StaffOrder.objects.values_list("reference", flat=True)) == ["2"]


def test_a_line_with_a_text_longer_than_any_other_sender_may_send_is_quarantined(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        f"{HEAD}\n{'9' * 65},AA,MUG,6,2010-12-01 08:26:00,2.55,17850,{UK}\n"
        f"2,AA,MUG,6,2010-12-01 08:26:00,0.0000001,17850,{UK}\n3,AA,MUG,6,2010-12-01 08:26:00,2.55,17850,{UK}\n"
    )
    assert run(path)["lines_quarantined"] == 2
    assert list(StaffOrder.objects.values_list("reference", flat=True)) == ["3"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(f"{HEAD}\n{LINES}")
    return path


def test_every_line_is_accounted_for_with_its_reason(file: Path) -> None:
    report = run(file)
    assert (report["lines"], report["lines_imported"], report["lines_cancelling"]) == (22, 8, 2)
    assert report["quarantine"] == {
        "quantity is zero": 1,
        "negative quantity without a cancellation (a stock correction)": 1,
        "invoice without any value (a stock correction)": 1,
        "cancellation without a customer": 1,
        "cancellation by a customer without an earlier order in the file": 1,
        "cancellation of a purchase that is not in the file": 1,
        "cancellation of more than is left of the purchases": 1,
        "quantity or price is not a number": 1,
        "the date cannot be read": 1,
        "negative price": 1,
        "wrong number of columns": 1,
        "another line of its invoice cannot be imported": 1,
    }
    assert report["customers_cancellation_lines"] == {
        "lines": 5,
        "matched": 2,
        "share": 0.4,
        "not_matched": {
            "cancellation by a customer without an earlier order in the file": 1,
            "cancellation of a purchase that is not in the file": 1,
            "cancellation of more than is left of the purchases": 1,
        },
    }
    assert (report["orders"], report["orders_cancelled"], report["refunds"]) == (4, 1, 2)
    assert report["totals"]["GBP"] == {
        "sold": "106.98",
        "paid": "106.98",
        "cancelled": "56.63",
        "returned": "0",
        "allowances": "0.00",
        "refunded": "56.63",
        "written_off": "0",
        "owed_back": "0.00",
    }
    assert report["invoices_with_several_times"] == 1


def test_an_invoice_is_one_order_paid_and_shipped_by_rules_that_are_marked_synthetic(file: Path) -> None:
    run(file)
    order = StaffOrder.objects.get(reference="536365")
    assert (order.line_count, order.units, order.total) == (4, 8, Decimal("41.79"))
    assert statuses(order) == ("completed", "partially_refunded", "fulfilled", "none")
    assert order.customer_name == "Customer 17850"
    assert [(line.kind, line.sku) for line in order.lines[2:]] == [("goods", "71053"), ("shipping", "POST")]
    facts = store.read_stream(order.order_id)
    assert [fact.metadata.extra.get("synthetic", "").split(";")[0] for fact in facts] == [
        "",
        "paid in full when invoiced",
        *["the order that the credit note means was found by rule"] * 4,
        "shipped at noon of the next day",
    ]
    assert [facts[at].occurred_at.strftime("%d %H:%M") for at in (0, 1, 2, 6)] == [
        "01 08:26",
        "01 08:26",
        "01 10:01",
        "02 12:00",
    ]
    assert facts[0].timestamp.year >= 2026, "recorded now, occurred then"
    approver = "service:import_orders/approval"
    assert [fact.metadata.actor == approver for fact in facts] == [number == 4 for number in range(7)]
    guest = StaffOrder.objects.get(reference="536366")
    assert (guest.customer_id, guest.customer_name) == (None, "")
    cancelled = StaffOrder.objects.get(reference="536367")
    assert statuses(cancelled) == ("cancelled", "refunded", "none", "none")
    assert (cancelled.refunded, cancelled.due_back) == (Decimal("54.08"), 0)
    assert cancelled.cancel_reason == "Cancelled by credit note C536372"


def test_a_second_run_adds_nothing(file: Path) -> None:
    first = run(file)
    events = Event.objects.count()
    second = run(file)
    assert Event.objects.count() == events
    assert (second["orders_added"], second["commands_repeated"]) == (0, first["commands"])
    assert second["quarantine"] == first["quarantine"]


def test_an_invoice_that_was_imported_with_other_lines_is_quarantined_not_changed(file: Path) -> None:
    run(file)
    events = Event.objects.count()
    file.write_text(file.read_text().replace("HAND WARMER,6", "HAND WARMER,7"))
    report = run(file)
    assert report["quarantine"]["refused: imported before with other content"] == 1
    assert Event.objects.count() == events


@pytest.mark.parametrize("form", [".csv.xz", ".csv.gz", ".xlsx"])
def test_the_same_lines_give_the_same_orders_in_every_file_format(file: Path, form: str) -> None:
    plain = run(file)
    packed = file.with_name(f"small{form}")
    if form == ".xlsx":
        write_xlsx(file, packed)
    else:
        compress = lzma.compress if form == ".csv.xz" else gzip.compress
        packed.write_bytes(compress(file.read_bytes()))
    report = run(packed)
    assert report["orders_added"] == 0
    assert report["lines_imported"] == plain["lines_imported"]


def write_xlsx(source: Path, target: Path) -> None:
    """Write cells as the published spreadsheet has them: numbers, dates, and customers as floats."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    with source.open(newline="") as lines:
        for number, row in enumerate(csv.reader(lines)):
            cells: list[Any] = list(row)
            if number and len(row) == len(COLUMNS):
                for at, convert in ((0, int), (3, int), (5, float), (6, float)):
                    try:
                        cells[at] = convert(row[at])
                    except ValueError:
                        cells[at] = row[at] or None
                with contextlib.suppress(ValueError):
                    cells[4] = datetime.fromisoformat(row[4])
            sheet.append(cells)
    book.save(target)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("orders.txt", b"", "it is empty, without a heading"),
        ("orders.csv", b"\xef\xbb\xbf", "it is empty, without a heading"),
        ("orders.csv", b"\n\n \n", "it is empty, without a heading"),
        ("orders.csv", b"a,b\n1,2\n", "a heading with the columns InvoiceNo"),
        ("orders.csv", f"{HEAD},Price\n".encode(), r"two columns mean UnitPrice: column 6 .* and column 9"),
        (
            "orders.csv",
            f"{HEAD}\n1,2,caf\u00e9,1,2010-12-01 08:26:00,1,,{UK}\n".encode("latin-1"),
            "--encoding cp1252 reads '.*caf\u00e9",
        ),
        ("orders.csv.xz", b"not packed", "a heading with the columns InvoiceNo"),
        ("orders.csv.xz", b"\xfd7zXZ\x00not packed", "cannot be read"),
        ("orders.csv.gz", gzip.compress(HEAD.encode() * 99)[:-9], "cannot be read"),
        ("orders.xlsx", b"PK\x03\x04not packed", "cannot be read"),
        ("orders.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Save it as .xlsx"),
        ("orders.csv", b"%PDF-1.4", "a PDF"),
        ("missing.csv", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_was_expected(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        run(path)
    assert not Event.objects.exists()


def test_nothing_of_a_damaged_file_is_imported_before_it_is_repaired(file: Path) -> None:
    packed = file.with_name("cut.csv.gz")
    many = HEAD + "\n" + "".join(f"{n},1,Thing,1,2011-01-05 10:00:00,1.0,17850,{UK}\n" for n in range(500_000, 503_000))
    whole = gzip.compress(many.encode())
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match=r"nothing was imported.*cannot be read") as refused:
        run(packed)
    assert (refused.value.returncode, Event.objects.count()) == (2, 0)
    packed.write_bytes(whole)
    assert run(packed)["orders"] == 3000


def test_lines_that_come_long_after_the_others_of_their_invoice_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    lines = [f"536365,A,Thing,1,2010-12-01 08:26:00,1000,17850,{UK}"]
    lines += [f"{600_000 + n},B,Thing,1,2010-12-01 08:30:00,1,17850,{UK}" for n in range(300)]
    lines += [
        f"536365,C,Late,1,2010-12-01 08:26:00,1,17850,{UK}",
        f"C536366,C,Late,-1,2010-12-01 09:00:00,1,17850,{UK}",
    ]
    path.write_text("\n".join([HEAD, *lines]))
    report = run(path)
    assert report["quarantine"]["came long after the other lines of its invoice"] == 1
    assert report["orders_cancelled"] == 0
    assert StaffOrder.objects.get(reference="536365").total == 1000


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"536365,A,Thing,1,2010-12-01 08:26:00,1e30,17850,{UK}", "out of range"),
        (f"536365,A,Th\0ing,1,2010-12-01 08:26:00,1,17850,{UK}", "NUL"),
    ],
)
def test_a_line_no_database_could_take_is_quarantined(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(f"{HEAD}\n{line}\n")
    assert reason in str(run(path)["quarantine"])


def test_an_import_that_read_nothing_leaves_no_quarantine_file(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("a,b\n")
    with pytest.raises(CommandError):
        run(path)
    assert not path.with_name("quarantine.csv").exists()


REAL = os.environ.get("ORDERSITE_RETAIL_FILE", "")


@pytest.mark.skipif(not REAL, reason="ORDERSITE_RETAIL_FILE names no Online Retail file")
def test_the_real_months_agree_with_the_file_to_the_penny_in_all_read_models(tmp_path: Path) -> None:
    link = tmp_path / Path(REAL).name
    link.symlink_to(REAL)
    report = run(link)
    quarantined = {int(row["line"]) for row in csv.DictReader((tmp_path / "quarantine.csv").open(newline=""))}
    sold, credited = Decimal(0), Decimal(0)
    with lzma.open(REAL, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            if number not in quarantined:
                amount = (int(row["Quantity"]) * Decimal(row["UnitPrice"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
                sold, credited = (sold, credited - amount) if row["InvoiceNo"][0] == "C" else (sold + amount, credited)
    total = {figure: Decimal(amount) for figure, amount in report["totals"]["GBP"].items()}
    assert (total["sold"], total["paid"], total["refunded"]) == (sold, sold, credited)
    assert total["cancelled"] + total["returned"] + total["allowances"] - total["owed_back"] == credited
    assert report["commands_refused"] == {}
    assert report["customers_cancellation_lines"]["share"] >= 0.69
    for model in (StaffOrder, CustomerOrder, AccountingOrder):
        sums = model._default_manager.aggregate(**{figure: Sum(column) for figure, column in COLUMNS_OF.items()})
        assert sums == total, model
        assert model._default_manager.filter(status="cancelled").count() == report["orders_cancelled"]
    for figure, kind in KINDS_OF.items():
        assert AccountingDay.objects.aggregate(sum=Sum(SUMS[kind][1]))["sum"] == total[figure]
        assert (AccountingEntry.objects.filter(kind=kind).aggregate(sum=Sum("amount"))["sum"] or 0) == total[figure]
    events = Event.objects.count()
    assert run(link)["orders_added"] == 0
    assert Event.objects.count() == events
    for projection in PROJECTIONS.values():
        assert all(table.identical for table in rebuild(projection).differences)
