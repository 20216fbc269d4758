"""Several views rebuilt at once: those that cannot be divided go beside those that are."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from django.db import connections

from projections.projection import Projection

T = TypeVar("T")


def in_lanes(
    projections: Sequence[Projection], work: Callable[[Projection], T], *, workers: int
) -> Iterator[tuple[Projection, T]]:
    """`work` done for each, and what it gave. With one worker one after the other.

    With several, the views in the log's total order, which one process has to fill, are worked on by a thread of this
    one meanwhile. Raises what `work` raises, the thread's errors once the others are done.
    """
    beside = [each for each in projections if each.total_order] if workers > 1 else []
    done: SimpleQueue[tuple[Projection, T] | BaseException] = SimpleQueue()

    def lane() -> None:
        try:
            for projection in beside:
                done.put((projection, work(projection)))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            done.put(error)
        finally:
            connections.close_all()

    thread = Thread(target=lane, name="beside", daemon=True)  # a command that is broken off does not wait for it
    if beside:
        thread.start()
    for projection in projections:
        if projection not in beside:
            yield projection, work(projection)
    for _ in beside:
        found = done.get()
        if isinstance(found, BaseException):
            raise found
        yield found
    if beside:
        thread.join()
