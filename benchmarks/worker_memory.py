"""The memory of a worker that catches up the read models, after each hundred thousand events."""

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
    """Resident memory (MiB) after each step, and its growth per million events (MiB)."""

    after: list[float]
    slope: float


def worker_memory(events: int) -> Memory:
    """Append `events` events in steps, and catch up the read models in this process after each step.

    The first step does not count in the slope, because it allocates what is allocated only once.
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
