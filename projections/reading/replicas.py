"""Send reads of read models to replicas: streaming copies of the whole database, a moment behind the primary.

Only code that answers a request without changes may read from a replica, and it says so with `may_lag`. All other code,
above all the engine, reads from the primary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, models, transaction

from projections.engine.projection import PROJECTIONS

REPLICA = "replica"

_lag_allowed: ContextVar[bool] = ContextVar("lag_allowed", default=False)


@contextmanager
def may_lag(allowed: bool = True) -> Iterator[None]:
    """Within this context, read models may be read from a replica."""
    token = _lag_allowed.set(allowed)
    try:
        yield
    finally:
        _lag_allowed.reset(token)


class ReadModelRouter:
    """A Django database router: reads of read models go to a replica if there is one and `may_lag` allows it."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        """Return the replica if this read may go there, otherwise None, which means the primary."""
        if not _lag_allowed.get() or REPLICA not in settings.DATABASES or model not in _read_models():
            return None
        # A transaction of the primary must read what it has written.
        return None if transaction.get_connection(DEFAULT_DB_ALIAS).in_atomic_block else REPLICA

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool:
        """Allow all: a replica holds the same rows."""
        return True  # primary and replica hold the same rows

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Migrate the primary only."""
        return False if db == REPLICA else None


@cache
def _read_models() -> frozenset[type[models.Model]]:
    return frozenset(model for projection in PROJECTIONS.values() for model in projection.tables)
