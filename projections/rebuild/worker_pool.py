"""Several processes and lanes for the rebuild of several views, so that no processor waits for one view to be finished.

Each view has a lane, a thread that makes its tables, waits for its shares to be filled, and has PostgreSQL index,
compare and swap them. The shares of all views are filled by the same processes, in the order in which they come: while
one view is finished, the next is being filled.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self, TypeVar

from django.db import connection, connections

from projections.engine.projection import Projection
from projections.rebuild import worker_process

T = TypeVar("T")


class Crew:
    """So many processes, begun when they are first needed and kept until the end of the block."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.dismissed = False

    def __enter__(self) -> Self:
        chief, self._alive = multiprocessing.Pipe(duplex=False)
        self._processes = ProcessPoolExecutor(
            self.workers,
            multiprocessing.get_context("spawn"),  # a fork would share our connection
            initializer=worker_process.begin,
            initargs=(str(connection.settings_dict["NAME"]), chief),
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.dismissed = True
        if error:  # what they have done is kept, and the next call goes on from there
            self._alive.close()
        self._processes.shutdown(cancel_futures=True)
        self._alive.close()

    def fill(self, build_id: int, numbers: list[int]) -> "Future[None]":
        """These shards of a build, once a process is free."""
        return self._processes.submit(worker_process.fill_share, build_id, numbers)


def crew_of(workers: int) -> AbstractContextManager[Crew | None]:
    """So many processes beside this one; none where one is enough, which is this one."""
    return Crew(workers) if workers > 1 else nullcontext()


def in_lanes(
    projections: Sequence[Projection], work: Callable[[Projection], T], *, crew: Crew | None
) -> Iterator[tuple[Projection, T]]:
    """`work` done for each, and what it gave. Without a crew one after the other.

    With one, so many at once that each process finds something to do while a view is finished; those in the log's total
    order first, since only one process can fill them. Where one fails no more are begun, and what it raised is raised
    once those at work are done.
    """
    if crew is None:
        yield from ((projection, work(projection)) for projection in projections)
        return
    left = iter(sorted(projections, key=lambda each: not each.total_order))
    done: SimpleQueue[tuple[Projection, T] | None] = SimpleQueue()
    failed: list[BaseException] = []

    def lane() -> None:
        try:
            while not (failed or crew.dismissed) and (projection := next(left, None)):
                done.put((projection, work(projection)))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            failed.append(error)
        finally:
            connections.close_all()
            done.put(None)

    lanes = min(crew.workers + 1, len(projections))
    for _ in range(lanes):
        Thread(target=lane, name="lane", daemon=True).start()  # a command that is broken off does not wait for it
    while lanes:
        if found := done.get():
            yield found
        else:
            lanes -= 1
    if failed:
        raise failed[0]
