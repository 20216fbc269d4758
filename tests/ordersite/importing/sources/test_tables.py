"""A quarantine file may have rows of several kinds of tables, each with its own dialect. All come back as they were."""

from pathlib import Path

from ordersite.importing.quarantine import QuarantineWriter
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.options import read_options
from ordersite.importing.sources.survey import Survey, survey_files
from tests.support.importing_files import write_text
from tests.support.surveys import lines_of

ORDERS = TableKind("orders", (Column("order_id"), Column("placed", content=Content.DATE)))
ITEMS = TableKind(
    "items",
    (Column("order_id"), Column("sku"), Column("price", content=Content.MONEY), Column("note", is_required=False)),
)


def look(*paths: Path) -> Survey:
    return survey_files(paths, read_options(), [ORDERS, ITEMS], "Europe/London")


def test_rows_of_several_kinds_come_back_from_one_quarantine_file(tmp_path: Path) -> None:
    orders = write_text(
        tmp_path / "orders.csv", [["=1", "13/12/2010", "x"]], head=["order_id", "placed", "clerk"], delimiter=";"
    )
    items = write_text(
        tmp_path / "items.csv", [["1", "-A", "2,50"], ["2"]], head=["order_id", "sku", "price"], delimiter=";"
    )
    survey = look(orders, items)
    rows = [line for table in survey.tables for line in lines_of(table)]
    waiting = tmp_path / "quarantine.csv"
    with waiting.open("w", newline="") as out:
        writer = QuarantineWriter(out, survey.tables)
        for row in rows:
            writer.add(row, "some reason")
    again = look(waiting)
    assert (again.rows, [table.kind.name for table in again.tables]) == (3, ["orders", "items"])
    mended = [line for table in again.tables for line in lines_of(table)]
    for before, after in zip(rows, mended, strict=True):
        assert (list(before.values), before.number, before.problem) == (list(after.values), after.number, after.problem)
        assert (before.origin.file, before.origin.dialect) == (after.origin.file, after.origin.dialect)
    assert dict(zip(mended[0].origin.rest, mended[0].rest, strict=True))["clerk"] == "x"
