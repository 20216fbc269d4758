"""Run the same work in several processes at once, as web workers do."""

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
WARM_UP = 5  # calls before the measurement, which open connections and prepare statements

Writer = Callable[[], AbstractContextManager[Callable[[], object]]]
"""Opened in each process. Gives the function to repeat, and closes its connection at the end."""

_fork = multiprocessing.get_context("fork")  # nothing is connected yet, and closures need no pickling


class WriterFailed(RuntimeError):
    """A writer process failed. Its traceback is above."""


def side_by_side(writer: Writer, *, writers: int = WRITERS, seconds: float = SECONDS, items: int = 1) -> Timing:
    """Measure the items (`items` per call) of all processes together, and the latency of each call.

    Raises WriterFailed.
    """
    from django.db import connections

    connections.close_all()  # a connection must not be shared with a child
    gc.collect()
    gc.freeze()  # otherwise each child's garbage collector would copy the memory of all imports
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
        raise WriterFailed("a writer process failed") from None
    finally:
        for process in processes:
            process.join(1)
            process.kill()
    latencies = [latency for _, _, mine in done for latency in mine]
    # From the first start to the last end: all processes pass the barrier at almost the same time.
    return Timing(
        len(latencies) * items, max(end for _, end, _ in done) - min(start for start, _, _ in done), latencies
    )


def _write(writer: Writer, barrier: Barrier, seconds: float, sender: Connection) -> None:
    try:
        with writer() as work:
            for _ in range(WARM_UP):
                work()
            barrier.wait(30)
            latencies = []
            start = previous = time.perf_counter()
            while previous - start < seconds:
                work()
                now = time.perf_counter()
                latencies.append(now - previous)
                previous = now
        sender.send((start, previous, latencies))
    finally:
        barrier.abort()  # release the writers that wait for a failed one
