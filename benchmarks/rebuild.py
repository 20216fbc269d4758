"""Rebuild all read models from the whole log, compare and swap them, with one worker and with two."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.db import connection

from benchmarks import shop
from benchmarks.harness import Options, Report, Timing, at_least, interleave, speed
from projections.engine.catch_up import catch_up
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import Rebuilt, rebuild
from projections.rebuild.swap import drop_replaced
from projections.rebuild.worker_pool import optional_pool, run_concurrently

EVENTS = 40_000
LARGE = 500_000  # events; from here each side is measured once, because short disturbances matter less


def run(options: Options) -> Report:
    """Run the benchmark."""
    events = options.events or EVENTS
    shop.fill(events)
    results: list[Rebuilt] = []
    peaks: dict[int, float] = {}
    busy: dict[int, list[float]] = {1: [], 2: []}
    views = list(PROJECTIONS.values())
    for view in views:
        catch_up(view)
    with connection.cursor() as cursor:  # finish background work of the filling before the first round
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")

    def by(workers: int) -> Callable[[], Timing]:
        def once() -> Timing:
            with _peak_memory() as peak:
                start, spent = time.perf_counter(), _processor_seconds()
                with optional_pool(workers) as pool:
                    done = run_concurrently(views, lambda view: rebuild(view, pool=pool), pool=pool)
                    results.extend(rebuilt for _, rebuilt in done)
                seconds = time.perf_counter() - start
                busy[workers].append((_processor_seconds() - spent) / seconds)
            peaks[workers] = max(peaks.get(workers, 0), peak[0])
            for view in views:
                drop_replaced(view)
            return Timing(events, seconds)

        return once

    timings = interleave({"two workers": by(2), "one worker": by(1)}, rounds=1 if events >= LARGE else 2)
    two, one = timings["two workers"], timings["one worker"]
    return Report(
        bench="rebuild",
        what=f"All {len(views)} read models rebuilt from {events:,} events, compared with the live ones and swapped.",
        unit="events/s, each handled by every read model",
        sides={"ours": two, "one worker": one},
        ratios={"one worker": speed(two, one, at_least(1.7))},
        checks={
            "each read model handled every event of an order": all(rebuilt.events in (events, 0) for rebuilt in results)
            and sum(rebuilt.events == events for rebuilt in results) >= 4 * len(two),
            "no row differs from the live one": all(
                each.identical for rebuilt in results for each in rebuilt.differences
            ),
            "no event was parked": not any(rebuilt.parked for rebuilt in results),
        },
        figures={
            "seconds with two workers": round(min(each.seconds for each in two), 1),
            "seconds with one worker": round(min(each.seconds for each in one), 1),
            "processors busy with two workers": round(median(busy[2]), 2),
            "processors busy with one worker": round(median(busy[1]), 2),
            "peak memory of all its processes with two workers, MiB": round(peaks[2]),
            "peak memory with one worker, MiB": round(peaks[1]),
        },
    )


@contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """Give the largest memory of this process and its children together, in MiB, sampled ten times a second."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(resident(pid) for pid in _own_processes()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _processor_seconds() -> float:
    """Return the busy seconds of all processors of the machine, so nothing else should run on it."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_processes() -> list[int]:
    me = os.getpid()
    children = Path(f"/proc/{me}/task").glob("*/children")
    pids = [me]
    for each in children:
        pids += [int(pid) for pid in each.read_text().split()]
    return pids


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except FileNotFoundError:  # it ended a moment ago
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
