"""What a worker that brings the views along holds in memory, a hundred thousand events after the other."""

import os
from dataclasses import dataclass

from benchmarks import shop
from benchmarks.rebuild import resident
from eventstore import store
from projections.engine.catch_up import catch_up
from projections.engine.projection import projection_named

STEP = 100_000
VIEWS = ("staff", "customer", "accounting")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory (MiB) after each step of events, and by how much it grew a million events (MiB)."""

    after: list[float]
    slope: float


def worker_memory(events: int) -> Memory:
    """Appends that many events, a step at a time, and has this process bring the views along after each.

    The first step makes what is made once: it does not count in the slope.
    """
    held = []
    for step in range(max(events // STEP, 2)):
        shop.fill(min(STEP, events // 2), seed=step)
        for name in VIEWS:
            catch_up(projection_named(name), through=store.latest_position())
        held.append(_here())
    later = held[1:]
    slope = (later[-1] - later[0]) / max(len(later) - 1, 1) * (1_000_000 / min(STEP, events // 2))
    return Memory(after=[round(each, 1) for each in held], slope=round(slope, 1))


def _here() -> float:
    return resident(os.getpid())
