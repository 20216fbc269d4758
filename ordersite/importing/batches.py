"""Turn a file into batches of commands. The next batch is made while the previous one is sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from ordersite.importing.commands import ImportCommand, Quarantined
from ordersite.importing.invoices import BadLine, Line, invoices_of, read_line
from ordersite.importing.mapping import Mapper
from ordersite.importing.reading import RawLine, UnreadableFile, lines_of

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Commands for one transaction, and counts of the lines that were read for them.

    `quarantined` has lines with reasons. `several_times` counts invoices whose lines have different times. `share` is
    the part of the file that is read so far, from 0 to 1.
    """

    commands: list[ImportCommand] = field(default_factory=list)
    quarantined: list[tuple[RawLine, str]] = field(default_factory=list)
    lines: int = 0
    several_times: int = 0
    share: float = 0.0


def batches_of(path: Path, *, encoding: str, zone: ZoneInfo, size: int) -> Iterator[Batch]:
    """Yield the whole file in batches of `size` commands.

    Raises UnreadableFile at a damaged place, after the batches of the lines before it.
    """
    with lines_of(path, encoding) as (raw_lines, share):
        reader = _Reader(zone)
        try:
            for command in reader.commands(raw_lines):
                reader.batch.commands.append(command)
                if len(reader.batch.commands) >= size:
                    yield reader.finish_batch(share)
        except UnreadableFile:
            if reader.batch.lines:
                yield reader.finish_batch(share)
            raise
        yield reader.finish_batch(share)


class _Reader:
    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.batch = Batch()

    def finish_batch(self, share: Callable[[], float]) -> Batch:
        """Return the batch, and begin a new one."""
        complete, self.batch = self.batch, Batch()
        complete.share = share()
        return complete

    def commands(self, raw_lines: Iterator[RawLine]) -> Iterator[ImportCommand]:
        """Yield the commands; put quarantined lines into the current batch."""
        mapper = Mapper()
        for invoice in invoices_of(self._readable(raw_lines)):
            self.batch.several_times += invoice.at != invoice.until
            for result in mapper.commands_of(invoice):
                if isinstance(result, Quarantined):
                    self.batch.quarantined.append((result.line.raw, result.reason))
                else:
                    yield result
        yield from mapper.end()

    def _readable(self, raw_lines: Iterator[RawLine]) -> Iterator[Line]:
        for raw in raw_lines:
            self.batch.lines += 1
            try:
                yield read_line(raw, self.zone)
            except BadLine as bad:
                self.batch.quarantined.append((raw, str(bad)))


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
