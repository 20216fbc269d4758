"""Read text files: find the encoding and the delimiter, and give record after record."""

import codecs
import csv
import io
import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import SourceFile, readable

MISSING, QUOTES = "(missing)", "(quotation mark)"
"""Take the place of values that a row does not have, and that cannot be told apart, here and in quarantine files."""
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST_LINE = 1 << 20  # characters
_MOST_LINES = 100  # of one record; more mean a quotation mark that was never closed
_BLOCK = 1 << 18  # bytes
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x80-\x9f]")
_LIKELY = ("cp1252", "cp1251", "iso-8859-15", "mac-roman")
_SAME = {"utf-8-sig": {"utf-8"}, "utf-16": {"utf-16-le", "utf-16-be"}, "utf-32": {"utf-32-le", "utf-32-be"}}


class Record(NamedTuple):
    """A record: the number of its first line in the file, and its values."""

    line: int
    values: list[str]


def find_encoding(file: SourceFile, chosen: str | None) -> str:
    """Return the encoding of the whole file: by its byte order mark, else UTF-8, else the one that was chosen.

    No other encoding is guessed: the same bytes are letters of several languages. Raises UnreadableFile.
    """
    if chosen is not None:
        chosen = _known_encoding(chosen)
    with file.open() as content, readable(file.name):
        first = content.read(4)
    for mark, encoding in _BOMS:
        if first.startswith(mark):
            if chosen not in {None, encoding, *_SAME[encoding]}:
                raise UnreadableFile(
                    f"{file.name} begins with the mark of {encoding.removesuffix('-sig')}, so it is not {chosen}."
                    " Leave --encoding out for this file."
                )
            _check(file, encoding)
            return encoding
    if first[1:2] == b"\0" or first[:1] == b"\0":
        little = first[1:2] == b"\0"
        if chosen not in {"utf-16-le", "utf-16-be"}:
            raise UnreadableFile(
                f"{file.name} looks like UTF-16 without a byte order mark: --encoding utf-16-{'le' if little else 'be'}"
            )
    if chosen is not None:
        _check(file, chosen)
        return chosen
    damage = _undecodable(file, "utf-8")
    if damage is None:
        return "utf-8"
    raise UnreadableFile(_advice(file.name, damage))


def _known_encoding(name: str) -> str:
    try:
        encoding = codecs.lookup(name).name
        io.TextIOWrapper(io.BytesIO(), encoding=name).read()
    except (LookupError, UnicodeError) as error:
        raise UnreadableFile(f"--encoding {name}: {error}. Examples: utf-8, utf-16, cp1252, iso-8859-1.") from error
    return encoding


def _check(file: SourceFile, encoding: str) -> None:
    """Raises UnreadableFile if the whole file cannot have this encoding."""
    damage = _undecodable(file, encoding)
    if damage is not None:
        raise UnreadableFile(
            f"{file.name} is not {encoding.removesuffix('-sig')}: byte {damage.byte} of line {damage.line}."
        )
    if encoding.startswith("utf") or _is_plain(file):
        return
    if _undecodable(file, "utf-8") is None:
        raise UnreadableFile(f"{file.name} is UTF-8, and not {encoding}. Leave --encoding out for this file.")
    if encoding == "iso8859-1" and (control := _undecodable(file, encoding, controls=True)):
        raise UnreadableFile(
            f"{file.name} is not latin-1: byte {control.byte} of line {control.line} would be a control character."
            " It is a letter or a sign in cp1252: --encoding cp1252"
        )


class _Damage(NamedTuple):
    line: int
    byte: str
    around: bytes


def _is_plain(file: SourceFile) -> bool:
    return _undecodable(file, "ascii") is None


def _undecodable(file: SourceFile, encoding: str, *, controls: bool = False) -> _Damage | None:
    """Return the first place that the encoding cannot have, or None. With `controls`, C1 controls count as such."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with file.open() as content, readable(file.name):
        while True:
            block = content.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                data = error.object
                line += data.count(b"\n", 0, error.start)
                around = data[max(error.start - 12, 0) : error.start + 8]
                return _Damage(line, f"0x{data[error.start]:02x}", around)
            except UnicodeError:  # a mark that the encoding has to begin with is not there
                return _Damage(line, f"0x{block[0]:02x}", b"")
            if controls and (found := _CONTROL.search(text)):
                return _Damage(line + text.count("\n", 0, found.start()), f"0x{ord(found[0]):02x}", b"")
            if not block:
                return None
            line += block.count(b"\n")


def _advice(name: str, damage: _Damage) -> str:
    seen: dict[str, str] = {}
    for encoding in _LIKELY:
        text = damage.around.decode(encoding, "replace")
        text = "".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text).strip()
        if "\ufffd" not in text:
            seen.setdefault(text, encoding)
    readings = "; ".join(f"--encoding {encoding} reads {text!r}" for text, encoding in seen.items())
    return (
        f"{name} is not UTF-8: byte {damage.byte} of line {damage.line}. Name its encoding. {readings}."
        if readings
        else f"{name} is not UTF-8: byte {damage.byte} of line {damage.line}. Name its encoding with --encoding."
    )


@contextmanager
def open_lines(file: SourceFile, encoding: str) -> Iterator[Iterator[str]]:
    """Give the lines of the text with their ends. Raises UnreadableFile, also at each line."""
    with file.open() as content, io.TextIOWrapper(content, encoding=encoding, newline="") as text:
        yield _lines(text, file.name)


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    with readable(name):
        try:
            while line := text.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise UnreadableFile(f"{name} has a line of more than {LONGEST_LINE:,} characters. It is no table.")
                yield line
        except UnicodeError as error:
            raise UnreadableFile(f"{name} is not {text.encoding}: {error}") from error


def records_of(lines: Iterator[str], delimiter: str, *, width: int = 0) -> Iterator[Record]:
    """Yield the records of the lines.

    A value in quotation marks may go over several lines. A mark that is not closed, or is closed in the middle of a
    value, would swallow the rows after it. So such a line becomes a record of its own, and what comes after the mark is
    not divided into values. The same is done if a record of several lines has not `width` values.
    """
    source = _Source(lines)
    while True:
        parser = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            for values in parser:
                taken = source.taken
                if len(taken) > 1 and width and len(values) != width:
                    break
                yield Record(source.first, values)
                source.forget()
            else:
                return
        except csv.Error:
            taken = source.taken
        if not taken:
            return
        first = source.first
        source.put_back()
        yield Record(first, _split_up_to_quote(taken[0].rstrip("\r\n"), delimiter, max(width, 2)))


def _split_up_to_quote(line: str, delimiter: str, width: int) -> list[str]:
    """Return the values before the first quotation mark, then the rest of the line as one, then `QUOTES`."""
    safe = line.partition('"')[0].count(delimiter)
    values = line.split(delimiter, min(safe, width - 2))
    return values + [QUOTES] * (width - len(values))


class _Source:
    """Lines that can be put back, except for the first one since the last record."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._waiting = lines, deque[str]()
        self.taken: list[str] = []
        self.first = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) > _MOST_LINES:
            raise csv.Error("a value that goes over too many lines")
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.taken.append(line)
        return line

    def forget(self) -> None:
        """Begin a new record."""
        self.first += len(self.taken)
        self.taken = []

    def put_back(self) -> None:
        """Begin a new record with the second line that was taken."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.taken = self.taken[:1]
        self.forget()
