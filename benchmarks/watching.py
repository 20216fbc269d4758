"""Read the feed while others append, to check that no event is skipped, repeated or out of order."""

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
    """The events that a reader got during the writes, and the number of events in the log."""

    read: int
    twice: int
    out_of_order: int
    written: int

    @property
    def checks(self) -> dict[str, bool]:
        """Return the checks for the report."""
        return {
            f"a reader that polled meanwhile skipped none of {self.written:,} events": self.read == self.written,
            "and got none twice, and each aggregate in order": not (self.twice or self.out_of_order),
        }


def watched(write: Callable[[], object]) -> Watched:
    """Run `write`, while another process reads the feed page by page until it has everything."""
    start = store.latest_position()
    connections.close_all()  # a connection must not be shared with a child
    context = multiprocessing.get_context("fork")
    parent, child = context.Pipe()
    reader = context.Process(target=_read, args=(start, child), daemon=True)
    reader.start()
    write()
    parent.send("written")
    read, twice, out_of_order = parent.recv()
    reader.join()
    written = scratch.scalar(f"SELECT count(*) FROM events WHERE position > {start}")
    return Watched(read=read, twice=twice, out_of_order=out_of_order, written=written)


def _read(position: int, pipe: Connection) -> None:
    positions: set[int] = set()
    versions: dict[UUID, int] = {}
    twice = out_of_order = 0
    while True:
        is_over = pipe.poll()  # asked before reading, so that the last page has everything
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
