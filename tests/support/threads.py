"""Work that goes on at the same time: each in a thread with a connection of its own, as another process has."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def at_once(*works: Callable[[], object]) -> Iterator[list[threading.Thread]]:
    """Begun here, and over at the end of the block; the first that failed fails it."""
    failed: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised below, where the test sees it
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "it does not end"
    if failed:
        raise failed[0]
