"""Read the parts of an .xlsx file, which is a zip archive of XML files, within bounds.

A small file can hold XML whose tree takes gigabytes. So what openpyxl reads as a whole has a size and a number of tags
that it may have, and what is read in steps forgets each step before the next.
"""

import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, iterparse

from openpyxl.cell.text import Text
from openpyxl.xml.constants import SHEET_MAIN_NS

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import LARGEST, MOST_DENSE

_DENSE_IS_FINE = 64 << 20  # bytes of all parts, unpacked
_MOST_PARTS = 10_000
_LARGEST_PART, _MOST_TAGS = 16 << 20, 400_000  # of a part that is read as a whole: styles, sheet names
_LARGEST_STRINGS = 256 << 20  # bytes
_MOST_STEPS = 2_000_000  # rows or texts; a sheet has 1,048,576 rows at most
_LARGEST_STEP = 4 << 20  # bytes of a row, or of what stands between two rows
_BLOCK = 1 << 16
_STRING_TAG = f"{{{SHEET_MAIN_NS}}}si"


class Package(zipfile.ZipFile):
    """The archive of a workbook. `open` and `read`, which openpyxl calls, refuse a part too large for a tree."""

    def __init__(self, content: BinaryIO, name: str) -> None:
        """Raises UnreadableFile if the parts are too many, or unpack to too much, for a workbook of orders."""
        super().__init__(content)
        self.name = name
        infos = self.infolist()
        unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
        if unpacked > LARGEST or unpacked > max(_DENSE_IS_FINE, packed * MOST_DENSE) or len(infos) > _MOST_PARTS:
            raise UnreadableFile(
                f"{name} unpacks to {unpacked >> 20:,} MiB in {len(infos):,} parts, which is more than a workbook of"
                " orders needs. Save its sheets as .csv files and import these, if it is what it should be."
            )

    def open(self, name: Any, mode: Any = "r", pwd: Any = None, **options: Any) -> Any:
        """Open a part that will be read as a whole. Raises UnreadableFile."""
        with super().open(name, mode, pwd, **options) as part:
            size = tags = 0
            while block := part.read(_BLOCK):
                size, tags = size + len(block), tags + block.count(b"<")
                if size > _LARGEST_PART or tags > _MOST_TAGS:
                    raise UnreadableFile(
                        f"{self.name}: its part {getattr(name, 'filename', name)} is larger than that of a workbook of"
                        " orders. Save the sheets as .csv files, and import these."
                    )
        return super().open(name, mode, pwd, **options)

    def steps(self, part: str, ends: str) -> Iterator[Any]:
        """Yield each element with the tag `ends` of a part, and each child of its root; then forget it.

        Raises UnreadableFile if there is too much between two of them, and ParseError if it is no XML.
        """
        with super().open(part) as content:
            source = _Steps(content, f"{self.name}: its part {part}")
            path: list[Element] = []
            # Entities cannot multiply: expat, below it, stops that, and a step has a size.
            for event, element in iterparse(source, events=("start", "end")):  # noqa: S314
                if event == "start":
                    path.append(element)
                    continue
                path.pop()
                if element.tag == ends or len(path) == 1:
                    yield element
                    path[-1].clear()
                    source.begin_step()

    def strings(self, part: str) -> list[str]:
        """Return the texts that cells refer to by number. Raises UnreadableFile, ParseError."""
        if self.getinfo(part).file_size > _LARGEST_STRINGS:
            raise UnreadableFile(
                f"{self.name} holds more text than a workbook of orders. Save its sheets as .csv files."
            )
        parse: Any = Text.from_tree
        steps = self.steps(part, _STRING_TAG)
        return [parse(element).content.replace("x005F_", "") for element in steps if element.tag == _STRING_TAG]


class _Steps:
    """A file that refuses to be read further if a step does not end for too long, or if there are too many."""

    def __init__(self, content: Any, name: str) -> None:
        self._content, self._name, self._read, self._begun = content, name, 0, 0

    def begin_step(self) -> None:
        self._read = 0
        self._begun += 1
        if self._begun > _MOST_STEPS:
            raise UnreadableFile(f"{self._name} has more than {_MOST_STEPS:,} rows or texts. Save it in several files.")

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._content.read(min(size, _BLOCK) if size > 0 else _BLOCK)
        self._read += len(block)
        if self._read > _LARGEST_STEP + _BLOCK:
            raise UnreadableFile(
                f"{self._name} has a row or another element of more than {_LARGEST_STEP >> 20} MiB. Remove it, or save"
                " the sheet as a .csv file."
            )
        return block
