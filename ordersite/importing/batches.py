"""A file to batches of commands, the next one made while the last is sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from ordersite.importing.commands import Quarantined, Step
from ordersite.importing.invoices import BadLine, Line, invoices_of, read_line
from ordersite.importing.mapping import Mapper
from ordersite.importing.reading import RawLine, UnreadableFile, lines_of

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Commands for one transaction, and what of the file was read for them: `share` is how far that comes."""

    steps: list[Step] = field(default_factory=list)
    left_out: list[tuple[RawLine, str]] = field(default_factory=list)
    lines: int = 0
    several_times: int = 0
    share: float = 0.0


def batches_of(path: Path, *, encoding: str, zone: ZoneInfo, commands: int) -> Iterator[Batch]:
    """The whole file, so many commands at a time. Raises UnreadableFile once what stood before has been given."""
    with lines_of(path, encoding) as (raw_lines, share):
        reader = _Reader(zone)
        try:
            for step in reader.steps(raw_lines):
                reader.batch.steps.append(step)
                if len(reader.batch.steps) >= commands:
                    yield reader.begin_another(share)
        except UnreadableFile:
            if reader.batch.lines:
                yield reader.begin_another(share)
            raise
        yield reader.begin_another(share)


class _Reader:
    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.batch = Batch()

    def begin_another(self, share: Callable[[], float]) -> Batch:
        """Returns the one that is complete."""
        complete, self.batch = self.batch, Batch()
        complete.share = share()
        return complete

    def steps(self, raw_lines: Iterator[RawLine]) -> Iterator[Step]:
        mapper = Mapper()
        for invoice in invoices_of(self._readable(raw_lines)):
            self.batch.several_times += invoice.at != invoice.until
            for step in mapper.steps(invoice):
                if isinstance(step, Quarantined):
                    self.batch.left_out.append((step.line.raw, step.reason))
                else:
                    yield step
        yield from mapper.end()

    def _readable(self, raw_lines: Iterator[RawLine]) -> Iterator[Line]:
        for raw in raw_lines:
            self.batch.lines += 1
            try:
                yield read_line(raw, self.zone)
            except BadLine as bad:
                self.batch.left_out.append((raw, str(bad)))


@contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items, the next one made by a thread while the last is worked on: while that waits for the database."""
    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:

        def each() -> Iterator[T]:
            coming = thread.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = thread.submit(next, items, end)
                yield item  # type: ignore[misc]  # not the end

        yield each()
