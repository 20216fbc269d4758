"""Take a backup: one snapshot of all tables that hold the truth, while the site goes on."""

import gzip
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder

from eventstore.models import Event, Seal, SubjectKey
from ordersite.backup import manifest
from ordersite.backup.manifest import Manifest, Table
from ordersite.backup.tables import models_backed_up

_LEVEL = 6  # of gzip: higher levels take much longer and save little


class FolderTaken(FileExistsError):
    """The folder for the backup has files already. A backup never replaces another one: name a new folder."""


def take_backup(folder: Path, *, progress: Callable[[Table], None] = lambda table: None) -> Manifest:
    """Write the truth of the site into a new folder; return the manifest. `progress` is called after each table.

    All tables are read in one transaction, so they are from one moment. Writers do not wait for it. Only the owner of
    the folder may read it: it holds password hashes and tokens. Raises FolderTaken, OSError, UndeclaredContents.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderTaken(f"{folder} is not empty: name a new folder, so that no older backup is replaced")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT now(), current_setting('server_version')")
        taken_at, version = cursor.fetchone()
        tables = []
        for model in models_backed_up():
            tables.append(_write_table(cursor, model, folder))
            progress(tables[-1])
        taken = _describe(cursor, taken_at, version, tables)
    manifest.write(taken, folder)
    return taken


def _write_table(cursor: Any, model: type[models.Model], folder: Path) -> Table:
    """Write one table. The order of rows is that of the key, so that two backups of the same rows are equal."""
    name, columns = model._meta.db_table, tuple(str(field.column) for field in model._meta.local_concrete_fields)
    listed = ", ".join(map(connection.ops.quote_name, columns))
    key = connection.ops.quote_name(str(model._meta.pk.column))
    path = folder / f"{name}.copy.gz"
    with open(path, "xb", opener=_for_the_owner) as file:
        with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
            statement = f"COPY (SELECT {listed} FROM {connection.ops.quote_name(name)} ORDER BY {key}) TO STDOUT"
            with cursor.copy(statement) as copy:
                for block in copy:
                    packed.write(block)
        file.flush()
        os.fsync(file.fileno())
    return Table(name=name, columns=columns, rows=cursor.rowcount, sha256=manifest.digest(path))


def _for_the_owner(path: str, flags: int) -> int:
    """Open a file that nobody else may read, also in a folder that was there before."""
    return os.open(path, flags, 0o600)


def _describe(cursor: Any, taken_at: datetime, version: str, tables: list[Table]) -> Manifest:
    return Manifest(
        format=manifest.FORMAT,
        taken_at=taken_at,
        postgresql=version,
        position=Event.objects.aggregate(last=models.Max("position"))["last"] or 0,
        migrations=applied_migrations(),
        sequences=_sequences(cursor),
        master_keys=sorted(SubjectKey.objects.exclude(wrapped_key=None).values_list("master", flat=True).distinct()),
        seal_keys=sorted({bytes(key).hex() for key in Seal.objects.values_list("public_key", flat=True).distinct()}),
        tables=tables,
    )


def applied_migrations() -> dict[str, list[str]]:
    """Return the names of the applied migrations of each app, in their order."""
    applied: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        applied.setdefault(app, []).append(name)
    return applied


def _sequences(cursor: Any) -> dict[str, int]:
    """Return the last value of the sequence of each table's key. Sequences are of now, so they are not lower."""
    values = {}
    for model in models_backed_up():
        sequence = sequence_of(cursor, model)
        if sequence:
            cursor.execute(f"SELECT last_value - (NOT is_called)::int FROM {sequence}")
            values[model._meta.db_table] = cursor.fetchone()[0]
    return values


def sequence_of(cursor: Any, model: type[models.Model]) -> str | None:
    """Return the name of the sequence that gives a table its keys, for use in SQL, or None."""
    table = connection.ops.quote_name(model._meta.db_table)
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, model._meta.pk.column])
    name: str | None = cursor.fetchone()[0]
    return name
