"""Run an import: read rows, send commands in batches, and count every row."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from django.conf import settings

from eventstore.dispatch import dispatch_batch
from eventstore.state_cache import StateCache
from ordersite.importing.batches import Batch, batches_of, read_ahead
from ordersite.importing.layouts import LAYOUTS
from ordersite.importing.layouts.layout import Layout
from ordersite.importing.quarantine import QuarantineWriter
from ordersite.importing.report import Report
from ordersite.importing.sources.errors import StoppedImport, UnreadableFile
from ordersite.importing.sources.options import Options, read_options
from ordersite.importing.sources.survey import Survey, survey_files
from ordersite.importing.sources.tables import RawLine

BATCH = 1000  # commands in one transaction
_OBJECTS = 100_000  # new objects between two runs of the garbage collector


def import_tables(
    survey: Survey, layout: Layout, quarantine: QuarantineWriter, *, progress: Callable[[float, Report], None]
) -> Report:
    """Import all tables of a survey. Give lines that cannot be imported to `quarantine`, with the reason.

    `progress` is called after each batch with the part that is done (0 to 1). Raises StoppedImport if a file was
    changed since the survey, if the quarantine cannot be written, or if a row is in none of the sums at the end.
    """
    report = Report(layout, rows=survey.rows)
    for each in survey.not_read:
        if each.rows:
            report.unused[f"{each.name}: {each.reason}"] += each.rows
    with _rare_garbage_collection():
        try:
            _Import(report, quarantine, progress).run(survey)
        except UnreadableFile as error:
            raise StoppedImport(str(error)) from error
    if report.accounted != survey.rows:
        raise StoppedImport(
            f"{survey.rows:,} rows were counted before the import, and {report.accounted:,} have an outcome. Either a"
            " file was changed meanwhile, or this is an error of the importer: please report it"
        )
    return report


def import_file(path: Path, quarantine: TextIO, *, progress: Callable[[float, Report], None]) -> Report:
    """Import one file without any option, and write its quarantine as CSV.

    Raises UnreadableFile before anything is imported, and StoppedImport as `import_tables` does.
    """
    survey, layout = choose_layout([path], read_options())
    return import_tables(survey, layout, QuarantineWriter(quarantine, survey.tables), progress=progress)


def choose_layout(paths: Sequence[Path], options: Options) -> tuple[Survey, Layout]:
    """Return what the files hold, and the one layout of all of them. Raises UnreadableFile."""
    layouts = [LAYOUTS[options.layout]] if options.layout else list(LAYOUTS.values())
    survey = survey_files(paths, options, [kind for layout in layouts for kind in layout.kinds], settings.TIME_ZONE)
    used = [layout for layout in layouts if any(table.kind in layout.kinds for table in survey.tables)]
    if len(used) > 1:
        names = ", ".join(layout.name for layout in used)
        raise UnreadableFile(f"the files have several layouts: {names}. Import them one by one, or name one: --layout")
    layout = used[0]()
    layout.require_tables(survey.tables)
    return survey, layout


class _Import:
    def __init__(self, report: Report, quarantine: QuarantineWriter, progress: Callable[[float, Report], None]) -> None:
        self.report = report
        self.quarantine = quarantine
        self.progress = progress
        self.states = StateCache()

    def run(self, survey: Survey) -> None:
        started = time.perf_counter()
        to_read = sum(table.rows for table in survey.tables)
        with read_ahead(batches_of(survey, self.report.layout, size=BATCH)) as batches:
            for batch in batches:
                self._send(batch)
                self.report.seconds = time.perf_counter() - started
                self.progress(min(self.report.read / max(to_read, 1), 1.0), self.report)
        self.progress(1.0, self.report)

    def _send(self, batch: Batch) -> None:
        self.report.read += batch.lines
        self.report.unused.update(batch.unused)
        for raw, reason in batch.quarantined:
            self._quarantine(raw, reason)
        self.quarantine.flush()
        answers = dispatch_batch([(each.command, each.context) for each in batch.commands], self.states)
        for sent, answer in zip(batch.commands, answers, strict=True):
            for done in self.report.add_answer(sent, answer):
                if not done.refused:
                    self.report.add_lines(done)
                for raw in done.lines if done.refused else ():
                    self._quarantine(raw, f"refused: {done.refused}")

    def _quarantine(self, raw: RawLine, reason: str) -> None:
        self.report.add_quarantined(raw, reason)
        self.quarantine.add(raw, reason)


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
