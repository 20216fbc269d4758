"""Find the files of an import: tables or JSON in single files, folders and zip archives, plain or packed.

What a file is, is read from its first bytes and not from its name.
"""

import gzip
import io
import lzma
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.json_orders import as_table, is_json

LARGEST = 4 << 30  # bytes of one file, unpacked
MOST_DENSE = 250  # times the packed size; text of a shop packs to a tenth or a fortieth
_BEGINNING = 256  # bytes that show what a file is
_ALWAYS_FINE = 64 << 20  # bytes: a small file may be as dense as it likes
_TEXT_NAMES = {".csv", ".tsv", ".txt", ".tab"}
_JSON_NAMES = {".json", ".jsonl", ".ndjson"}
_PACKED_NAMES = {".gz", ".xz"}
_WORKBOOK_NAMES = {".xlsx", ".xlsm"}
_ZIP, _GZIP, _XZ, _OLE = b"PK\x03\x04", b"\x1f\x8b", b"\xfd7zXZ\x00", b"\xd0\xcf\x11\xe0"
_FOREIGN = {
    b"%PDF": "a PDF",
    b"BZh": "packed with bzip2",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"SQLi": "a database",
}
_PACKED: dict[bytes, Callable[[Any], Any]] = {_GZIP: gzip.open, _XZ: lzma.open}
DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What the standard library raises when it reads a damaged, cut or encrypted file."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file with rows. `name` is its path as it was given; that of a file in an archive is behind the archive's."""

    name: str
    path: Path
    member: str = ""
    is_workbook: bool = False
    is_json: bool = False

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give the unpacked content. Raises UnreadableFile, when it is opened; reading raises `DAMAGED`."""
        with ExitStack() as stack:
            with readable(self.name):
                content = self._unpack(stack.enter_context(self.path.open("rb")), stack)
                if self.is_json:
                    status = self.path.stat()
                    content = io.BytesIO(
                        _json_as_table(replace(self, is_json=False), status.st_mtime_ns, status.st_size)
                    )
            yield content  # outside: errors of the caller are not errors of the file

    def _unpack(self, packed: BinaryIO, stack: ExitStack) -> BinaryIO:
        if self.member:
            archive = stack.enter_context(zipfile.ZipFile(packed))
            info = archive.getinfo(self.member)
            return _bounded(stack.enter_context(archive.open(info)), info.compress_size, self.name)
        first = packed.read(6)
        packed.seek(0)
        for start, unpack in _PACKED.items():
            if first.startswith(start):
                content = stack.enter_context(unpack(packed))
                return _bounded(content, self.path.stat().st_size, self.name)
        return packed


@lru_cache(maxsize=1)  # a file is opened several times, one after another
def _json_as_table(file: SourceFile, modified: int, size: int) -> bytes:
    with file.open() as content:
        return as_table(content, file.name)


@dataclass(frozen=True, slots=True)
class NotRead:
    """A file, or a sheet of one, that is not imported. `rows` is the number of its rows, as far as it has any."""

    name: str
    reason: str
    rows: int = 0


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raise errors of reading as UnreadableFile, with the name of the file."""
    try:
        yield
    except UnreadableFile:
        raise
    except DAMAGED as error:
        raise UnreadableFile(f"{name} cannot be read: {error}") from error


def find_files(paths: Sequence[Path]) -> tuple[list[SourceFile], list[NotRead]]:
    """Return the files with rows, each once and in the order of their names, and what else the folders hold.

    Raises UnreadableFile if a path cannot be read, is no file with rows, or is a folder without any.
    """
    files: list[SourceFile] = []
    skipped: list[NotRead] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        with readable(str(path)):
            found, others = _in_folder(path) if path.is_dir() else ([path], [])
            skipped += others
            for each in found:
                status = each.stat()
                if (status.st_dev, status.st_ino) in seen:
                    skipped.append(NotRead(str(each), "the same file was named before"))
                    continue
                seen.add((status.st_dev, status.st_ino))
                inside, others = _look_into(each, stat.S_ISREG(status.st_mode))
                files += inside
                skipped += others
    return files, skipped


