"""What a person says about the files, where it is not found out or could be two things."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePath
from zoneinfo import ZoneInfo

from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.files import SourceFile
from ordersite.importing.sources.text import DELIMITERS
from ordersite.importing.sources.values import DATE_ORDERS, DECIMALS

_DELIMITER_NAMES = {name: sign for sign, name in DELIMITERS.items()} | {"\\t": "\t"}


class Choices:
    """The values of one option: `VALUE` for all files, or `FILE=VALUE` for files with this name or pattern."""

    def __init__(self, option: str, given: Sequence[str] = (), allowed: Collection[str] = ()) -> None:
        self.option = option
        self._given = [self._split(text, allowed) for text in given]
        self._used: set[str] = set()

    def _split(self, text: str, allowed: Collection[str]) -> tuple[str, str]:
        pattern, _, value = text.rpartition("=")
        value = _DELIMITER_NAMES.get(value, value) if self.option == "--delimiter" else value
        if not value or (allowed and value not in allowed):
            expected = f": expected one of {', '.join(sorted(allowed))}" if allowed else ""
            raise UnreadableFile(
                f"{self.option} {text!r}{expected}, perhaps with the name of a file before it: day.csv=…"
            )
        return pattern or "*", value

    def of(self, file: SourceFile) -> str | None:
        """Return the value for a file, the last that was given for it; None if none was."""
        chosen = None
        for pattern, value in self._given:
            if fnmatchcase(file.name, pattern) or fnmatchcase(PurePath(file.name).name, pattern):
                chosen = value
                self._used.add(pattern)
        return chosen

    def require_used(self) -> None:
        """Raise UnreadableFile if a name fits none of the files: it was mistyped."""
        for pattern, value in self._given:
            if pattern not in self._used | {"*"}:
                raise UnreadableFile(f"{self.option} {pattern}={value}: no file of this import has the name {pattern}")


@dataclass(frozen=True)
class Options:
    """All options about the files. `sheets` are the only sheets to be read, if any is named."""

    zone: Choices
    layout: str = ""
    encoding: Choices = field(default_factory=lambda: Choices("--encoding"))
    delimiter: Choices = field(default_factory=lambda: Choices("--delimiter"))
    decimal: Choices = field(default_factory=lambda: Choices("--decimal"))
    date_order: Choices = field(default_factory=lambda: Choices("--date-order"))
    sheets: Sequence[str] = ()


def read_options(
    *,
    layout: str = "",
    encoding: Sequence[str] = (),
    delimiter: Sequence[str] = (),
    decimal: Sequence[str] = (),
    date_order: Sequence[str] = (),
    time_zone: Sequence[str] = (),
    sheets: Sequence[str] = (),
) -> Options:
    """Return the options of a command line. Raises UnreadableFile for a value that there is not."""
    return Options(
        layout=layout,
        encoding=Choices("--encoding", encoding),
        delimiter=Choices("--delimiter", delimiter, DELIMITERS),
        decimal=Choices("--decimal", decimal, DECIMALS),
        date_order=Choices("--date-order", date_order, DATE_ORDERS),
        zone=Choices("--time-zone", time_zone),
        sheets=sheets,
    )


def zone_named(name: str) -> ZoneInfo:
    """Return a time zone. Raises UnreadableFile if there is none of this name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnreadableFile(
            f"--time-zone {name}: there is no such time zone. Examples: Europe/London, UTC."
        ) from error
