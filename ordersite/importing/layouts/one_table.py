"""A layout with one table, in which the rows of an order name it in their first column."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

from ordersite.importing.commands import Quarantined
from ordersite.importing.layouts.fields import BadOrder, Fields, require_readable
from ordersite.importing.layouts.grouping import RowStore, join_rows
from ordersite.importing.layouts.history import OrderHistory
from ordersite.importing.layouts.layout import Layout, Result
from ordersite.importing.sources.tables import RawLine, Reader, Table


class OneTable(Layout):
    """Collects the rows of each order. `date` is the column with the time at which the order was placed."""

    date: ClassVar[str]

    def __init__(self) -> None:
        self._store = RowStore()

    @abstractmethod
    def history(self, rows: Sequence[RawLine]) -> OrderHistory:
        """Return the history of one order. Raises BadOrder."""

    def results(self, tables: Sequence[Table], read: Reader) -> Iterator[Result]:
        """Yield the commands of all orders in the order of time, and the rows that are not imported."""
        for table in tables:
            for raw in read(table):
                yield from self._keep(raw)
        for key in self._store.keys(""):
            kept, others = join_rows(self._store.rows(key))
            yield from others
            if not kept:
                continue
            try:
                require_readable(kept)
                yield from self.history(kept).commands
            except BadOrder as bad:
                yield from bad.quarantined(kept)

    def _keep(self, raw: RawLine) -> Iterator[Quarantined]:
        key = raw.values[0].strip()
        if not key or "\0" in key:
            yield Quarantined(raw, raw.problem or f"no {self.kinds[0].columns[0].name}")
            return
        at = None
        with suppress(BadOrder):  # the order is quarantined once it is complete
            at = Fields([raw]).moment(self.date)
        self._store.add(key, raw, at)
