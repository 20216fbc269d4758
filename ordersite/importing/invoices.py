"""Read the values of each line, and collect lines into invoices."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, lru_cache

import msgspec

from eventstore.errors import LimitExceeded
from eventstore.limits import times
from orders.money import plain, rounded
from orders.values import ZERO
from ordersite.importing.commands import Quarantined
from ordersite.importing.sales import CURRENCY
from ordersite.importing.sources.tables import PROBLEMS, Dialect, RawLine
from ordersite.importing.sources.values import BadValue, read_identifier, read_moment, read_number

CREDIT_NOTE, BAD_DEBT = "C", "A"  # first letter of their invoice numbers; the numbers of orders have none
# In the real file the lines of an invoice are together, except for a few that come after the next invoice's lines.
LOOKAHEAD = 200  # lines
_MAXIMUM = 1_000_000_000  # units of an article, or pounds for one unit
_CACHED = 10_000  # parsed texts: a shop has some thousand articles and prices
_NOWHEN = datetime.min.replace(tzinfo=UTC)


WAITING = "another line of its invoice cannot be imported"


class BadLine(ValueError):
    """A line cannot be imported. The message is the reason, as the report counts it."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """The values of a line. `at` is in the shop's time zone; `code` is the sku in upper case.

    `amount` is quantity times price, rounded to the penny. A line with a `problem` has an invoice number at most, and
    cannot be imported.
    """

    raw: RawLine
    invoice: str
    sku: str = ""
    code: str = ""
    name: str = ""
    quantity: int = 0
    price: Decimal = ZERO
    amount: Decimal = ZERO
    at: datetime = _NOWHEN
    customer: str = ""
    country: str = ""
    problem: str = ""


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

    def problems(self, find: Callable[[Line], str]) -> list[Quarantined]:
        """Return all lines with their problems, if one cannot be read or `find` finds something; else an empty list.

        An order that lacks a line is wrong. So an invoice is imported whole, or waits whole until it is mended.
        """
        reasons = [line.problem for line in self.lines]
        if not any(reasons):
            reasons = [find(line) for line in self.lines]
        if not any(reasons):
            return []
        return [Quarantined(line.raw, reason or WAITING) for line, reason in zip(self.lines, reasons, strict=True)]

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


def read_line(raw: RawLine) -> Line:
    """Return the values of a line, or its problem."""
    try:
        return _read_line(raw)
    except BadLine as bad:
        return Line(raw, _invoice_number(raw), problem=str(bad))


def _invoice_number(raw: RawLine) -> str:
    """Return the invoice number of a line with a problem; "" if that is what cannot be read."""
    with suppress(BadValue):
        number = read_identifier(raw.values[0], raw.origin.dialect.decimal).upper()
        return "" if "\0" in number or number in PROBLEMS else number
    return ""


def _read_line(raw: RawLine) -> Line:
    if raw.problem:
        raise BadLine(raw.problem)
    dialect = raw.origin.dialect
    invoice, stock_code, description, units, date, unit_price, customer, country = raw.values
    quantity, price, amount = _quantity_and_price(units, unit_price, dialect.decimal)
    if "\0" in "".join(raw.values):
        raise BadLine("a character that PostgreSQL cannot store (NUL)")
    try:
        invoice = read_identifier(invoice, dialect.decimal).upper()
        customer = read_identifier(customer, dialect.decimal)
        sku, code = _article(stock_code, dialect.decimal)
    except BadValue as bad:
        raise BadLine(f"an identifier {bad}") from None
    if price < 0 and not invoice.startswith(BAD_DEBT):
        raise BadLine("negative price")
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
        _moment(date, dialect),
        customer,
        country.strip(),
    )


@lru_cache(maxsize=_CACHED)
def _quantity_and_price(units: str, unit_price: str, decimal: str) -> tuple[int, Decimal, Decimal]:
    """Return quantity, price and amount. Raises BadLine."""
    try:
        number, price = read_number(units, decimal), read_number(unit_price, decimal, CURRENCY)
    except BadValue:
        raise BadLine("quantity or price is not a number") from None
    if abs(number) > _MAXIMUM or abs(price) > _MAXIMUM:
        raise BadLine("quantity or price is out of range")
    if number != number.to_integral_value():
        raise BadLine("the quantity is not a whole number of units")
    price = plain(price)
    return int(number), price, rounded(int(number) * price, CURRENCY)


@lru_cache(maxsize=_CACHED)
def _article(stock_code: str, decimal: str) -> tuple[str, str]:
    """Return sku and code. Raises BadValue."""
    sku = read_identifier(stock_code, decimal)
    return sku, sku.upper()


@lru_cache(maxsize=LOOKAHEAD)  # the lines of an invoice have the same time
def _moment(text: str, dialect: Dialect) -> datetime:
    try:
        return times.require_accepted(read_moment(text, dialect.date_order, dialect.zone))
    except BadValue as bad:
        raise BadLine(f"the date {bad}") from None
    except LimitExceeded as refusal:
        raise BadLine(refusal.message) from None


def invoices_of(lines: Iterable[Line]) -> Iterator[Invoice]:
    """Yield invoices in the order of their first lines, each once LOOKAHEAD lines passed without a line of it.

    A line without a number comes at once, as an invoice without a number.
    """
    open_invoices: dict[str, Invoice] = {}
    invoice = Invoice("")
    for count, line in enumerate(lines):
        if not line.invoice:
            yield Invoice("", [line])
            continue
        if line.invoice != invoice.number:
            while open_invoices and (head := next(iter(open_invoices.values()))).last_seen < count - 1 - LOOKAHEAD:
                yield open_invoices.pop(head.number)
            invoice = open_invoices.setdefault(line.invoice, Invoice(line.invoice))
        invoice.lines.append(line)
        invoice.last_seen = count
    yield from open_invoices.values()
