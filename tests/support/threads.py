"""Run functions at the same time, each in a thread with its own database connection, like another process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def at_once(*works: Callable[[], object]) -> Iterator[list[threading.Thread]]:
    """Start the functions at the beginning of the block and wait for them at its end. Raises the first error."""
    failed: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised below, in the thread of the test
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
    assert not any(thread.is_alive() for thread in threads), "a thread did not end within 60 seconds"
    if failed:
        raise failed[0]
