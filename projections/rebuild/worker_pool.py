"""A pool of processes that rebuild several read models, so that no processor is idle while one is finished.

One thread for each read model makes its tables, waits for its shards to be filled, and has PostgreSQL index, compare
and swap them. The processes fill the shards of all read models in the order in which they are submitted: while one
read model is finished, the next is filled.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from django.db import connection, connections

from projections.engine.projection import Projection
from projections.rebuild import worker_process

P = ParamSpec("P")
T = TypeVar("T")


class WorkerPool:
    """A context manager: `workers` processes, started by the first `submit` and kept until the end of the block."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.closed = False

    def __enter__(self) -> Self:
        parent, self._alive = multiprocessing.Pipe(duplex=False)
        self._processes = ProcessPoolExecutor(
            self.workers,
            multiprocessing.get_context("spawn"),  # a forked process would share the database connection
            initializer=worker_process.start,
            initargs=(str(connection.settings_dict["NAME"]), parent),
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closed = True
        if error:  # end the processes now; what they have committed is kept for the next call
            self._alive.close()
        self._processes.shutdown(cancel_futures=True)
        self._alive.close()

    def submit(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Call `work`, a function of a module, in one of the processes. It is imported there after Django is set up."""
        return self._processes.submit(work, *arguments, **named)


def optional_pool(workers: int) -> AbstractContextManager[WorkerPool | None]:
    """A pool of `workers` processes; None for a single worker, which is the calling process itself."""
    return WorkerPool(workers) if workers > 1 else nullcontext()


def run_concurrently(
    projections: Sequence[Projection], work: Callable[[Projection], T], *, pool: WorkerPool | None
) -> Iterator[tuple[Projection, T]]:
    """Call `work` for each projection and yield what it returned, in the order of completion.

    Without a pool the calls run one after the other. With a pool there is one thread more than there are processes, so
    that each process finds a shard to fill while a read model is finished. Read models in the log's total order start
    first, because only one process can fill them. After a failure no further call starts; the calls that are running
    end, then the exception is raised.
    """
    if pool is None:
        yield from ((projection, work(projection)) for projection in projections)
        return
    left = iter(sorted(projections, key=lambda each: not each.total_order))
    done: SimpleQueue[tuple[Projection, T] | None] = SimpleQueue()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            while not (failed or pool.closed) and (projection := next(left, None)):
                done.put((projection, work(projection)))
        except BaseException as error:  # noqa: BLE001 - raised again by the waiting thread
            failed.append(error)
        finally:
            connections.close_all()
            done.put(None)

    threads = min(pool.workers + 1, len(projections))
    for _ in range(threads):
        Thread(target=run, name="rebuild", daemon=True).start()  # daemon: an interrupted command does not wait for it
    while threads:
        if finished := done.get():
            yield finished
        else:
            threads -= 1
    if failed:
        raise failed[0]
