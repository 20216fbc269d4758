"""Read models over the orders of a real shop: few events of many lines, and some very long orders.

The limit of each benchmark is the processor time of reading and decoding each event once. Times are the processor time
of this process and its children, because that is what a shop pays for and what other work on the machine changes least.
"""

import resource
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from random import Random
from uuid import UUID

from benchmarks import invoices, scratch
from benchmarks.harness import Options, Report, Timing, at_most, cost, interleave
from eventstore import store
from ordersite.importing.run import import_file
from projections.engine import joint_loop
from projections.engine.catch_up import catch_up
from projections.engine.joint_catch_up import LARGE_PAGE
from projections.engine.projection import PROJECTIONS
from projections.monitoring import drift as monitoring
from projections.rebuild.fill import RebuildOptions
from projections.rebuild.run import Rebuilt, rebuild_together
from projections.rebuild.swap import drop_replaced

INVOICES = 2000
EVENTS_PER_INVOICE = 3.3
ROUNDS = 3
SAMPLE = 0.2  # of the orders, in the check for drift
SEED = 7
SHAPE_NOTES = [
    f"Orders: {'a real file' if invoices.REAL else 'generated, in the shape of a real shop'}; written by the importer.",
    "Processor time of Python's processes; PostgreSQL's own is not in it.",
]


@dataclass(frozen=True, slots=True)
class Log:
    """An imported log: its events, its orders and its lines."""

    events: int
    orders: int
    lines: int

    @property
    def words(self) -> str:
        """Return the size in words."""
        return f"{self.events:,} events of {self.orders:,} orders with {self.lines:,} lines"


def fill(options: Options, *, mark: str = "r") -> Log:
    """Import a real file, or a generated one for about as many events as the options name. Return the whole log."""
    number = round(options.events / EVENTS_PER_INVOICE) if options.events else INVOICES
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.csv.xz"
        invoices.write(file, invoices=number, mark=mark)
        import_file(file, StringIO(), progress=lambda share, report: None)
    with scratch.connect() as own:
        own.execute("VACUUM ANALYZE events")
    orders = scratch.scalar("SELECT count(DISTINCT aggregate_id) FROM events WHERE aggregate_type = 'order'")
    lines = scratch.scalar(
        "SELECT sum(jsonb_array_length(event_data -> 'lines')) FROM events WHERE event_type = 'order.created'"
    )
    return Log(events=scratch.scalar("SELECT count(*) FROM events"), orders=orders, lines=int(lines))


def processor_seconds() -> float:
    """Return the processor time of this process and of those of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def spent(work: Callable[[], object], *, count: int) -> Timing:
    """Measure the processor time of one call of `work`, which does `count` items."""
    start = processor_seconds()
    work()
    return Timing(count, processor_seconds() - start)


def read_once(after: int = 0, through: int | None = None) -> None:
    """Read and decode each event of a part of the log once."""
    while page := store.read_after(after, limit=LARGE_PAGE, through=through).events:
        after = page[-1].position


def catchup(options: Options) -> Report:
    """Measure the catch-up of every read model after an import, and what reading and decoding alone take."""
    views = list(PROJECTIONS.values())
    logs, ends, level = list[Log](), [0], list[bool]()
    for view in views:
        catch_up(view)

    def slices(work: Callable[[int, int], object]) -> Callable[[], Timing]:
        numbers = count()

        def next_slice() -> Timing:
            number = next(numbers)
            if number == len(logs):
                logs.append(fill(options, mark=f"r{number}"))
                ends.append(store.latest_position())
            events = logs[number].events - (logs[number - 1].events if number else 0)
            return spent(partial(work, ends[number], ends[number + 1]), count=events)

        return next_slice

    def follow(after: int, through: int) -> None:
        while not (is_level := _are_level(through)) and len(level) < ROUNDS:
            joint_loop.run()
        level.append(is_level)

    timings = interleave({"ours": slices(follow), "read once": slices(read_once)}, rounds=ROUNDS)
    return Report(
        bench="catchup_real",
        what=f"Catch-up of all {len(views)} read models, {ROUNDS} times after an import; {logs[-1].words}.",
        unit="events/s of processor time, each handled by every read model",
        sides=timings,
        ratios={"read once": cost(timings["ours"], timings["read once"], at_most(5))},
        checks={"every read model was level after each import": all(level)},
        figures={"MB of the read models for each MB of the log": _disk_ratio()},
        notes=SHAPE_NOTES,
    )


def rebuilding(options: Options) -> Report:
    """Measure a compared rebuild of every read model, in one process and in two."""
    log, views, results = fill(options), list(PROJECTIONS.values()), list[Rebuilt]()
    for view in views:
        catch_up(view)

    def build() -> None:
        results.extend(rebuilt for _, rebuilt in rebuild_together(views, lambda view: RebuildOptions()))

    def measured() -> Timing:
        timing = spent(build, count=log.events)
        for view in views:
            drop_replaced(view)
        return timing

    timings = interleave(
        {"ours": measured, "read once": lambda: spent(read_once, count=log.events)},
        rounds=ROUNDS,
    )
    return Report(
        bench="rebuild_real",
        what=f"All {len(views)} read models rebuilt from {log.words}, compared and swapped, by one process.",
        unit="events/s of processor time, each handled by every read model",
        sides=timings,
        ratios={"read once": cost(timings["ours"], timings["read once"], at_most(6))},
        checks={
            "no row differs from the live one": all(
                each.identical for rebuilt in results for each in rebuilt.differences
            ),
            "no event was parked": not any(rebuilt.parked for rebuilt in results),
        },
        notes=SHAPE_NOTES,
    )


def drift(options: Options) -> Report:
    """Measure the check of a sample of the orders for drift, against the rebuild of all."""
    log, views, found = fill(options), list(PROJECTIONS.values()), list[object]()
    for view in views:
        catch_up(view)
    ids = scratch.scalar("SELECT array_agg(DISTINCT aggregate_id) FROM events WHERE aggregate_type = 'order'")
    sample: list[UUID] = Random(SEED).sample(ids, max(round(len(ids) * SAMPLE), 1))  # noqa: S311 - a sample, no secret

    def check() -> None:
        for checked in monitoring.check_together(views, sample).values():
            found.extend(checked.drifted)

    def build() -> None:
        for _ in rebuild_together(views, lambda view: RebuildOptions()):
            pass

    def rebuilt() -> Timing:
        timing = spent(build, count=log.orders)
        for view in views:
            drop_replaced(view)
        return timing

    timings = interleave({"ours": lambda: spent(check, count=len(sample)), "rebuild": rebuilt}, rounds=ROUNDS)
    return Report(
        bench="drift_real",
        what=f"The check of {len(sample):,} orders for drift in all {len(views)} read models; {log.words}.",
        unit="orders/s of processor time",
        sides=timings,
        ratios={"rebuild": cost(timings["ours"], timings["rebuild"], at_most(2))},
        checks={"nothing has drifted": not found},
        notes=SHAPE_NOTES,
    )


def _are_level(through: int) -> bool:
    return bool(scratch.scalar("SELECT min(position) FROM projections_checkpoint WHERE space = ''") >= through)


def _disk_ratio() -> float:
    """Return the bytes of all read models with their indexes, for each byte of the log with its indexes."""
    tables = [model._meta.db_table for view in PROJECTIONS.values() for model in view.tables]
    with scratch.connect() as own:
        own.execute("VACUUM ANALYZE")
        row = own.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)), pg_total_relation_size('events')"
            " FROM unnest(%s::text[]) name",
            [tables],
        ).fetchone()
    assert row
    return round(float(row[0]) / float(row[1]), 2)
