"""Reads of read models may go to replicas: streaming copies of the whole database, a moment behind the primary.

Only whoever answers a request that changes nothing reads there, and says so with `may_lag`. Everybody else, the engine
above all, reads what was committed.
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
    """Inside, read models may be read from a replica."""
    token = _lag_allowed.set(allowed)
    try:
        yield
    finally:
        _lag_allowed.reset(token)


class ReadModelRouter:
    """Sends reads of read models to the replicas, where there are some and who reads allows it."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        if not _lag_allowed.get() or REPLICA not in settings.DATABASES or model not in _read_models():
            return None
        # What is read in a transaction of the primary belongs to what it writes.
        return None if transaction.get_connection(DEFAULT_DB_ALIAS).in_atomic_block else REPLICA

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool:
        return True  # both are the same database, read at different places

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA else None


@cache
def _read_models() -> frozenset[type[models.Model]]:
    return frozenset(model for projection in PROJECTIONS.values() for model in projection.tables)
