"""A folder of files in ten dialects: every row is accounted for, and everything that was found out is said."""

import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from eventstore.models import Event
from ordersite.importing.commands import Quarantined
from ordersite.importing.layouts.online_retail import OnlineRetail
from ordersite.importing.sources.survey import survey_files
from projections.staff.orders import StaffOrder
from tests.support.importing import HEAD, UK, run
from tests.support.importing_files import COLUMNS, DAYS, change_member, invoice, write_book, write_text

pytestmark = pytest.mark.django_db(transaction=True)

DATES = {
    "uk": "{day}/12/2010 08:26",
    "us": "12/{day}/2010 8:26 AM",
    "de": "{day}.12.2010 08:26:00",
    "iso": "2010-12-{day} 08:26",
    "zulu": "2010-12-{day}T08:26:00Z",
}


def month(first: int, dates: str, **values: Any) -> list[list[Any]]:
    """An invoice a day."""
    return [invoice(first + at, DATES[dates].format(day=day), **values) for at, day in enumerate(DAYS)]


def ten_dialects(folder: Path) -> None:
    folder.mkdir()
    write_text(folder / "01-uk.csv", month(100_100, "uk", name="Caf\u00e9"), encoding="cp1252")
    write_text(folder / "02-us.tsv", month(100_200, "us"), delimiter="\t")
    write_text(folder / "03-de.csv", month(100_300, "de", price="1.002,50"), delimiter=";", encoding="utf-8-sig")
    write_text(
        folder / "04-wide.txt", month(100_400, "iso", name="Caf\u00e9 \u20ac"), delimiter="\t", encoding="utf-16"
    )
    (folder / "05-old.csv.xz").write_bytes(
        lzma.compress(write_text(folder / "tmp", month(100_500, "iso"), delimiter="|", end="\r").read_bytes())
    )
    aliases = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    (folder / "06-second.csv.gz").write_bytes(
        gzip.compress(write_text(folder / "tmp", month(100_600, "iso", units="1.0"), head=aliases).read_bytes())
    )
    (folder / "tmp").unlink()
    with zipfile.ZipFile(folder / "07-days.zip", "w") as archive:
        for at, row in enumerate(month(100_700, "zulu")):
            archive.writestr(f"{at}.csv", f"{HEAD}\n{','.join(map(str, row))}\n")
    rows = month(100_800, "iso")
    write_book(folder / "08-sheets.xlsx", Begin=[COLUMNS, *rows[:20]], End=[COLUMNS, *rows[20:]], Notes=[["x"], ["y"]])
    change_member(folder / "08-sheets.xlsx", "xl/worksheets/sheet1.xml", 'ref="A1:H21"', 'ref="A1:H2"')
    write_text(folder / "09-pounds.csv", month(100_900, "uk", price="\u00a31,002.50"))
    odd = [*month(101_000, "iso"), ["101031"], invoice(101_032, "2010-12-01", units="1.5"), [""] * 8, COLUMNS]
    write_text(folder / "10-odd.csv", odd, delimiter=";")
    (folder / "readme.md").write_text("hello")


def test_ten_dialects_are_one_history_of_which_every_row_is_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "dialects"
    ten_dialects(folder)
    with pytest.raises(CommandError, match=r"01-uk.csv is not UTF-8.*--encoding cp1252") as refused:
        run(folder)
    assert (refused.value.returncode, Event.objects.count()) == (2, 0)
    report = run(folder, "--encoding", "01-uk.csv=cp1252")
    assert (report["rows"], report["lines_imported"], report["orders"]) == (10 * 31 + 4 + 2, 310, 310)
    assert report["quarantine"] == {"wrong number of columns": 1, "the quantity is not a whole number of units": 1}
    assert sum(report["not_read"].values()) == report["rows_not_read"] == 4
    days = StaffOrder.objects.values_list("placed_at__date", flat=True)
    assert {each.month for each in days} == {12}
    assert len(set(days)) == 31
    assert StaffOrder.objects.get(reference="100330").total == StaffOrder.objects.get(reference="100930").total
    assert StaffOrder.objects.get(reference="100330").total == Decimal("1002.50")
    assert StaffOrder.objects.get(reference="100130").lines[0].name == "Caf\u00e9"
    assert StaffOrder.objects.get(reference="100430").lines[0].name == "Caf\u00e9 \u20ac"
    assert set(StaffOrder.objects.values_list("customer_name", flat=True)) == {"Customer 17850"}


