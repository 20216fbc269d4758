"""Lines to invoices: what each line says, or why it cannot be taken."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from orders.money import plain
from ordersite.importing.reading import BAD_DEBT, COLUMNS, CREDIT_NOTE, RawLine

# In the real file an invoice's lines stand together but for a few that slipped behind the next invoice's.
LOOKAHEAD = 200
_DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")
_MOST = 1_000_000_000  # units of an article, or pounds for one


class BadLine(ValueError):
    """A line that cannot be taken; the message is its reason, as the quarantine report counts it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that could be read. `at` is in the shop's time zone."""

    raw: RawLine
    sku: str
    name: str
    quantity: int
    price: Decimal
    at: datetime
    customer: str
    country: str


@dataclass(slots=True)
class Invoice:
    """All lines of one number, in the file's order."""

    number: str
    lines: list[Line] = field(default_factory=list)
    last_seen: int = 0

    @property
    def is_credit_note(self) -> bool:
        return self.number.startswith(CREDIT_NOTE)

    @property
    def is_bad_debt(self) -> bool:
        return self.number.startswith(BAD_DEBT)

    @property
    def at(self) -> datetime:
        """The earliest time: some invoices took more than a minute to write."""
        return min(line.at for line in self.lines)

    @property
    def customer(self) -> str:
        return self.lines[0].customer

    @property
    def country(self) -> str:
        return self.lines[0].country


def read_line(raw: RawLine, zone: ZoneInfo) -> Line:
    """Raises BadLine."""
    if len(raw.values) != len(COLUMNS):
        raise BadLine("wrong number of columns")
    number = raw.invoice
    try:
        quantity, price = int(raw["Quantity"]), Decimal(raw["UnitPrice"])
    except (ValueError, InvalidOperation):
        raise BadLine("quantity or price is no number") from None
    if not price.is_finite() or abs(quantity) > _MOST or abs(price) > _MOST:
        raise BadLine("quantity or price is no number of this world")
    if "\0" in "".join(raw.values):
        raise BadLine("a character that no database takes (NUL)")
    if price < 0 and not number.startswith(BAD_DEBT):
        raise BadLine("negative price")
    if not number or not raw["StockCode"].strip():
        raise BadLine("no invoice number or no stock code")
    return Line(
        raw=raw,
        sku=raw["StockCode"].strip(),
        name=raw["Description"].strip() or raw["StockCode"].strip(),
        quantity=quantity,
        price=plain(price),
        at=_moment(raw["InvoiceDate"], zone),
        customer=raw["CustomerID"].strip(),
        country=raw["Country"].strip(),
    )


@lru_cache(maxsize=LOOKAHEAD)  # an invoice's lines were written in the same minute
def _moment(text: str, zone: ZoneInfo) -> datetime:
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=zone)
        except ValueError:
            continue
    raise BadLine("the date cannot be read")


def invoices_of(lines: Iterable[Line]) -> Iterator[Invoice]:
    """Invoices in the order they begin, each once no more of its lines are to be expected."""
    open_invoices: dict[str, Invoice] = {}
    for count, line in enumerate(lines):
        number = line.raw.invoice
        invoice = open_invoices.setdefault(number, Invoice(number))
        invoice.lines.append(line)
        invoice.last_seen = count
        while (head := next(iter(open_invoices.values()))).last_seen < count - LOOKAHEAD:
            yield open_invoices.pop(head.number)
    yield from open_invoices.values()
