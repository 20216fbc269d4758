"""The import itself: lines in, commands in batches, every line accounted for."""

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from django.conf import settings

from eventstore.dispatch import Answer, dispatch_batch
from orders.commands import CancelOrder, CreateOrder
from orders.money import rounded
from ordersite.importing.invoices import BadLine, Line, invoices_of, read_line
from ordersite.importing.mapping import CURRENCY, Mapper, Quarantined, Step
from ordersite.importing.reading import COLUMNS, RawLine, lines_of

BATCH = 1000  # commands in one transaction


@dataclass
class Report:
    """What became of every line. `imported`, `cancelling` and `quarantined` lines add up to `lines`."""

    lines: int = 0
    imported: int = 0
    cancelling: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    orders_added: int = 0
    cancelled: int = 0
    total: Decimal = Decimal(0)
    cancelled_total: Decimal = Decimal(0)
    commands: int = 0
    commands_repeated: int = 0
    commands_refused: Counter[str] = field(default_factory=Counter)
    several_times: int = 0
    seconds: float = 0.0

    @property
    def quarantined(self) -> int:
        return self.reasons.total()

    def as_json(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "lines_imported": self.imported,
            "lines_cancelling": self.cancelling,
            "lines_quarantined": self.quarantined,
            "quarantine": dict(self.reasons.most_common()),
            "orders": self.orders,
            "orders_added": self.orders_added,
            "orders_cancelled": self.cancelled,
            "total": {"currency": CURRENCY, "sold": str(self.total), "cancelled": str(self.cancelled_total)},
            "commands": self.commands,
            "commands_repeated": self.commands_repeated,
            "commands_refused": dict(self.commands_refused),
            "invoices_with_several_times": self.several_times,
            "seconds": round(self.seconds, 3),
            "lines_per_second": round(self.lines / self.seconds) if self.seconds else 0,
        }


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
            self.report.several_times += len({line.at for line in invoice.lines}) > 1
            for step in mapper.steps(invoice):
                if isinstance(step, Quarantined):
                    self._quarantine(step.line.raw, step.reason)
                else:
                    yield step
        yield from mapper.shipped_before(None)

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
            self.report.commands += 1
            if isinstance(answer, Answer):
                self._account(step, answer)
            else:
                code = getattr(answer, "code", "imported before with another content")
                self.report.commands_refused[f"{type(step.command).__name__}: {code}"] += 1
                for line in step.lines:
                    self._quarantine(line.raw, f"refused: {code}")

    def _account(self, step: Step, answer: Answer) -> None:
        report = self.report
        report.commands_repeated += answer.replayed
        amount = sum((rounded(abs(line.quantity) * line.price, CURRENCY) for line in step.lines), Decimal(0))
        match step.command:
            case CreateOrder():
                report.imported += len(step.lines)
                report.orders += 1
                report.orders_added += not answer.replayed
                report.total += amount
            case CancelOrder():
                report.cancelling += len(step.lines)
                report.cancelled += 1
                report.cancelled_total += amount

    def _quarantine(self, raw: RawLine, reason: str) -> None:
        self.report.reasons[reason] += 1
        self.writer.writerow((raw.number, reason, *raw.values))
