"""What is sent to PostgreSQL, by whatever cursor: Django's log of queries does not hear what the log sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from eventstore import sql


@contextmanager
def sent(before: Callable[[list[str]], None] = lambda _: None) -> Iterator[list[str]]:
    """The statements of this process that are sent inside the block, each as often as it is.

    `before` is called before each, with those that were sent so far.
    """
    statements: list[str] = []

    def note(statement: str) -> None:
        before(statements)
        statements.append(statement)

    def noting(name: str) -> Any:
        run = getattr(psycopg.Cursor, name)

        def noted(cursor: Any, query: Any, *values: Any, **how: Any) -> Any:
            note(query if isinstance(query, str) else query.as_string(cursor))
            return run(cursor, query, *values, **how)

        return noted

    fetch_all = sql.PreparedStatements.fetch_all

    def prepared(self: sql.PreparedStatements, statement: str, values: Any) -> Any:
        note(statement)
        return fetch_all(self, statement, values)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany", "copy", "stream"):
            patch.setattr(psycopg.Cursor, name, noting(name))
        patch.setattr(sql.PreparedStatements, "fetch_all", prepared)
        yield statements
