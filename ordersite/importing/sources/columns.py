"""The columns of a table, and the names under which programs export them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ordersite.importing.sources.errors import UnreadableFile


class Content(StrEnum):
    """What the values of a column are. Dates and numbers show how the file writes them."""

    TEXT = "text"
    DATE = "date"
    NUMBER = "number"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, other names of it, and what is in it. Capitals, spaces and underlines do not matter."""

    name: str
    aliases: tuple[str, ...] = ()
    content: Content = Content.TEXT
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Heading:
    """The first row of a table. `places` says where each column of the kind is, None for one that is not there.

    `rest` are the places and names of columns that are not read.
    """

    line: int
    names: tuple[str, ...]
    places: tuple[int | None, ...]
    rest: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class TableKind:
    """A kind of table. `name` is unique among all layouts; quarantine files remember it."""

    name: str
    columns: tuple[Column, ...]
    currency: str = ""

    def index(self, name: str) -> int:
        """Return the place of a column in the values of a `RawLine`."""
        return next(place for place, column in enumerate(self.columns) if column.name == name)

    def recognise(self, line: int, names: Sequence[str]) -> Heading | None:
        """Return the heading if all required columns are in it, else None.

        Raises UnreadableFile if two columns have the same meaning.
        """
        by_name = {_bare(alias): at for at, each in enumerate(self.columns) for alias in (each.name, *each.aliases)}
        places: list[int | None] = [None] * len(self.columns)
        rest: list[tuple[int, str]] = []
        for place, name in enumerate(names):
            column = by_name.get(_bare(name))
            if column is None:
                rest.append((place, name))
                continue
            if (earlier := places[column]) is not None:
                raise UnreadableFile(
                    f"two columns mean {self.columns[column].name}: column {earlier + 1} ({names[earlier]!r}) and"
                    f" column {place + 1} ({name!r}). Remove or rename one of them."
                )
            places[column] = place
        missing = any(place is None for place, each in zip(places, self.columns, strict=True) if each.is_required)
        return None if missing else Heading(line, tuple(names), tuple(places), tuple(rest))

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return the names of the required columns that are not in a heading."""
        found = {_bare(name) for name in names}
        return [
            each.name
            for each in self.columns
            if each.is_required and found.isdisjoint(map(_bare, (each.name, *each.aliases)))
        ]


def describe_mismatch(kinds: Sequence[TableKind], names: Sequence[str]) -> tuple[str, bool]:
    """Return why a heading is that of no kind of table, and whether it nearly is one: it has half of the columns."""
    nearest = min(kinds, key=lambda kind: len(kind.missing(names)) / sum(each.is_required for each in kind.columns))
    missing = nearest.missing(names)
    required = [each.name for each in nearest.columns if each.is_required]
    shown = ", ".join(names)[:200]
    words = (
        f"the first row has to be a heading with the columns {', '.join(required)};"
        f" it is {shown!r}, without {', '.join(missing)}"
    )
    return words, len(missing) * 2 <= len(required)


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
