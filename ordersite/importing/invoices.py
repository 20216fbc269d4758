"""Lines to invoices: what each line says, or why it cannot be taken."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import msgspec

from orders.money import plain, rounded
from ordersite.importing.reading import BAD_DEBT, COLUMNS, CREDIT_NOTE, RawLine
from ordersite.importing.sales import CURRENCY

# In the real file an invoice's lines stand together but for a few that slipped behind the next invoice's.
LOOKAHEAD = 200
_DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")
_MOST = 1_000_000_000  # units of an article, or pounds for one
_REMEMBERED = 10_000  # texts whose meaning is remembered: a shop has some thousand articles and prices


class BadLine(ValueError):
    """A line that cannot be taken; the message is its reason, as the quarantine report counts it."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line that could be read. `at` is in the shop's time zone; `code` is the sku in upper case.

    `amount` is quantity times price, rounded to the penny.
    """

    raw: RawLine
    invoice: str
    sku: str
    code: str
    name: str
    quantity: int
    price: Decimal
    amount: Decimal
    at: datetime
    customer: str
    country: str


@dataclass
class Invoice:
    """All lines of one number, in the file's order. Its times are asked for once it has all of them."""

    number: str
    lines: list[Line] = field(default_factory=list)
    last_seen: int = 0

    @property
    def is_credit_note(self) -> bool:
        return self.number.startswith(CREDIT_NOTE)

    @property
    def is_bad_debt(self) -> bool:
        return self.number.startswith(BAD_DEBT)

    @cached_property
    def at(self) -> datetime:
        """The earliest time: some invoices took more than a minute to write."""
        return min(line.at for line in self.lines)

    @cached_property
    def until(self) -> datetime:
        """The latest time."""
        return max(line.at for line in self.lines)

    @property
    def customer(self) -> str:
        return self.lines[0].customer

    @property
    def country(self) -> str:
        return self.lines[0].country


def read_line(raw: RawLine, zone: ZoneInfo) -> Line:
    """Raises BadLine."""
    values = raw.values
    if len(values) != len(COLUMNS):
        raise BadLine("wrong number of columns")
    invoice, stock_code, description, units, date, unit_price, customer, country = values
    quantity, price, amount = _priced(units, unit_price)
    if "\0" in "".join(values):
        raise BadLine("a character that no database takes (NUL)")
    invoice = invoice.strip().upper()
    if price < 0 and not invoice.startswith(BAD_DEBT):
        raise BadLine("negative price")
    sku, code = _article(stock_code)
    if not invoice or not sku:
        raise BadLine("no invoice number or no stock code")
    return Line(
        raw,
        invoice,
        sku,
        code,
        description.strip() or sku,
        quantity,
        price,
        amount,
        _moment(date, zone),
        customer.strip(),
        country.strip(),
    )


@lru_cache(maxsize=_REMEMBERED)
def _priced(units: str, unit_price: str) -> tuple[int, Decimal, Decimal]:
    """Quantity, price and amount."""
    try:
        quantity, price = int(units), Decimal(unit_price)
    except (ValueError, InvalidOperation):
        raise BadLine("quantity or price is no number") from None
    if not price.is_finite() or abs(quantity) > _MOST or abs(price) > _MOST:
        raise BadLine("quantity or price is no number of this world")
    price = plain(price)
    return quantity, price, rounded(quantity * price, CURRENCY)


@lru_cache(maxsize=_REMEMBERED)
def _article(stock_code: str) -> tuple[str, str]:
    """Sku and code."""
    return stock_code.strip(), stock_code.strip().upper()


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
    invoice = Invoice("")
    for count, line in enumerate(lines):
        if line.invoice != invoice.number:
            while open_invoices and (head := next(iter(open_invoices.values()))).last_seen < count - 1 - LOOKAHEAD:
                yield open_invoices.pop(head.number)
            invoice = open_invoices.setdefault(line.invoice, Invoice(line.invoice))
        invoice.lines.append(line)
        invoice.last_seen = count
    yield from open_invoices.values()
