"""What is sent to PostgreSQL, by whatever cursor: Django's log of queries does not hear the cursors of the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def sent() -> Iterator[list[str]]:
    """The statements of this process that are sent inside the block, each as often as it is."""
    statements: list[str] = []

    def noting(name: str) -> Any:
        run = getattr(psycopg.Cursor, name)

        def noted(cursor: Any, query: Any, *values: Any, **how: Any) -> Any:
            statements.append(query if isinstance(query, str) else query.as_string(cursor))
            return run(cursor, query, *values, **how)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany", "copy", "stream"):
            patch.setattr(psycopg.Cursor, name, noting(name))
        yield statements
