"""Read the next page of the log while the current one is folded and written.

Fast path: a second thread reads ahead on its own connection. PostgreSQL writes the rows of one page while Python
decodes the events of the next. A projection that is far behind catches up half as fast again. One that is nearly caught
up reads one short page, and no thread is started.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections

from eventstore import store
from eventstore.store import Page

MIN_PAGE = 1000  # events in a page from which a second thread and connection pay off


class PageReader:
    """Reads the pages of one feed in order; with `threads`, one page ahead."""

    def __init__(self, threads: ThreadPoolExecutor | None) -> None:
        self._threads, self.started = threads, False
        self._next: tuple[dict[str, Any], Future[Page]] | None = None

    def page(self, **query: Any) -> tuple[Page, bool]:
        """Return the page that `store.read_after(**query)` returns, and whether it was read just now.

        A page that was read ahead is as good, because events never change. But more events may have come since, so a
        short page that was read ahead does not mean that the reader is caught up. Raises as `read_after`.
        """
        ready, self._next = self._next, None
        is_fresh = ready is None or ready[0] != query
        page = store.read_after(**query) if ready is None or is_fresh else ready[1].result()
        if self._threads and len(page.events) == query["limit"] >= MIN_PAGE:
            following, self.started = query | {"position": page.through}, True
            self._next = following, self._threads.submit(store.read_after, **following)
        return page, is_fresh


READ_ON_DEMAND = PageReader(None)
"""A reader without threads: it reads each page when it is asked for."""


@contextmanager
def reading_ahead() -> Iterator[PageReader]:
    """Yield a reader that reads ahead; inside a transaction, READ_ON_DEMAND.

    A second connection would not see what the transaction has written.
    """
    if connection.in_atomic_block:
        yield READ_ON_DEMAND
        return
    with ThreadPoolExecutor(1, "read-ahead") as threads:  # starts its thread with the first page
        pages = PageReader(threads)
        try:
            yield pages
        finally:
            if pages.started:
                threads.submit(connections.close_all)