def test_everything_that_was_found_out_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "dialects"
    ten_dialects(folder)
    out = io.StringIO()
    call_command("import_orders", str(folder), "--encoding", "01-uk.csv=cp1252", "--dry-run", stdout=out)
    said = {line.split(": ")[0].removeprefix(f"{folder}/"): line for line in out.getvalue().splitlines()}
    for name, words in {
        "01-uk.csv": ("31 rows", "cp1252", "delimiter comma", "day first ('13/12/2010 08:26' on line 14)"),
        "02-us.tsv": ("utf-8", "delimiter tab", "month first ('12/13/2010 8:26 AM' on line 14)"),
        "03-de.csv": ("delimiter semicolon", "decimal sign comma ('1.002,50' on line 2)", "times in Europe/London"),
        "04-wide.txt": ("utf-16",),
        "05-old.csv.xz": ("delimiter bar", "dates year first"),
        "06-second.csv.gz": ("'Invoice' = InvoiceNo", "'Price' = UnitPrice", "'Customer ID' = CustomerID"),
        "08-sheets.xlsx [Begin]": ("20 rows", "a sheet"),
        "08-sheets.xlsx [Notes]": ("not read (2 rows)",),
        "readme.md": ("not read",),
    }.items():
        assert all(each in said[name] for each in words), said[name]
    assert not Event.objects.exists(), "a dry run imports nothing"
    out = io.StringIO()
    call_command("import_orders", str(folder), "--encoding", "01-uk.csv=cp1252", "--dry-run", "--json", stdout=out)
    assert len(json.loads(out.getvalue())["files"]) == 9 + 31 + 1


def test_what_dates_do_not_say_is_said_with_its_count(tmp_path: Path) -> None:
    dates = ["31/10/10 01:30", "31/10/10 01:10", "30/10/10", "28/03/2010 01:30", "31/10/2010 01:30:00+00:00", "soon"]
    path = write_text(tmp_path / "autumn.csv", [invoice(n, date) for n, date in enumerate(dates, 1)])
    report = run(path)
    (file,) = report["files"]
    assert file["dates_assumed"] == {
        "years_of_two_digits": 3,
        "dates_without_time": 1,
        "times_in_a_repeated_hour": 2,
        "times_that_clocks_leave_out": 1,
    }
    assert (report["lines_imported"], report["lines_quarantined"]) == (4, 2)
    said, mended = said_of(path), said_of(path.with_name("quarantine.csv"))
    for words in (
        "3 dates with a year of two digits, read as 2000 to 2099",
        "1 date without a time, read as 00:00",
        "2 dates in an hour that the clocks of Europe/London repeat, read as the first of the two",
        "1 date in an hour that the clocks of Europe/London leave out, to be quarantined",
    ):
        assert words in said
    assert "1 date in an hour that the clocks of its time zone leave out" in mended
    assert "clocks" not in said_of(path, "--time-zone", "UTC")
    assert "dates in" not in said_of(write_text(tmp_path / "plain.csv", month(1, "iso")))


