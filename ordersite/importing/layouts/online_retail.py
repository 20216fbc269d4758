"""The layout of the UCI Online Retail data sets: a row is a line of an invoice or a credit note."""

from collections.abc import Iterator, Sequence
from typing import Any

from ordersite.importing.commands import Quarantined
from ordersite.importing.invoices import CREDIT_NOTE, invoices_of, read_line
from ordersite.importing.joining import in_time_order, join_files
from ordersite.importing.layouts.layout import Layout, Result
from ordersite.importing.mapping import Mapper
from ordersite.importing.sales import CURRENCY
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.tables import RawLine, Reader, Table

KIND = TableKind(
    "online-retail",
    (
        Column("InvoiceNo", ("Invoice", "Invoice Number")),
        Column("StockCode", ("SKU",)),
        Column("Description", ("Product",)),
        Column("Quantity", ("Qty",), Content.NUMBER),
        Column("InvoiceDate", ("Date",), Content.DATE),
        Column("UnitPrice", ("Price",), Content.MONEY),
        Column("CustomerID", ("Customer", "Customer Number")),
        Column("Country"),
    ),
    CURRENCY,
)
COLUMNS = tuple(column.name for column in KIND.columns)
_INVOICE, _DATE, _CUSTOMER = (KIND.index(name) for name in ("InvoiceNo", "InvoiceDate", "CustomerID"))


class OnlineRetail(Layout):
    """One table, whose rows are lines of invoices. Several tables are one history, in the order of time."""

    name = "online-retail"
    title = "UCI Online Retail: a row is a line of an invoice"
    kinds = (KIND,)

    def __init__(self) -> None:
        self.mapper = Mapper()

    def results(self, tables: Sequence[Table], read: Reader) -> Iterator[Result]:
        """Yield the commands of all invoices, and the rows that are not imported."""
        mapper = self.mapper
        for invoice in invoices_of(map(read_line, in_time_order(tables, read, _DATE))):
            if not invoice.number:
                yield from (Quarantined(line.raw, line.problem) for line in invoice.lines)
                continue
            if len(tables) > 1:
                yield from join_files(invoice)
            if invoice.lines:
                yield from mapper.results(invoice)
        yield from mapper.end()

    def figures(self) -> dict[str, Any]:
        """Return how many invoices have lines with different times."""
        return {"invoices_with_several_times": self.mapper.several_times}

    def is_customers_cancellation(self, raw: RawLine) -> bool:
        """Return whether the row is a line of a credit note that names a customer."""
        return raw.values[_INVOICE].strip().upper().startswith(CREDIT_NOTE) and bool(raw.values[_CUSTOMER].strip())
