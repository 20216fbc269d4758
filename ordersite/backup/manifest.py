"""The manifest of a backup: what its folder holds, so that a restore can prove that nothing is missing or changed."""

import os
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

import msgspec

from eventstore.limits.json_text import read_json

FORMAT = 1
NAME = "manifest.json"


class BadBackup(ValueError):
    """A folder is not a whole backup. The message names what is missing or changed. Take another backup."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its columns in the order of the file, its number of rows, and the SHA-256 of the file in hex."""

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str

    @property
    def file(self) -> str:
        """Return the name of the file in the folder: the rows as COPY writes them, compressed by gzip."""
        return f"{self.name}.copy.gz"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a backup. All tables are from one moment, `taken_at`."""

    format: int
    taken_at: datetime
    postgresql: str
    position: int
    """The last position of the log in it."""
    migrations: dict[str, list[str]]
    """The applied migrations of each app, in their order."""
    sequences: dict[str, int]
    """The next-to-last value of each table's key, by table: later rows get higher ones."""
    master_keys: list[str]
    """The names of the PERSONAL_DATA_KEYS that encrypt the keys in it."""
    seal_keys: list[str]
    """The public keys that signed its seals, in hex."""
    tables: list[Table]


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest as the last file of the folder, at once: without it, the folder is no backup."""
    unfinished = folder / f"{NAME}.unfinished"
    with unfinished.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / NAME)
    opened = os.open(folder, os.O_RDONLY)  # the names of the files must survive a power failure too
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup after comparing every file with it. Raises BadBackup."""
    try:
        manifest = msgspec.convert(read_json((folder / NAME).read_bytes()), Manifest)
    except OSError as error:
        raise BadBackup(
            f"{folder} has no readable {NAME} ({error.strerror}): it is no backup, or one that was not finished"
        ) from error
    except ValueError as error:
        raise BadBackup(f"{folder / NAME} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BadBackup(f"{folder} has format {manifest.format}; this release reads format {FORMAT}")
    for table in manifest.tables:
        if table.sha256 != digest(folder / table.file):
            raise BadBackup(f"{folder / table.file} is not what was written: take another copy of the backup")
    return manifest


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises BadBackup."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadBackup(f"{path} cannot be read: {error.strerror}") from error
