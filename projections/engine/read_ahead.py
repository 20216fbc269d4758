"""Read the next page of the log while the current one is folded and written.

Fast path: a second thread reads ahead on its own connection. PostgreSQL writes the rows of one page while Python
decodes the events of the next. A projection that is far behind catches up half as fast again. One that is nearly caught
up reads one short page, and no thread is started.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection, connections

from eventstore import store
from eventstore.records import type_name
from eventstore.sharding import Shard
from eventstore.store import Page
from projections.engine.shared_folds import forget_folds

MIN_PAGE = 1000  # events in a page from which a second thread and connection pay off


SHARED_PAGE = 2_500  # events of a page that several projections take: all states between them are kept until then


class PageReader:
    """Reads the pages of one feed in order; with `threads`, one page ahead."""

    most: int | None = None
    """The most events of a page, if the reader decides that."""

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


class SharedPages(PageReader):
    """Reads each page once for several projections that take turns, each a page, and begin at the same position."""

    most = SHARED_PAGE

    def __init__(self) -> None:
        super().__init__(None)
        self._read: tuple[dict[str, Any], Page] | None = None

    def begin_round(self) -> None:
        """Forget a short page: there may be more by now. Call it before each projection has its turn again."""
        if self._read and len(self._read[1].events) < self._read[0]["limit"]:
            self._read = None

    def page(self, **query: Any) -> tuple[Page, bool]:
        """Return the events of the page that the projection takes, and whether there were no more in this round."""
        shard: Shard = query.pop("shard")
        types = set(query.pop("event_types"))
        if self._read is None or self._read[0] != query:
            forget_folds()
            self._read = query, store.read_after(**query)
        page = self._read[1]
        named = ((type_name(fact.event), fact) for fact in page.events)
        events = [fact for name, fact in named if name in types and shard.takes(fact.aggregate_id, name)]
        return replace(page, events=events), len(page.events) < query["limit"]


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
