"""Read the values of an order's rows by the names of their columns."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from eventstore.errors import LimitExceeded
from eventstore.limits import times
from orders.values import ZERO
from ordersite.importing.commands import Quarantined
from ordersite.importing.sources.columns import TableKind
from ordersite.importing.sources.tables import RawLine
from ordersite.importing.sources.values import BadValue, read_identifier, read_moment, read_number

WAITING = "another row of its order cannot be imported"


class BadOrder(ValueError):
    """An order cannot be imported. The message is the reason; `raw` is the row that has it, None if all rows have."""

    def __init__(self, reason: str, raw: RawLine | None = None) -> None:
        super().__init__(reason)
        self.raw = raw

    def quarantined(self, rows: Sequence[RawLine]) -> list[Quarantined]:
        """Return all rows of the order: it is imported whole, or waits whole."""
        reason = str(self)
        return [Quarantined(raw, reason if self.raw is None or raw is self.raw else WAITING) for raw in rows]


class Fields:
    """The values that rows of one kind state together. A value may stand in one of the rows only, or in all of them."""

    def __init__(self, rows: Sequence[RawLine]) -> None:
        self.rows = rows
        self._places = _places_of(rows[0].origin.kind)
        self._row = rows[0] if len(rows) == 1 else None

    def text(self, name: str) -> str:
        """Return the value; "" if there is none. Raises BadOrder if the rows differ in it."""
        return self._find(name)[0]

    def identifier(self, name: str) -> str:
        """Return a number or code, the same however it is written. Raises BadOrder."""
        text, raw = self._find(name)
        try:
            return read_identifier(text, raw.origin.dialect.decimal)
        except BadValue as bad:
            raise BadOrder(f"{name} {bad}", self._row) from None

    def number(self, name: str, currency: str = "") -> Decimal:
        """Return a number or an amount of money; 0 if there is none. Raises BadOrder."""
        text, raw = self._find(name)
        if not text:
            return ZERO
        try:
            return read_number(text, raw.origin.dialect.decimal, currency)
        except BadValue as bad:
            raise BadOrder(f"{name} {bad}", self._row) from None

    def units(self, name: str) -> int:
        """Return a quantity. Raises BadOrder unless it is one or more whole units."""
        number = self.number(name)
        if number != number.to_integral_value():
            raise BadOrder("the quantity is not a whole number of units", self._row)
        if number <= 0:
            raise BadOrder("the quantity is not more than zero", self._row)
        return int(number)

    def moment(self, name: str) -> datetime | None:
        """Return a time, or None if there is none. Raises BadOrder."""
        text, raw = self._find(name)
        if not text:
            return None
        dialect = raw.origin.dialect
        try:
            return times.require_accepted(read_moment(text, dialect.date_order, dialect.zone))
        except BadValue as bad:
            raise BadOrder(f"{name} {bad}", self._row) from None
        except LimitExceeded as refusal:
            raise BadOrder(f"{name}: {refusal.message}", self._row) from None

    def _find(self, name: str) -> tuple[str, RawLine]:
        place = self._places[name]
        found = {value: raw for raw in reversed(self.rows) if (value := raw.values[place].strip())}
        if len(found) > 1:
            raise BadOrder(f"its rows do not agree about {name}")
        return next(iter(found.items()), ("", self.rows[0]))


def require_readable(rows: Sequence[RawLine]) -> None:
    """Raise BadOrder if a row's values cannot be trusted."""
    for raw in rows:
        if raw.problem:
            raise BadOrder(raw.problem, raw)


@lru_cache(maxsize=100)
def _places_of(kind: TableKind) -> dict[str, int]:
    return {column.name: place for place, column in enumerate(kind.columns)}
