"""Collect the rows of each order, wherever they stand in the tables of an import.

On disk, in a temporary SQLite database that is deleted when its connection is closed. So a long file needs no more
memory than a short one.
"""

import pickle
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ordersite.importing.commands import Quarantined, Unused
from ordersite.importing.joining import MENDED, REPEATED, place_of
from ordersite.importing.sources.tables import Origin, RawLine

SAME_ORDER = REPEATED.replace("invoice", "order")
DIFFERENT_ORDER = "files contradict each other about this order"


class RowStore:
    """Rows by a key, such as the number of their order."""

    def __init__(self) -> None:
        self._origins: list[Origin] = []
        self._places: dict[Origin, int] = {}
        # Only one thread at a time uses the connection, but not always the same thread.
        self._disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._disk.execute("PRAGMA journal_mode = off")
        self._disk.execute("CREATE TABLE stored (number INTEGER PRIMARY KEY, key TEXT, at TEXT, line BLOB)")
        self._disk.execute("CREATE INDEX stored_key ON stored (key, at)")

    def add(self, key: str, raw: RawLine, at: datetime | None = None) -> None:
        """Keep a row; `at` is the time of what it belongs to, if the row has it."""
        place = self._places.get(raw.origin)
        if place is None:
            place = self._places[raw.origin] = len(self._origins)
            self._origins.append(raw.origin)
        line = pickle.dumps((raw.number, list(raw.values), place, list(raw.rest), list(raw.more)))
        moment = at.astimezone(UTC).isoformat() if at else None
        self._disk.execute("INSERT INTO stored (key, at, line) VALUES (?, ?, ?)", (key, moment, line))

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys with this prefix in the order of time; those without any time come first."""
        query = "SELECT key FROM stored WHERE substr(key, 1, ?) = ? GROUP BY key ORDER BY min(at), min(number)"
        yield from (key for (key,) in self._disk.execute(query, (len(prefix), prefix)))

    def rows(self, key: str) -> list[RawLine]:
        """Return the rows with this key, in the order in which they were added."""
        found = self._disk.execute("SELECT line FROM stored WHERE key = ? ORDER BY number", (key,))
        return [self._loaded(line) for (line,) in found]

    def _loaded(self, line: bytes) -> RawLine:
        number, values, place, rest, more = pickle.loads(line)  # noqa: S301 - only this process can write it
        return RawLine(number, values, self._origins[place], rest, more)


def join_rows(rows: Sequence[RawLine]) -> tuple[list[RawLine], list[Quarantined | Unused]]:
    """Return the rows of one order without those that are there twice, and what became of the others.

    A row of a quarantine file replaces the row that it was. If two files have the same rows of the order, the second is
    left out. If they have different ones, none of them is used.
    """
    kept, replaced = _replace_mended(rows)
    by_table: dict[tuple[str, int], list[RawLine]] = {}
    for raw, table in kept:
        by_table.setdefault((raw.origin.kind.name, table), []).append(raw)
    repeated: list[Unused] = []
    chosen: dict[str, tuple[Counter[tuple[str, ...]], list[RawLine]]] = {}
    for (kind, _), lines in by_table.items():
        content = Counter(tuple(raw.values) for raw in lines)
        if kind not in chosen:
            chosen[kind] = content, lines
        elif chosen[kind][0] == content:
            repeated += (Unused(raw, SAME_ORDER) for raw in lines)
        else:
            return [], [*replaced, *(Quarantined(raw, DIFFERENT_ORDER) for raw, _ in kept)]
    return [raw for _, lines in chosen.values() for raw in lines], [*replaced, *repeated]


def _replace_mended(rows: Sequence[RawLine]) -> tuple[list[tuple[RawLine, int]], list[Unused]]:
    """Return each row with the number of the table that it counts for, and the rows that were replaced."""
    mended = {place_of(raw): raw for raw in rows if raw.origin.is_mended}
    kept: list[tuple[RawLine, int]] = []
    replaced: list[Unused] = []
    for raw in rows:
        if raw.origin.is_mended:
            continue
        replacement = mended.pop(place_of(raw), None)
        if replacement is None:
            kept.append((raw, raw.origin.table))
        else:
            replaced.append(Unused(raw, MENDED))
            kept.append((replacement, raw.origin.table))
    return [*kept, *((raw, raw.origin.table) for raw in mended.values())], replaced
