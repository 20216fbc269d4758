"""Read the values of each line, and collect lines into invoices."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import msgspec

from eventstore.errors import LimitExceeded
from eventstore.limits import times
from orders.money import plain, rounded
from ordersite.importing.reading import BAD_DEBT, COLUMNS, CREDIT_NOTE, RawLine
from ordersite.importing.sales import CURRENCY

# In the real file the lines of an invoice are together, except for a few that come after the next invoice's lines.
LOOKAHEAD = 200  # lines
_DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")
_MAXIMUM = 1_000_000_000  # units of an article, or pounds for one unit
_CACHED = 10_000  # parsed texts: a shop has some thousand articles and prices


class BadLine(ValueError):
    """A line cannot be imported. The message is the reason, as the report counts it."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """The values of a line. `at` is in the shop's time zone; `code` is the sku in upper case.

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
    """All lines with one invoice number, in the file's order. Read `at` and `until` only once it is complete."""

    number: str
    lines: list[Line] = field(default_factory=list)
    last_seen: int = 0

    @property
    def is_credit_note(self) -> bool:
        """Whether the number begins with C."""
        return self.number.startswith(CREDIT_NOTE)

    @property
    def is_bad_debt(self) -> bool:
        """Whether the number begins with A."""
        return self.number.startswith(BAD_DEBT)

    @cached_property
    def at(self) -> datetime:
        """Return the earliest time of its lines; the lines of some invoices have different times."""
        return min(line.at for line in self.lines)

    @cached_property
    def until(self) -> datetime:
        """Return the latest time of its lines."""
        return max(line.at for line in self.lines)

    @property
    def customer(self) -> str:
        """Return the customer of its first line; "" for a guest."""
        return self.lines[0].customer

    @property
    def country(self) -> str:
        """Return the country of its first line."""
        return self.lines[0].country


def read_line(raw: RawLine, zone: ZoneInfo) -> Line:
    """Return the values of a line. Raises BadLine."""
    values = raw.values
    if len(values) != len(COLUMNS):
        raise BadLine("wrong number of columns")
    invoice, stock_code, description, units, date, unit_price, customer, country = values
    quantity, price, amount = _quantity_and_price(units, unit_price)
    if "\0" in "".join(values):
        raise BadLine("a character that PostgreSQL cannot store (NUL)")
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


@lru_cache(maxsize=_CACHED)
def _quantity_and_price(units: str, unit_price: str) -> tuple[int, Decimal, Decimal]:
    """Return quantity, price and amount. Raises BadLine."""
    try:
        quantity, price = int(units), Decimal(unit_price)
    except (ValueError, InvalidOperation):
        raise BadLine("quantity or price is not a number") from None
    if not price.is_finite() or abs(quantity) > _MAXIMUM or abs(price) > _MAXIMUM:
        raise BadLine("quantity or price is out of range")
    price = plain(price)
    return quantity, price, rounded(quantity * price, CURRENCY)


@lru_cache(maxsize=_CACHED)
def _article(stock_code: str) -> tuple[str, str]:
    """Return sku and code."""
    return stock_code.strip(), stock_code.strip().upper()


@lru_cache(maxsize=LOOKAHEAD)  # the lines of an invoice have the same time
def _moment(text: str, zone: ZoneInfo) -> datetime:
    for date_format in _DATE_FORMATS:
        try:
            moment = datetime.strptime(text.strip(), date_format).replace(tzinfo=zone)
        except ValueError:
            continue
        try:
            return times.require_accepted(moment)
        except LimitExceeded as refusal:
            raise BadLine(refusal.message) from None
    raise BadLine("the date cannot be read")


def invoices_of(lines: Iterable[Line]) -> Iterator[Invoice]:
    """Yield invoices in the order of their first lines, each once LOOKAHEAD lines passed without a line of it."""
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
