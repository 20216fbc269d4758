"""Whether the memory of the importer and of a worker that catches up is independent of the log's length."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from django.db import connections

from benchmarks import invoices, scratch
from benchmarks.harness import Options, Ratio, Report, at_most
from ordersite.importing.report import Report as Imported
from ordersite.importing.run import import_file
from projections.engine.catch_up import CatchUpOptions, advance, shard_numbers
from projections.engine.projection import projection_named

EVENTS = 100_000
LINES = ((0, 1), (1, 7))  # per invoice: short orders make many events in little time
_PER_INVOICE = 3.3  # events per invoice
_PAGE = 4096 / 2**20  # MiB

Sample = tuple[int, float]
"""The number of events so far, and the memory of the process in MiB."""


@dataclass(frozen=True, slots=True)
class Held:
    """The memory of one process during its work."""

    samples: Sequence[Sample]
    seconds: float

    @property
    def peak(self) -> float:
        """Return the largest memory in MiB."""
        return max(held for _, held in self.samples)

    @property
    def slope(self) -> float:
        """Return the growth in MiB per million events: a line through the medians of the second and last third."""
        second, third = self._thirds[1:]
        events = median(at for at, _ in third) - median(at for at, _ in second)
        return (median(held for _, held in third) - median(held for _, held in second)) / events * 1e6

    @property
    def growth(self) -> float:
        """Return the memory in the last third of the events divided by that in the first third."""
        first, _, last = self._thirds
        return median(held for _, held in last) / median(held for _, held in first)

    @property
    def _thirds(self) -> list[Sequence[Sample]]:
        third = len(self.samples) // 3
        return [self.samples[:third], self.samples[third : 2 * third], self.samples[-third:]]


def run(options: Options) -> Report:
    """Run the benchmark."""
    wanted = options.events or EVENTS
    importer = measured(lambda report_events: _import(wanted, report_events))
    events = int(scratch.scalar("SELECT count(*) FROM events"))
    worker = worker_memory(events)
    sides = {"importer": importer, "worker": worker}
    figures: dict[str, float | int | str] = {"events": events}
    for name, held in sides.items():
        figures[f"{name}_peak_mib"] = round(held.peak, 1)
        figures[f"{name}_mib_per_million_events"] = round(held.slope, 1)
        figures[f"{name}_seconds"] = round(held.seconds, 1)
    return Report(
        bench="memory",
        what=f"Memory of the importer and of a worker while {events:,} events are written and projected.",
        unit="MiB",
        sides={},
        ratios={f"{name}_last_third": Ratio([held.growth], at_most(1.1)) for name, held in sides.items()},
        checks={f"the {name} handled all of them": held.samples[-1][0] >= events for name, held in sides.items()},
        figures=figures,
        notes=["The ratios: resident memory in the last third of the events, divided by the first third."],
    )


def worker_memory(events: int) -> Held:
    """Measure a worker that catches up the staff read model."""
    return measured(_catch_up)


def measured(work: Callable[[Callable[[int], None]], object]) -> Held:
    """Measure `work` in a separate process. It calls its argument with the number of events so far."""
    connections.close_all()  # a connection must not be shared with a child
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    start = time.perf_counter()
    process = context.Process(target=_sampled, args=(work, sender), daemon=True)
    process.start()
    sender.close()
    samples = receiver.recv()
    process.join()
    return Held(samples, time.perf_counter() - start)


def _sampled(work: Callable[[Callable[[int], None]], object], pipe: Connection) -> None:
    samples: list[Sample] = []
    work(lambda events: samples.append((events, _held())))
    pipe.send(samples)
    connections.close_all()


def _held() -> float:
    """Return this process's resident memory that is not shared, in MiB, from Linux."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * _PAGE


def _import(events: int, report_events: Callable[[int], None]) -> None:
    def show(share: float, report: Imported) -> None:
        report_events(report.commands)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.csv.xz"
        invoices.generate(file, invoices=round(events / _PER_INVOICE), lines=LINES)
        import_file(file, StringIO(), progress=show)


def _catch_up(report_events: Callable[[int], None]) -> None:
    projection, seen = projection_named("staff"), 0
    for shard in shard_numbers(projection):
        caught_up = False
        while not caught_up:
            progress = advance(projection, shard, CatchUpOptions())
            seen, caught_up = seen + progress.events, progress.caught_up
            report_events(seen)
