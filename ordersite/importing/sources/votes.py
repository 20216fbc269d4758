"""Decide how a whole file writes its dates or its numbers, from all of its texts."""

from collections.abc import Callable, Mapping
from typing import Any

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.workbook import Exact

_MOST_SEEN = 50_000  # different texts that are remembered, so that each counts once


class Vote:
    """What the texts of a table say about the way in which they are written.

    A text that can be read in some ways only rules the others out. A text that cannot be read at all says nothing: its
    row is quarantined later. `lowest` is the lowest value in each way.
    """

    def __init__(self, what: str, option: str, ways: Mapping[str, str], chosen: str | None) -> None:
        self.what, self.option, self.ways, self.chosen = what, option, ways, chosen
        self.lowest: dict[str, Any] = {}
        self.witness: dict[str, tuple[int, str]] = {}  # a text that can be read in one way only
        self._possible = set(ways)
        self._against: dict[str, tuple[int, str]] = {}
        self._unclear: dict[frozenset[str], tuple[int, str, Mapping[str, Any]]] = {}
        self._matters = False
        self._seen: set[str] = set()

    def count(self, line: int, text: str, readings_of: Callable[[str], Mapping[str, Any]]) -> None:
        """Count a text of a line; `readings_of` returns its value in each way in which it can be read."""
        if text in self._seen or isinstance(text, Exact):
            return
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen.add(text)
        readings = readings_of(text)
        if not readings:
            return
        for way, value in readings.items():
            self.lowest[way] = min(value, self.lowest.get(way, value))
        differ = len(set(readings.values())) > 1
        self._matters = self._matters or differ or len(readings) < len(self.ways)
        for way in self.ways.keys() - readings.keys():
            self._against.setdefault(way, (line, text))
        self._possible &= readings.keys()
        if len(readings) == 1:
            self.witness.setdefault(next(iter(readings)), (line, text))
        elif differ:
            self._unclear.setdefault(frozenset(readings), (line, text, readings))

    def settle(self, name: str) -> str:
        """Return the way of the whole table `name`; "" if it does not matter.

        Raises UnreadableFile if several ways are possible, if there is none for all texts, or if the way that was
        chosen cannot be right. If none is right for all texts, the chosen one is taken.
        """
        if self.chosen is not None:
            if self._possible and self.chosen not in self._possible:
                line, text = self._against[self.chosen]
                raise UnreadableFile(
                    f"{name}: {self.option} says {self.ways[self.chosen]}, but {text!r} (line {line}) and all others"
                    f" can be read as {self._named(self._possible)}. Name the file that the option is for:"
                    f" {self.option} FILE={self.chosen}"
                )
            return self.chosen
        if not self._possible:
            proofs = "; ".join(
                f"{text!r} (line {line}) is not {self.ways[way]}" for way, (line, text) in self._against.items()
            )
            raise UnreadableFile(
                f"{name} mixes its {self.what}: {proofs}. Choose with {self.option} {'|'.join(self.ways)}. The rows"
                " that do not fit are quarantined."
            )
        self._refuse_unclear(name)
        return next(way for way in self.ways if way in self._possible) if self._matters else ""

    def _refuse_unclear(self, name: str) -> None:
        for line, text, readings in self._unclear.values():
            left = {way: value for way, value in readings.items() if way in self._possible}
            if len(set(left.values())) > 1:
                meanings = ", or ".join(f"{value} ({self.ways[way]})" for way, value in left.items())
                raise UnreadableFile(
                    f"{name}: nothing in it settles the {self.what}. {text!r} (line {line}) is {meanings}. Say which:"
                    f" {self.option} {'|'.join(left)}"
                )

    def _named(self, ways: set[str]) -> str:
        return " or ".join(self.ways[way] for way in self.ways if way in ways)

    def in_words(self, way: str) -> str:
        """Return the way, and what settled it."""
        if not way:
            return ""
        words = self.ways[way]
        if self.chosen is not None:
            return f"{words}, as {self.option} says" + (
                "" if self._possible else "; rows that do not fit are quarantined"
            )
        if way in self.witness:
            line, text = self.witness[way]
            return f"{words} ({text!r} on line {line})"
        return words
