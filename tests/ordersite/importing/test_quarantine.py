"""Quarantine files: safe to write, safe to open, and imported as they are once they are mended."""

import csv
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from eventstore.dispatch import dispatch_batch
from eventstore.models import Event
from ordersite.importing import run as importing
from ordersite.importing.sources.tables import escape, unescape
from projections.staff.orders import StaffOrder
from tests.support.importing import HEAD, UK, quarantined, run
from tests.support.importing_files import COLUMNS, invoice, write_book, write_text

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = invoice(1, "13/12/2010 08:26", price="2,55")
BAD = invoice(2, "13/12/2010 09:00", units="two", price="1.234,50")
WITH_BAD = invoice(2, "13/12/2010 09:00", sku="BB", price="3,00")


def rewrite(path: Path, mend: Callable[[dict[str, str]], None]) -> None:
    rows = quarantined(path)
    for row in rows:
        mend(row)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def references() -> list[str]:
    return sorted(StaffOrder.objects.values_list("reference", flat=True))


def test_an_invoice_with_a_bad_line_waits_whole_and_goes_in_once_it_is_mended(tmp_path: Path) -> None:
    path = write_text(tmp_path / "day.csv", [GOOD, BAD, WITH_BAD], delimiter=";", encoding="utf-16")
    report = run(path)
    assert report["quarantine"] == {
        "quantity or price is not a number": 1,
        "another line of its invoice cannot be imported": 1,
    }
    assert references() == ["1"]
    waiting = tmp_path / "quarantine.csv"
    first = quarantined(waiting)[0]
    assert {name: first[name] for name in ("line", "file", "sheet", "Quantity", "UnitPrice", "InvoiceDate")} == {
        "line": "3",
        "file": str(path),
        "sheet": "",
        "Quantity": "two",
        "UnitPrice": "1.234,50",
        "InvoiceDate": "13/12/2010 09:00",
    }
    rewrite(waiting, lambda row: row.update(Quantity=row["Quantity"].replace("two", "2")))
    report = run(waiting, quarantine="second.csv")
    assert (report["orders_added"], report["lines_quarantined"]) == (1, 0)
    order = StaffOrder.objects.get(reference="2")
    assert (order.total, order.placed_at.isoformat()) == (2472, "2010-12-13T09:00:00+00:00")
    events = Event.objects.count()
    assert run(waiting, quarantine="second.csv")["orders_added"] == 0
    assert Event.objects.count() == events, "a second import of the mended file does nothing"