def _in_folder(folder: Path) -> tuple[list[Path], list[NotRead]]:
    """Return the files below a folder whose names say that they have rows, and the others."""
    found: list[Path] = []
    others: list[NotRead] = []

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        others += [NotRead(str(Path(place) / name), "a link to a folder") for name in links]
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith((".", "~$")):
                others.append(NotRead(str(path), "a hidden file"))
            elif path.suffix.lower() in _TEXT_NAMES | _JSON_NAMES | _PACKED_NAMES | _WORKBOOK_NAMES | {".zip"}:
                found.append(path)
            else:
                others.append(
                    NotRead(
                        str(path),
                        "its name does not end like that of a table (.csv, .tsv, .txt, .xlsx, .json, .gz, .xz, .zip)",
                    )
                )
    if not found:
        raise UnreadableFile(f"the folder {folder} holds no .csv, .tsv, .txt, .xlsx, .json, .gz, .xz or .zip file")
    return found, others


def _look_into(path: Path, is_regular: bool) -> tuple[list[SourceFile], list[NotRead]]:
    if not is_regular:
        raise UnreadableFile(f"{path} is not a regular file. It is read twice, so save it to disk first.")
    whole = SourceFile(str(path), path)
    with whole.open() as content:
        first = content.read(_BEGINNING)
    if not first.startswith(_ZIP):
        _refuse_foreign(str(path), first)
        return [replace(whole, is_json=is_json(first))], []
    with whole.open() as content, spooled(content) as book, zipfile.ZipFile(book) as archive:
        if _is_workbook(archive):
            return [SourceFile(str(path), path, is_workbook=True)], []
        return _in_archive(path, archive)


def _in_archive(path: Path, archive: zipfile.ZipFile) -> tuple[list[SourceFile], list[NotRead]]:
    files: list[SourceFile] = []
    others: list[NotRead] = []
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        suffix, name = Path(info.filename).suffix.lower(), f"{path}/{info.filename}"
        if info.is_dir():
            continue
        if suffix in _TEXT_NAMES | _JSON_NAMES | _WORKBOOK_NAMES and not info.filename.startswith("__MACOSX/"):
            file = SourceFile(name, path, info.filename, is_workbook=suffix in _WORKBOOK_NAMES)
            if not file.is_workbook:
                with file.open() as content:
                    first = content.read(_BEGINNING)
                _refuse_foreign(name, first)
                file = replace(file, is_json=is_json(first))
            files.append(file)
        else:
            others.append(NotRead(name, "its name does not end like that of a table (.csv, .tsv, .txt, .xlsx, .json)"))
    if not files:
        raise UnreadableFile(f"the archive {path} holds no .csv, .tsv, .txt, .xlsx or .json file")
    return files, others


def _is_workbook(archive: zipfile.ZipFile) -> bool:
    return any(name == "[Content_Types].xml" or name.startswith("xl/") for name in archive.namelist())


def _refuse_foreign(name: str, first: bytes) -> None:
    if first.startswith(_OLE):
        raise UnreadableFile(f"{name} is an old .xls or has a password. Save it as .xlsx without a password.")
    for start, what in _FOREIGN.items():
        if first.startswith(start):
            raise UnreadableFile(f"{name} is {what}. Only text, .xlsx, .json, .gz, .xz and .zip can be read.")


@contextmanager
def spooled(content: BinaryIO) -> Iterator[BinaryIO]:
    """Give a file that can be read from any place: the file itself, or a temporary copy of what is unpacked."""
    if isinstance(content, io.BufferedReader) and isinstance(content.raw, io.FileIO):
        yield content
        return
    with tempfile.SpooledTemporaryFile(max_size=16 << 20) as copy:
        while block := content.read(1 << 20):
            copy.write(block)
        copy.seek(0)
        yield cast("BinaryIO", copy)


def _bounded(content: Any, packed_size: int, name: str) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(content, packed_size, name), buffer_size=1 << 16)


class _Bounded(io.RawIOBase):
    """Unpacked content. Too much of it for its packed size is an error, because a small file could fill a disk."""

    def __init__(self, content: Any, packed_size: int, name: str) -> None:
        self._content, self._name, self._read = content, name, 0
        self._most = min(LARGEST, max(_ALWAYS_FINE, packed_size * MOST_DENSE))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._content.read(len(buffer))
        buffer[: len(block)] = block
        self._read += len(block)
        if self._read > self._most:
            raise UnreadableFile(
                f"{self._name} unpacks to more than {self._most >> 20:,} MiB, {MOST_DENSE} times its size or more than"
                " a file of orders needs. Unpack it yourself, and import it in parts, if it is what it should be."
            )
        return len(block)
