"""The import itself: lines in, commands in batches, every line accounted for."""

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from django.conf import settings

from eventstore.dispatch import dispatch_batch
from ordersite.importing.invoices import BadLine, Line, invoices_of, read_line
from ordersite.importing.mapping import Mapper
from ordersite.importing.reading import COLUMNS, RawLine, lines_of
from ordersite.importing.report import Report
from ordersite.importing.steps import Quarantined, Step

BATCH = 1000  # commands in one transaction


def import_file(
    path: Path, quarantine: TextIO, *, encoding: str = "utf-8-sig", progress: Callable[[float, Report], None]
) -> Report:
    """Import `path`; lines that cannot be taken go to `quarantine` as CSV, with line number and reason.

    Raises UnreadableFile.
    """
    return _Import(quarantine, progress).run(path, encoding)


class _Import:
    def __init__(self, quarantine: TextIO, progress: Callable[[float, Report], None]) -> None:
        self.report = Report()
        self.progress = progress
        self.zone = ZoneInfo(settings.TIME_ZONE)
        self.writer = csv.writer(quarantine)
        self.writer.writerow(("line", "reason", *COLUMNS))

    def run(self, path: Path, encoding: str) -> Report:
        started = time.perf_counter()
        with lines_of(path, encoding) as (raw_lines, share):
            batch: list[Step] = []
            for step in self._steps(raw_lines):
                batch.append(step)
                if len(batch) >= BATCH:
                    self._send(batch)
                    batch = []
                    self.report.seconds = time.perf_counter() - started
                    self.progress(share(), self.report)
            self._send(batch)
        self.report.seconds = time.perf_counter() - started
        self.progress(1.0, self.report)
        return self.report

    def _steps(self, raw_lines: Iterator[RawLine]) -> Iterator[Step]:
        mapper = Mapper()
        for invoice in invoices_of(self._readable(raw_lines)):
            self.report.several_times += invoice.at != invoice.until
            for step in mapper.steps(invoice):
                if isinstance(step, Quarantined):
                    self._quarantine(step.line.raw, step.reason)
                else:
                    yield step
        yield from mapper.end()

    def _readable(self, raw_lines: Iterator[RawLine]) -> Iterator[Line]:
        for raw in raw_lines:
            self.report.lines += 1
            try:
                yield read_line(raw, self.zone)
            except BadLine as bad:
                self._quarantine(raw, str(bad))

    def _send(self, batch: list[Step]) -> None:
        answers = dispatch_batch([(step.command, step.context) for step in batch])
        for step, answer in zip(batch, answers, strict=True):
            for done in self.report.answered(step, answer):
                if not done.refused:
                    self.report.taken(done)
                for line in done.lines if done.refused else ():
                    self._quarantine(line.raw, f"refused: {done.refused}")

    def _quarantine(self, raw: RawLine, reason: str) -> None:
        self.report.left_out(raw, reason)
        self.writer.writerow((raw.number, reason, *raw.values))