def said_of(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("import_orders", str(path), *options, "--dry-run", stdout=out)
    return out.getvalue()


def test_an_invoice_a_day_keeps_its_days(tmp_path: Path) -> None:
    path = write_text(tmp_path / "month.csv", month(1, "uk"))
    assert run(path)["lines_imported"] == 31
    assert sorted(each.isoformat() for each in StaffOrder.objects.values_list("placed_at__date", flat=True)) == [
        f"2010-12-{day}" for day in DAYS
    ]


def test_a_customer_written_as_a_decimal_is_the_same_customer(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        f"{HEAD}\n1,AA,Mug,2,2010-12-01,2.50,17850.0,{UK}\n1,BB,Mug,2.0,2010-12-01,2.50,17850,{UK}\n"
        f"C2,AA,Mug,-1,2010-12-01 10:00,2.50,17850.0,{UK}\n3.0,AA,Mug,1,2010-12-02,2.50,17850.00,{UK}\n"
    )
    report = run(path)
    assert (report["orders"], report["lines_cancelling"], report["lines_quarantined"]) == (2, 1, 0)
    commas = path.read_text().replace(",", ";").replace(".", ",").replace("\n1;", "\n4;").replace("\n3,0;", "\n5,0;")
    path.write_text(commas.replace("C2;", "C6;"))
    assert run(path)["orders"] == 2
    assert len(set(StaffOrder.objects.values_list("customer_id", flat=True))) == 1
    assert sorted(StaffOrder.objects.values_list("reference", flat=True)) == ["1", "3", "4", "5"]


def test_a_folder_of_days_is_one_history_in_the_order_of_time(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    write_text(folder / "a-later.csv", [invoice("C3", "2010-12-05 10:00", units=-2), invoice(4, "2010-12-09")])
    write_text(folder / "b-earlier.csv", [invoice(1, "2010-12-01 10:00", units=5)])
    report = run(folder)
    assert (report["returns"], report["lines_quarantined"]) == (1, 0)
    assert StaffOrder.objects.get(reference="1").return_status == "partial"


def test_an_invoice_in_two_files_is_repeated_split_or_a_contradiction(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    same = [invoice(1, "2010-12-01", sku="AA"), invoice(1, "2010-12-01", sku="BB")]
    split = [invoice(2, "2010-12-01", sku="AA"), invoice(2, "2010-12-01", sku="BB")]
    wrong = [invoice(3, "2010-12-01", sku="AA"), invoice(3, "2010-12-01", sku="BB")]
    write_text(folder / "one.csv", [*same, split[0], *wrong])
    write_text(folder / "two.csv", [*same, split[1], wrong[0]], delimiter=";")
    report = run(folder)
    assert report["not_read"] == {"the same invoice as in another file": 2}
    assert report["quarantine"] == {"files contradict each other about this invoice": 3}
    assert {order.reference: order.line_count for order in StaffOrder.objects.all()} == {"1": 2, "2": 2}


@pytest.mark.parametrize("content", ["a chart", "no content types"])
def test_a_workbook_that_cannot_be_read_is_refused_without_a_traceback(tmp_path: Path, content: str) -> None:
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart")
    book.remove(book.worksheets[0])
    book.save(path)
    if content == "no content types":
        change_member(path, "[Content_Types].xml", "", None)
    with pytest.raises(CommandError, match="nothing was imported") as refused:
        run(path)
    assert refused.value.returncode == 2


def test_a_row_without_an_outcome_stops_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_text(tmp_path / "day.csv", [invoice(1, "2010-12-01"), invoice(2, "never")])
    results = OnlineRetail.results

    def forget(self: OnlineRetail, *args: Any) -> Iterator[Any]:
        return (result for result in results(self, *args) if not isinstance(result, Quarantined))

    monkeypatch.setattr(OnlineRetail, "results", forget)
    with pytest.raises(CommandError, match="2 rows were counted before the import, and 1 have an outcome") as stopped:
        run(path)
    assert stopped.value.returncode == 3


def test_a_file_that_is_changed_between_both_readings_stops_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_text(tmp_path / "day.csv", [invoice(1, "2010-12-01")])
    survey = survey_files

    def change(*args: Any) -> Any:
        found = survey(*args)
        write_text(path, [invoice(1, "2010-12-01"), invoice(2, "2010-12-01")])
        return found

    monkeypatch.setattr("ordersite.importing.run.survey_files", change)
    with pytest.raises(CommandError, match="a file was changed meanwhile"):
        run(path)
