"""What a layout has to say. To add one, write a module beside this one, and list its class in the package."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ordersite.importing.commands import ImportCommand, Quarantined, Unused
from ordersite.importing.sources.columns import TableKind
from ordersite.importing.sources.tables import RawLine, Reader, Table

Result = ImportCommand | Quarantined | Unused


class Layout(ABC):
    """Turns the rows of the tables of one import into commands. An instance serves one import.

    Each row has to come out once: in the `pending` lines of the commands that depend on it, as `Quarantined`, or as
    `Unused`. The import fails if the sum is wrong. A row with a `problem` must not be used.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kinds: ClassVar[tuple[TableKind, ...]]

    def require_tables(self, tables: Sequence[Table]) -> None:  # noqa: B027 - most layouts have one table only
        """Raise UnreadableFile if a table is missing without which nothing can be imported."""

    @abstractmethod
    def results(self, tables: Sequence[Table], read: Reader) -> Iterator[Result]:
        """Yield the commands of all tables, and the rows that do not become one."""

    def figures(self) -> dict[str, Any]:
        """Return figures of its own for the report, once everything is read."""
        return {}

    def is_customers_cancellation(self, raw: RawLine) -> bool:
        """Return whether the row takes something back for a customer. The report counts how many are matched."""
        return False