def test_a_quarantine_file_that_nobody_mended_is_quarantined_again_for_the_same_reasons(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(
        f'{HEAD}\n1,AA,Mug\n2,AA,Mug, large,1,2010-12-01,2.50,17850,{UK}\n3,AA,"Mug" x,1,2010-12-01,2.50,17850,{UK}\n'
        f"4,AA,=1+1,x,2010-12-01,2.50,17850,{UK}\n5,AA,Mug,1,2010-12-01,2.50,5E+10,{UK}\n6,AA,Mug,1.5,2010-12-01,2.50,,{UK}\n"
    )
    first = run(path)
    assert first["lines_quarantined"] == 6
    again = run(tmp_path / "quarantine.csv", quarantine="second.csv")
    assert again["quarantine"] == first["quarantine"]
    assert (tmp_path / "second.csv").read_text() == (tmp_path / "quarantine.csv").read_text()
    assert not Event.objects.exists()


def test_cells_that_a_sheet_does_not_have_have_to_be_filled_in(tmp_path: Path) -> None:
    row = [*invoice(1, "2010-12-01")[:6], "=A1", UK]
    report = run(write_book(tmp_path / "book.xlsx", May=[COLUMNS, row]))
    assert report["quarantine"] == {"a formula whose value is not stored in the file": 1}
    waiting = tmp_path / "quarantine.csv"
    assert (quarantined(waiting)[0]["sheet"], quarantined(waiting)[0]["CustomerID"]) == (
        "May",
        "(formula without a value)",
    )
    rewrite(waiting, lambda row: row.update(CustomerID="17850"))
    assert run(waiting, quarantine="second.csv")["orders_added"] == 1


def test_a_mended_file_and_its_source_are_one_history(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    rows = [invoice(1, "2010-12-01 09:00", units=5), invoice("C2", "2010-12-05 09:00", units="-two")]
    write_text(folder / "day.csv", [*rows, invoice(3, "2010-12-20")])
    assert run(folder)["lines_quarantined"] == 1
    waiting = tmp_path / "quarantine.csv"
    rewrite(waiting, lambda row: row.update(Quantity="-2"))
    waiting.rename(folder / "mended.csv")
    report = run(folder)
    assert (report["lines_quarantined"], report["returns"], report["orders"]) == (0, 1, 2)
    assert report["not_read"] == {"mended in a quarantine file": 1}


def test_mended_rows_find_their_invoices_in_whatever_order_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    rows = [invoice(n, f"2010-12-{1 + n // 20:02}", sku=sku) for n in range(1, 400) for sku in ("AA", "BB")]
    rows[0][3] = rows[-1][3] = "two"
    write_text(folder / "day.csv", rows)
    assert run(folder)["lines_quarantined"] == 4
    waiting = tmp_path / "quarantine.csv"
    rewrite(waiting, lambda row: row.update(Quantity=row["Quantity"].replace("two", "2")))
    heading, *mended = waiting.read_text().splitlines(keepends=True)
    (folder / "mended.csv").write_text("".join([heading, *reversed(mended)]))
    report = run(folder)
    assert (report["orders"], report["orders_added"], report["lines_quarantined"]) == (399, 2, 0)
    assert report["not_read"] == {"mended in a quarantine file": 4}


def test_what_a_spreadsheet_would_calculate_is_written_as_text_and_read_back(tmp_path: Path) -> None:
    for text in ("=1+1", "+A1", "-A1", "@x", "\t=1", "'quoted", "''", "-5", "+2.50", "", "plain"):
        assert unescape(escape(text)) == text
    assert [escape(text) for text in ("=1", "-5", "'x")] == ["'=1", "-5", "''x"]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_every_text_comes_back_from_a_quarantine_file(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not escape(text).lstrip().startswith(("=", "@", "＝"))  # noqa: RUF001 - a sign that some spreadsheets take for another


def test_a_heading_that_is_a_formula_is_written_as_text_and_read_back(tmp_path: Path) -> None:
    path = write_text(tmp_path / "day.csv", [[*BAD, "x"]], head=[*COLUMNS, "=1+1"])
    assert run(path)["lines_quarantined"] == 1
    waiting = tmp_path / "quarantine.csv"
    assert "'=1+1" in waiting.read_text().splitlines()[0].split(",")
    rewrite(waiting, lambda row: row.update(Quantity="many"))
    assert run(waiting, quarantine="second.csv")["lines_quarantined"] == 1
    assert (tmp_path / "second.csv").read_text().splitlines()[0] == waiting.read_text().splitlines()[0]


def test_a_quarantine_file_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    path = write_text(tmp_path / "day.csv", [BAD])
    before = path.read_bytes()
    other = tmp_path / "other.csv"
    other.write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    for target, words in (
        (path, "is a file of the import"),
        (link, "is a file of the import"),
        (other, "there is such a file already"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "q.csv", "cannot be written"),
    ):
        for options in ([], ["--overwrite-quarantine"]) if target is not other else ([],):
            with pytest.raises(CommandError, match=words) as refused:
                call_command("import_orders", str(path), "--quarantine", str(target), *options)
            assert refused.value.returncode == 2
    assert (path.read_bytes(), other.read_text()) == (before, "mine")
    assert not Event.objects.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["day.csv", "link.csv", "other.csv"]


def test_a_quarantine_file_without_a_name_gets_one_that_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "day.csv", [BAD])
    monkeypatch.chdir(tmp_path)
    for name in ("quarantine-day.csv", "quarantine-day-2.csv"):
        with pytest.raises(CommandError, match=f"lines that are not imported: 1. Mend them in {name}"):
            call_command("import_orders", "day.csv")
        assert (tmp_path / name).exists()


def test_without_quarantined_lines_there_is_no_quarantine_file_and_the_exit_code_is_0(tmp_path: Path) -> None:
    path = write_text(tmp_path / "day.csv", [GOOD], delimiter=";")
    call_command("import_orders", str(path), "--quarantine", str(tmp_path / "q.csv"))
    assert [each.name for each in tmp_path.iterdir()] == ["day.csv"]


def test_the_number_of_quarantined_lines_that_is_allowed_can_be_named(tmp_path: Path) -> None:
    path = write_text(tmp_path / "day.csv", [GOOD, BAD, WITH_BAD], delimiter=";")
    target = ["--quarantine", str(tmp_path / "q.csv"), "--overwrite-quarantine"]
    call_command("import_orders", str(path), *target, "--allow-quarantined", "2")
    with pytest.raises(CommandError) as quarantining:
        call_command("import_orders", str(path), *target, "--allow-quarantined", "1")
    assert quarantining.value.returncode == 1


def test_a_full_disk_stops_the_import_and_leaves_no_half_file(tmp_path: Path) -> None:
    rows = [invoice(n, "2010-12-01", units="two", name="x" * 4000) for n in range(9)]
    path = write_text(tmp_path / "day.csv", [*rows, invoice(10, "2010-12-01")])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # a file cannot become larger than this
    try:
        with pytest.raises(CommandError, match=r"stopped: the quarantine file .* cannot be written") as stopped:
            run(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert stopped.value.returncode == 3
    assert [each.name for each in tmp_path.iterdir()] == ["day.csv"]
    assert run(path)["lines_quarantined"] == 9


def test_an_import_that_is_interrupted_leaves_no_half_file_and_is_finished_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_text(tmp_path / "day.csv", [invoice(n, "2010-12-01") for n in range(1, 9)] + [invoice(9, "never")])
    monkeypatch.setattr(importing, "BATCH", 4)
    send = dispatch_batch

    def interrupt(*args: Any) -> Any:
        if Event.objects.exists():
            raise KeyboardInterrupt
        return send(*args)

    monkeypatch.setattr(importing, "dispatch_batch", interrupt)
    with pytest.raises(CommandError, match="stopped: interrupted") as stopped:
        run(path)
    monkeypatch.setattr(importing, "dispatch_batch", send)
    assert stopped.value.returncode == 3
    assert 0 < Event.objects.count() < 16
    assert [each.name for each in tmp_path.iterdir()] == ["day.csv"]
    report = run(path)
    assert (report["orders"], report["lines_quarantined"]) == (8, 1)
    assert Event.objects.count() == 16
