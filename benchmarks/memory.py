"""Whether the importer and a worker that catches up take no more memory for a long log than for a short one."""

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
LINES = 4  # of an invoice: short orders make many events in little time
_PER_INVOICE = 3.3  # events that one brings about
_PAGE = 4096 / 2**20

Sample = tuple[int, float]
"""So many events so far, and the MiB that the process holds."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process held meanwhile."""

    samples: Sequence[Sample]
    seconds: float

    @property
    def peak(self) -> float:
        return max(held for _, held in self.samples)

    @property
    def slope(self) -> float:
        """MiB for each million events, over the last two thirds: a straight line through both their middles."""
        second, third = self._thirds[1:]
        events = median(at for at, _ in third) - median(at for at, _ in second)
        return (median(held for _, held in third) - median(held for _, held in second)) / events * 1e6

    @property
    def growth(self) -> float:
        """What was held in the last third of the events, as a ratio to the first."""
        first, _, last = self._thirds
        return median(held for _, held in last) / median(held for _, held in first)

    @property
    def _thirds(self) -> list[Sequence[Sample]]:
        third = len(self.samples) // 3
        return [self.samples[:third], self.samples[third : 2 * third], self.samples[-third:]]


def run(options: Options) -> Report:
    wanted = options.events or EVENTS
    importer = measured(lambda tell: _import(wanted, tell))
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
        what=f"What the importer and a worker hold while {events:,} events are written and projected.",
        unit="MiB",
        sides={},
        ratios={f"{name}_last_third": Ratio([held.growth], at_most(1.1)) for name, held in sides.items()},
        checks={f"the {name} was done with all of them": held.samples[-1][0] >= events for name, held in sides.items()},
        figures=figures,
        notes=[
            "The ratios are of resident memory: in the last third of the events to the first. Each has its own process."
        ],
    )


def worker_memory(events: int) -> Held:
    """A worker that brings the staff's view level with this log."""
    return measured(_catch_up)


def measured(work: Callable[[Callable[[int], None]], object]) -> Held:
    """A process of its own that does `work`, which tells how many events it has come by."""
    connections.close_all()  # a connection must not be shared with a child
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    start = time.perf_counter()
    process = context.Process(target=_sampled, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    samples = ours.recv()
    process.join()
    return Held(samples, time.perf_counter() - start)


def _sampled(work: Callable[[Callable[[int], None]], object], pipe: Connection) -> None:
    samples: list[Sample] = []
    work(lambda events: samples.append((events, _held())))
    pipe.send(samples)
    connections.close_all()


def _held() -> float:
    """MiB of this process's that are in memory and shared with nobody, as Linux tells."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(resident) - int(shared)) * _PAGE


def _import(events: int, tell: Callable[[int], None]) -> None:
    def show(share: float, so_far: Imported) -> None:
        tell(so_far.commands)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.csv.xz"
        invoices.written(file, invoices=round(events / _PER_INVOICE), lines=LINES)
        import_file(file, StringIO(), progress=show)


def _catch_up(tell: Callable[[int], None]) -> None:
    projection, seen = projection_named("staff"), 0
    for shard in shard_numbers(projection):
        level = False
        while not level:
            progress = advance(projection, shard, CatchUpOptions())
            seen, level = seen + progress.events, progress.caught_up
            tell(seen)
