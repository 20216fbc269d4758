"""Turn the rows of an import into batches of commands. The next batch is made while the previous one is sent."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from ordersite.importing.commands import ImportCommand, Quarantined
from ordersite.importing.layouts.layout import Layout
from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.survey import Survey
from ordersite.importing.sources.tables import RawLine, Table

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Commands for one transaction, and what became of the lines that were read for them and have no command.

    `quarantined` has lines with reasons; `unused` counts lines by the reason why they need not be imported.
    """

    commands: list[ImportCommand] = field(default_factory=list)
    quarantined: list[tuple[RawLine, str]] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    lines: int = 0


def batches_of(survey: Survey, layout: Layout, *, size: int) -> Iterator[Batch]:
    """Yield everything in batches of `size` commands.

    Raises UnreadableFile at a place that was damaged since the survey, after the batches of the lines before it.
    """
    reader = _Reader()
    try:
        for result in layout.results(survey.tables, reader.read):
            if isinstance(result, ImportCommand):
                reader.batch.commands.append(result)
                if len(reader.batch.commands) >= size:
                    yield reader.finish_batch()
            elif isinstance(result, Quarantined):
                reader.batch.quarantined.append((result.line, result.reason))
            else:
                reader.batch.unused[result.reason] += 1
    except UnreadableFile:
        if reader.batch.lines:
            yield reader.finish_batch()
        raise
    yield reader.finish_batch()


class _Reader:
    """Reads tables, and counts their rows in the current batch."""

    def __init__(self) -> None:
        self.batch = Batch()

    def finish_batch(self) -> Batch:
        """Return the batch, and begin a new one."""
        complete, self.batch = self.batch, Batch()
        return complete

    def read(self, table: Table) -> Iterator[RawLine]:
        for line in table.lines(self._skip):
            self.batch.lines += 1
            yield line

    def _skip(self, reason: str) -> None:
        self.batch.lines += 1
        self.batch.unused[reason] += 1


@contextmanager
def read_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """Give the same items, but make the next one in a thread while the caller works on the current one.

    The caller waits for the database most of the time, so the thread uses time that would be lost.
    """
    end = object()
    with ThreadPoolExecutor(1, "read-ahead") as thread:

        def yield_items() -> Iterator[T]:
            upcoming = thread.submit(next, items, end)
            while (item := upcoming.result()) is not end:
                upcoming = thread.submit(next, items, end)
                yield item  # type: ignore[misc]  # not the end

        yield yield_items()
