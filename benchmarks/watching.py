"""Somebody reads the feed while others append: was anything skipped, told twice, or told out of order?"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from uuid import UUID

from django.db import connections

from benchmarks import scratch
from eventstore import store

POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Watched:
    """What a reader was told while others wrote, and what stands in the log."""

    told: int
    twice: int
    out_of_order: int
    written: int

    @property
    def checks(self) -> dict[str, bool]:
        return {
            f"a reader who polled meanwhile skipped none of {self.written:,} events": self.told == self.written,
            "and was told none twice, and each aggregate in order": not (self.twice or self.out_of_order),
        }


def watched(write: Callable[[], object]) -> Watched:
    """Have a process read the feed, page by page, from now until `write` has returned and everything was read."""
    from_here = store.latest_position()
    connections.close_all()  # a connection must not be shared with a child
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    reader = context.Process(target=_read, args=(from_here, theirs), daemon=True)
    reader.start()
    write()
    ours.send("written")
    told, twice, out_of_order = ours.recv()
    reader.join()
    written = scratch.scalar(f"SELECT count(*) FROM events WHERE position > {from_here}")
    return Watched(told=told, twice=twice, out_of_order=out_of_order, written=written)


def _read(position: int, pipe: Connection) -> None:
    positions: set[int] = set()
    versions: dict[UUID, int] = {}
    twice = out_of_order = 0
    while True:
        is_over = pipe.poll()  # before reading: what was written by then is in the log
        page = store.read_after(position, limit=1000)
        for fact in page.events:
            twice += fact.position in positions
            out_of_order += fact.version != versions.get(fact.aggregate_id, 0) + 1
            positions.add(fact.position)
            versions[fact.aggregate_id] = fact.version
        position = page.through
        if is_over and page.settled and not page.events:
            break
        time.sleep(POLL_SECONDS)
    pipe.send((len(positions), twice, out_of_order))
