"""Record the statements sent to PostgreSQL, by any cursor. Django's query log does not include those of the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from eventstore import sql


@contextmanager
def sent(before: Callable[[list[str]], None] = lambda _: None) -> Iterator[list[str]]:
    """Yield a list of the statements that this process sends inside the block, with repetitions.

    `before` is called before each statement, with the statements sent so far.
    """
    statements: list[str] = []

    def record(statement: str) -> None:
        before(statements)
        statements.append(statement)

    def recording(name: str) -> Any:
        run = getattr(psycopg.Cursor, name)

        def run_recorded(cursor: Any, query: Any, *values: Any, **how: Any) -> Any:
            record(query if isinstance(query, str) else query.as_string(cursor))
            return run(cursor, query, *values, **how)

        return run_recorded

    fetch_all = sql.PreparedStatements.fetch_all

    def prepared(self: sql.PreparedStatements, statement: str, values: Any) -> Any:
        record(statement)
        return fetch_all(self, statement, values)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "executemany", "copy", "stream"):
            patch.setattr(psycopg.Cursor, name, recording(name))
        patch.setattr(sql.PreparedStatements, "fetch_all", prepared)
        yield statements
