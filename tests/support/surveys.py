"""Look at files without importing them."""

from pathlib import Path
from typing import Any

from ordersite.importing.layouts.online_retail import KIND
from ordersite.importing.sources.options import read_options
from ordersite.importing.sources.survey import Survey, survey_files
from ordersite.importing.sources.tables import RawLine, Table


def survey(*paths: Path, **options: Any) -> Survey:
    """Survey files of the Online Retail layout, with the options of the command line."""
    return survey_files(paths, read_options(**options), [KIND], "Europe/London")


def table_of(path: Path, **options: Any) -> Table:
    (table,) = survey(path, **options).tables
    return table


def rows_of(table: Table) -> list[list[str]]:
    """Return the values of all rows of a table."""
    return [list(line.values) for line in lines_of(table)]


def lines_of(table: Table) -> list[RawLine]:
    skipped: list[str] = []
    lines = list(table.lines(skipped.append))
    assert len(lines) + len(skipped) == table.rows
    return lines
