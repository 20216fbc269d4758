"""Several processes that do the same thing side by side, as web workers do, for so long."""

import gc
import multiprocessing
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from benchmarks.harness import Timing

WRITERS = 8
SECONDS = 1.5
WARMING = 5  # calls before the clock runs: connections opened, statements prepared

Writer = Callable[[], AbstractContextManager[Callable[[], object]]]
"""Opened in each process: gives what is to be done again and again, and closes its connection at the end."""

_fork = multiprocessing.get_context("fork")  # nothing is connected yet, and closures need no pickling


class WriterFailed(RuntimeError):
    """A writer ended before its time; what it raised stands above."""


def side_by_side(writer: Writer, *, writers: int = WRITERS, seconds: float = SECONDS, items: int = 1) -> Timing:
    """How many items (`items` a call) all of them got done, with the latency of each call. Raises WriterFailed."""
    from django.db import connections

    connections.close_all()  # a connection must not be shared with a child
    gc.collect()
    gc.freeze()  # else each child's collector walks, and so copies, all that the parent has imported
    barrier = _fork.Barrier(writers)
    pipes, processes = [], []
    for _ in range(writers):
        receiver, sender = _fork.Pipe(duplex=False)
        processes.append(_fork.Process(target=_write, args=(writer, barrier, seconds, sender), daemon=True))
        processes[-1].start()
        sender.close()
        pipes.append(receiver)
    try:
        done = [pipe.recv() for pipe in pipes]
    except EOFError:
        raise WriterFailed("a writer ended before its time") from None
    finally:
        for process in processes:
            process.join(1)
            process.kill()
    latencies = [latency for _, _, mine in done for latency in mine]
    # From the first that began to the last that ended: they pass the barrier within a moment of each other.
    return Timing(
        len(latencies) * items, max(end for _, end, _ in done) - min(start for start, _, _ in done), latencies
    )


def _write(writer: Writer, barrier: Barrier, seconds: float, sender: Connection) -> None:
    try:
        with writer() as work:
            for _ in range(WARMING):
                work()
            barrier.wait(30)
            latencies = []
            start = mark = time.perf_counter()
            while mark - start < seconds:
                work()
                now = time.perf_counter()
                latencies.append(now - mark)
                mark = now
        sender.send((start, mark, latencies))
    finally:
        barrier.abort()  # those that still wait for one that failed
