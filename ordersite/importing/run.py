"""Run an import: read lines, send commands in batches, and count every line."""

import csv
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from django.conf import settings

from eventstore.dispatch import dispatch_batch
from eventstore.state_cache import StateCache
from ordersite.importing.batches import Batch, batches_of, read_ahead
from ordersite.importing.reading import COLUMNS, RawLine
from ordersite.importing.report import Report

BATCH = 1000  # commands in one transaction
_OBJECTS = 100_000  # new objects between two runs of the garbage collector


def import_file(
    path: Path, quarantine: TextIO, *, encoding: str = "utf-8-sig", progress: Callable[[float, Report], None]
) -> Report:
    """Import the file `path`. Write lines that cannot be imported to `quarantine` as CSV, with line number and reason.

    `progress` is called after each batch with the part of the file that is done (0 to 1). Raises UnreadableFile.
    """
    with _rare_garbage_collection():
        return _Import(quarantine, progress).run(path, encoding)


class _Import:
    def __init__(self, quarantine: TextIO, progress: Callable[[float, Report], None]) -> None:
        self.report = Report()
        self.progress = progress
        self.states = StateCache()
        self.writer = csv.writer(quarantine)
        self.writer.writerow(("line", "reason", *COLUMNS))

    def run(self, path: Path, encoding: str) -> Report:
        started = time.perf_counter()
        zone = ZoneInfo(settings.TIME_ZONE)
        with read_ahead(batches_of(path, encoding=encoding, zone=zone, size=BATCH)) as batches:
            for batch in batches:
                self._send(batch)
                self.report.seconds = time.perf_counter() - started
                self.progress(batch.share, self.report)
        self.progress(1.0, self.report)
        return self.report

    def _send(self, batch: Batch) -> None:
        self.report.lines += batch.lines
        self.report.several_times += batch.several_times
        for raw, reason in batch.quarantined:
            self._quarantine(raw, reason)
        answers = dispatch_batch([(each.command, each.context) for each in batch.commands], self.states)
        for sent, answer in zip(batch.commands, answers, strict=True):
            for done in self.report.add_answer(sent, answer):
                if not done.refused:
                    self.report.add_lines(done)
                for line in done.lines if done.refused else ():
                    self._quarantine(line.raw, f"refused: {done.refused}")

    def _quarantine(self, raw: RawLine, reason: str) -> None:
        self.report.add_quarantined(raw, reason)
        self.writer.writerow((raw.number, reason, *raw.values))


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Fast path: run the garbage collector rarely, and never over the objects that existed before.

    An import makes many objects but hardly any cycles; looking for cycles took two fifths of its time. Measured in
    docs/decisions/35-importing-in-bulk.md.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
