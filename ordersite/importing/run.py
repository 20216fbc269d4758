"""The import itself: lines in, commands in batches, every line accounted for."""

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
from ordersite.importing.batches import Batch, ahead, batches_of
from ordersite.importing.reading import COLUMNS, RawLine
from ordersite.importing.report import Report

BATCH = 1000  # commands in one transaction
_OBJECTS = 100_000  # the collector looks for cycles after so many new ones


def import_file(
    path: Path, quarantine: TextIO, *, encoding: str = "utf-8-sig", progress: Callable[[float, Report], None]
) -> Report:
    """Import `path`; lines that cannot be taken go to `quarantine` as CSV, with line number and reason.

    Raises UnreadableFile.
    """
    with _seldom_collected():
        return _Import(quarantine, progress).run(path, encoding)


class _Import:
    def __init__(self, quarantine: TextIO, progress: Callable[[float, Report], None]) -> None:
        self.report = Report()
        self.progress = progress
        self.known = StateCache()
        self.writer = csv.writer(quarantine)
        self.writer.writerow(("line", "reason", *COLUMNS))

    def run(self, path: Path, encoding: str) -> Report:
        started = time.perf_counter()
        zone = ZoneInfo(settings.TIME_ZONE)
        with ahead(batches_of(path, encoding=encoding, zone=zone, commands=BATCH)) as batches:
            for batch in batches:
                self._send(batch)
                self.report.seconds = time.perf_counter() - started
                self.progress(batch.share, self.report)
        self.progress(1.0, self.report)
        return self.report

    def _send(self, batch: Batch) -> None:
        self.report.lines += batch.lines
        self.report.several_times += batch.several_times
        for raw, reason in batch.left_out:
            self._quarantine(raw, reason)
        answers = dispatch_batch([(step.command, step.context) for step in batch.steps], self.known)
        for step, answer in zip(batch.steps, answers, strict=True):
            for done in self.report.answered(step, answer):
                if not done.refused:
                    self.report.taken(done)
                for line in done.lines if done.refused else ():
                    self._quarantine(line.raw, f"refused: {done.refused}")

    def _quarantine(self, raw: RawLine, reason: str) -> None:
        self.report.left_out(raw, reason)
        self.writer.writerow((raw.number, reason, *raw.values))


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """An import makes many objects and hardly a cycle: looking for some was two fifths of what it cost.

    What was there before is not looked at again, what comes is looked at less often.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
