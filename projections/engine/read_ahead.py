"""Read the next page of the log while the one before is folded and written.

PostgreSQL works on one page's rows while Python decodes the events of the next, on a second connection. Whoever is far
behind comes along half as fast again by that; whoever is not reads one short page, and no thread begins.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

from eventstore import store
from eventstore.store import Page

MIN_PAGE = 1000  # events in a page from which a second thread and its connection are worth their beginning


class PageReader:
    """The pages of one feed, in order."""

    def __init__(self, threads: ThreadPoolExecutor | None) -> None:
        self._threads, self.begun = threads, False
        self._next: tuple[dict[str, Any], Future[Page]] | None = None

    def page(self, **wanted: Any) -> tuple[Page, bool]:
        """What `store.read_after` gives of the same, and whether it was read only now: there may be more by now.

        Events never change, so one that was read a moment ago is as good. Raises as `read_after`.
        """
        ready, self._next = self._next, None
        is_fresh = ready is None or ready[0] != wanted
        page = store.read_after(**wanted) if ready is None or is_fresh else ready[1].result()
        if self._threads and len(page.events) == wanted["limit"] >= MIN_PAGE:
            following, self.begun = wanted | {"position": page.through}, True
            self._next = following, self._threads.submit(store.read_after, **following)
        return page, is_fresh


READ_ON_DEMAND = PageReader(None)
"""Reads each page when it is asked for."""


@contextmanager
def reading_ahead() -> Iterator[PageReader]:
    """Not within a transaction: another connection does not see what that did."""
    if connection.in_atomic_block:
        yield READ_ON_DEMAND
        return
    with ThreadPoolExecutor(1, "read-ahead") as threads:  # begins its thread with the first page that it is to read
        ahead = PageReader(threads)
        try:
            yield ahead
        finally:
            if ahead.begun:
                threads.submit(connections.close_all)
