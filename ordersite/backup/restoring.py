"""Restore a backup into a database that holds nothing yet."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from eventstore.followers import causality
from eventstore.models import ConsumerCheckpoint, Event
from eventstore.personal_data import encryption
from eventstore.seals import keys
from ordersite.backup import manifest
from ordersite.backup.manifest import BadBackup, Manifest, Table
from ordersite.backup.tables import WRITTEN_BY_MIGRATE, models_backed_up
from ordersite.backup.writing import applied_migrations, sequence_of
from ordersite.table_owners import grant_to_roles

_BLOCK = 1 << 16  # bytes that are read and sent together


class RestoreRefused(RuntimeError):
    """The backup cannot be restored here. The message says why and what to do. Nothing was changed."""


def restore(
    folder: Path, *, last_position: int = 0, progress: Callable[[Table], None] = lambda table: None
) -> Manifest:
    """Restore the backup in this folder, then migrate to this release; return its manifest.

    All rows are restored in one transaction, or none. `progress` is called after each table. New events get positions
    after `last_position`, if that is higher than the backup's own: the last one that anybody saw of the lost site.

    Raises BadBackup, RestoreRefused, WrongKey, MalformedSealKey.
    """
    backup = manifest.read(folder)
    _require_keys(backup)
    if not applied_migrations():
        _migrate_to(backup)
    _require_same_migrations(backup)
    with transaction.atomic(), connection.cursor() as cursor:
        tables = _models_of(backup)
        _require_empty(tables)
        for name, model in tables.items():
            if model._meta.label in WRITTEN_BY_MIGRATE:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")
        for table in backup.tables:
            _read_table(cursor, table, folder)
            progress(table)
        for name, last in backup.sequences.items():
            is_log = tables[name] is Event
            _set_sequence(cursor, tables[name], max(last, last_position) if is_log else last)
        # What it wrote is made again, so it reads the log again.
        ConsumerCheckpoint.objects.filter(name=causality.CONSUMER).delete()
    call_command("migrate", verbosity=0, interactive=False)
    grant_to_roles()  # on the tables that were made here: `migrate` has nothing to do if the backup is of this release
    return backup


def _require_keys(backup: Manifest) -> None:
    """Raise RestoreRefused if the environment lacks a key without which the restored data cannot be read or proven."""
    if lacking := sorted(set(backup.master_keys) - set(encryption.masters())):
        raise RestoreRefused(
            f"PERSONAL_DATA_KEYS lacks {', '.join(lacking)}, so personal data could not be read:"
            " set it as it was on the site of the backup"
        )
    if lacking := sorted(set(backup.seal_keys) - {key.hex() for key in keys.trusted()}):
        raise RestoreRefused(
            f"the seals are signed by {', '.join(lacking)}, which is not trusted here:"
            " set SEAL_KEYS, or SEAL_PUBLIC_KEYS for a retired key, as on the site of the backup"
        )


def _migrate_to(backup: Manifest) -> None:
    """Make the tables of an empty database, as they were when the backup was taken. Raises RestoreRefused."""
    executor = MigrationExecutor(connection)
    wanted = {(app, name) for app, names in backup.migrations.items() for name in names}
    nodes = executor.loader.graph.node_map
    for squashed, migration in executor.loader.replacements.items():
        if squashed in nodes and wanted >= set(migration.replaces):
            wanted = wanted - set(migration.replaces) | {squashed}  # an empty database gets the squashed one instead
    if unknown := sorted(wanted - set(nodes)):
        raise RestoreRefused(
            f"this release does not know the migrations {', '.join(map('.'.join, unknown))}:"
            " restore with the release of the backup or a newer one"
        )
    # The last ones bring their predecessors.
    executor.migrate([each for each in wanted if not any(child.key in wanted for child in nodes[each].children)])


def _require_same_migrations(backup: Manifest) -> None:
    applied = applied_migrations()
    if applied != backup.migrations:
        here = {f"{app}.{name}" for app, names in applied.items() for name in names}
        there = {f"{app}.{name}" for app, names in backup.migrations.items() for name in names}
        raise RestoreRefused(
            f"the tables here are of another release than the backup ({', '.join(sorted(here ^ there))}):"
            " name a new, empty database, in which the restore makes the tables itself"
        )


def _models_of(backup: Manifest) -> dict[str, type[models.Model]]:
    """Return the models of the backup's tables by table. Raises RestoreRefused for a table that this release lacks."""
    known = {model._meta.db_table: model for model in models_backed_up()}
    names = [table.name for table in backup.tables]
    if unknown := sorted(set(names) - set(known)):
        raise RestoreRefused(f"this release has no tables {', '.join(unknown)}: restore with the release of the backup")
    return {name: known[name] for name in names}


def _require_empty(tables: dict[str, type[models.Model]]) -> None:
    """Raise RestoreRefused if a table has rows that `migrate` did not write."""
    full = [name for name, model in tables.items() if model._meta.label not in WRITTEN_BY_MIGRATE and _has_rows(name)]
    if full:
        raise RestoreRefused(
            f"this database is in use: {', '.join(full)} have rows. A restore replaces nothing: name a new, empty"
            " database in DATABASE_URL"
        )


def _has_rows(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {connection.ops.quote_name(table)})")
        return bool(cursor.fetchone()[0])


def _read_table(cursor: Any, table: Table, folder: Path) -> None:
    listed = ", ".join(map(connection.ops.quote_name, table.columns))
    statement = f"COPY {connection.ops.quote_name(table.name)} ({listed}) FROM STDIN"
    with gzip.open(folder / table.file, "rb") as packed, cursor.copy(statement) as copy:
        while block := packed.read(_BLOCK):
            copy.write(block)
    if cursor.rowcount != table.rows:
        raise BadBackup(f"{table.file} has {cursor.rowcount} rows, and its manifest says {table.rows}")


def _set_sequence(cursor: Any, model: type[models.Model], last: int) -> None:
    """Let new rows of the table have keys after `last`."""
    sequence = sequence_of(cursor, model)
    if last > 0:
        cursor.execute("SELECT setval(%s::regclass, %s)", [sequence, last])
