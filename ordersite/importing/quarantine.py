"""Write the lines that cannot be imported, so that a person can mend them and the same command imports them.

The file is a CSV table: where the line stood and why it was not imported, then its own columns with their original
text. It appears when it is complete, and never takes the place of another file without being asked.
"""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from ordersite.importing.sources.errors import StoppedImport, UnreadableFile
from ordersite.importing.sources.tables import MARKS, MORE, RawLine, Table, escape


class QuarantineWriter:
    """Writes quarantined lines of these tables as CSV. `count` is their number. Raises StoppedImport if it cannot."""

    def __init__(self, out: TextIO | IO[str], tables: Sequence[Table], *, name: str = "") -> None:
        self._csv, self._out, self._name = csv.writer(out), out, name
        own = [column.name for table in tables for column in table.kind.columns]
        rest = [name for table in tables for _, name in table.heading.rest]
        self._names = list(dict.fromkeys([*own, *rest]))
        self.count = 0
        self._write([*MARKS, *map(escape, self._names), MORE])

    def add(self, raw: RawLine, reason: str) -> None:
        """Write a line with its reason."""
        self.count += 1
        origin = raw.origin
        values = dict(zip((column.name for column in origin.kind.columns), raw.values, strict=True))
        values.update(zip(origin.rest, raw.rest, strict=True))
        texts = [str(raw.number), reason, origin.file, origin.sheet, origin.dialect_in_words()]
        texts += [values.get(name, "") for name in self._names]
        self._write([escape(text) for text in (*texts, ",".join(raw.more))])

    def flush(self) -> None:
        """Give everything so far to the file system."""
        with _writable(self._name):
            self._out.flush()

    def _write(self, texts: Sequence[str]) -> None:
        with _writable(self._name):
            self._csv.writerow(texts)


@contextmanager
def open_quarantine(
    target: Path | None, tables: Sequence[Table], *, inputs: Sequence[Path], overwrite: bool = False
) -> Iterator[tuple[QuarantineWriter, Callable[[], Path | None]]]:
    """Give a writer, and a function that makes the file appear and returns its path; None if nothing was written.

    Without a `target` the file gets the name of the first input, with a number if there is such a file. Raises
    UnreadableFile before anything is written if the target cannot be used, and StoppedImport if writing fails.
    """
    chosen = target or _free_name(inputs[0])
    _check(chosen, inputs, overwrite=overwrite)
    try:
        partial = tempfile.NamedTemporaryFile(  # noqa: SIM115 - it outlives this block only if it is complete
            "w", encoding="utf-8", newline="", dir=chosen.parent, prefix=f".{chosen.name}.", delete=False
        )
    except OSError as error:
        raise UnreadableFile(
            f"the quarantine file {chosen} cannot be written: {error.strerror}. Name another: --quarantine"
        ) from error
    path = Path(partial.name)
    try:
        writer = QuarantineWriter(partial, tables, name=str(chosen))

        def finish() -> Path | None:
            writer.flush()
            with _writable(str(chosen)):
                os.fsync(partial.fileno())
                return _publish(path, chosen, overwrite=overwrite) if writer.count else None

        yield writer, finish
    finally:
        path.unlink(missing_ok=True)
        with _writable(str(chosen)):
            partial.close()


def _free_name(first: Path) -> Path:
    stem = f"quarantine-{first.resolve().name.split('.')[0]}"
    number, path = 1, Path(f"{stem}.csv")
    while path.exists():
        number += 1
        path = Path(f"{stem}-{number}.csv")
    return path


def _check(target: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Raise UnreadableFile if the target is an input, or a file or folder that is there."""
    if not os.path.lexists(target):
        return
    if target.is_dir():
        raise UnreadableFile(f"--quarantine {target} is a folder. Name a file.")
    if any(each.exists() and target.exists() and each.samefile(target) for each in inputs):
        raise UnreadableFile(f"--quarantine {target} is a file of the import. Name another file.")
    if not overwrite:
        raise UnreadableFile(
            f"--quarantine {target}: there is such a file already. Name another, or add --overwrite-quarantine."
        )
    if not target.is_file():
        raise UnreadableFile(f"--quarantine {target} is not a regular file. Name another.")


def _publish(partial: Path, target: Path, *, overwrite: bool) -> Path:
    if overwrite:
        partial.replace(target)
        return target
    try:
        target.hardlink_to(partial)
    except FileExistsError:
        return _publish(partial, _next_name(target), overwrite=False)
    except OSError:  # a file system without hard links
        target.touch(exist_ok=False)
        partial.replace(target)
    return target


def _next_name(target: Path) -> Path:
    """Return another name: while the import ran, something else wrote a file with this one."""
    number = 2
    while (path := target.with_name(f"{target.stem}-{number}{target.suffix}")).exists():
        number += 1
    return path


@contextmanager
def _writable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoppedImport(f"the quarantine file {name} cannot be written: {error}") from error
