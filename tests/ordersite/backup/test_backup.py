"""A backup holds what cannot be made again, and a restore refuses what it could not restore wholly."""

import gzip
import io
import re
import resource
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections

from eventstore.dispatch import Context, dispatch
from eventstore.models import Contents, Lease
from eventstore.seals import chain
from ordersite.backup import manifest, restoring, tables
from ordersite.backup.writing import applied_migrations, take_backup
from tests.support.orders import new_order

DOCS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"

pytestmark = pytest.mark.django_db(transaction=True)


def place() -> None:
    dispatch(new_order(), Context(actor="service:test"))


def backup(folder: Path) -> str:
    out = io.StringIO()
    call_command("backup", str(folder), stdout=out)
    return out.getvalue()


def restore(folder: Path) -> None:
    call_command("restore", str(folder), stdout=io.StringIO())


def test_the_docs_list_what_the_models_say() -> None:
    section = DOCS.read_text().split("\n## Backups\n")[1].split("\n## ")[0]
    listed = {
        Contents(kind): sorted(re.findall(r"`(\w+)`", names))
        for kind, names in re.findall(r"^\| (truth|made again|passing) \|(.*)\|$", section, re.MULTILINE)
    }
    assert listed == tables.names_by_contents()


def test_a_model_that_does_not_say_what_its_table_holds_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Lease, "contents")
    with pytest.raises(SystemCheckError, match=r"eventstore\.Lease does not say"):
        call_command("check")


def test_each_table_is_listed_once_also_if_several_models_use_it() -> None:
    names = [name for names in tables.names_by_contents().values() for name in names]
    assert sorted(names) == sorted(set(names))
    assert any(model._meta.proxy for model in apps.get_models()), "or this test proves nothing"


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    place()
    assert "events: 1 rows" in backup(tmp_path / "one")
    backup(tmp_path / "two")
    one, two = manifest.read(tmp_path / "one"), manifest.read(tmp_path / "two")
    assert one.tables == two.tables
    assert {table.name for table in one.tables} == set(tables.names_by_contents()[Contents.TRUTH])
    assert one.master_keys


def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(CommandError, match="is not empty: name a new folder"):
        backup(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_only_the_owner_may_read_a_backup(tmp_path: Path) -> None:
    backup(tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


def test_only_the_owner_may_read_a_backup_in_a_folder_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    backup(tmp_path / "link")
    files = list((tmp_path / "open").glob("*.gz"))
    assert files
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    place()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, usual[1]))  # the next best to a full disk
    try:
        with pytest.raises(CommandError, match=r"cannot be written: File too large\. It is no backup: remove it"):
            backup(tmp_path / "backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_database_that_ends_the_backup_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE webhook_endpoints RENAME TO elsewhere")
    try:
        with pytest.raises(CommandError, match=r"the database ended the backup: .*webhook_endpoints.*(?s:.*)remove it"):
            backup(tmp_path / "backup")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO webhook_endpoints")


@pytest.mark.parametrize("position", ["-5", "9223372036854775807", "9" * 5_005, "1.5", "²", ""])
def test_a_last_position_that_no_log_can_have_is_refused(tmp_path: Path, position: str) -> None:
    with pytest.raises(CommandError, match="is no position: use a number from 0 to"):
        call_command("restore", str(tmp_path), f"--last-position={position}")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot be written: "):
        backup(tmp_path / "file" / "backup")


def test_a_database_in_use_is_not_restored_into(tmp_path: Path) -> None:
    place()
    backup(tmp_path / "backup")
    with pytest.raises(CommandError, match=r"in use: .*events.* have rows\. A restore replaces nothing"):
        restore(tmp_path / "backup")


def without_manifest(folder: Path) -> None:
    (folder / manifest.NAME).unlink()


def with_a_row_less(folder: Path) -> None:
    path = folder / "events.copy.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))


def without_a_file(folder: Path) -> None:
    (folder / "seals.copy.gz").unlink()


def of_another_format(folder: Path) -> None:
    path = folder / manifest.NAME
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def with_a_manifest_that_is_no_json(folder: Path) -> None:
    (folder / manifest.NAME).write_text("{")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without_manifest, "it is no backup, or one that was not finished"),
        (with_a_row_less, r"events\.copy\.gz is not what was written"),
        (without_a_file, r"seals\.copy\.gz cannot be read"),
        (of_another_format, "has format 2; this release reads format 1"),
        (with_a_manifest_that_is_no_json, "cannot be read"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused(tmp_path: Path, damage: Any, reason: str) -> None:
    place()
    backup(tmp_path / "backup")
    damage(tmp_path / "backup")
    with pytest.raises(CommandError, match=reason):
        restore(tmp_path / "backup")


def test_a_restore_without_the_keys_of_the_backup_is_refused(tmp_path: Path, settings: Any) -> None:
    place()
    chain.seal_settled()
    backup(tmp_path / "backup")
    master, seal = settings.PERSONAL_DATA_KEYS, settings.SEAL_KEYS
    settings.PERSONAL_DATA_KEYS = ["other:" + master[0].partition(":")[2]]
    with pytest.raises(CommandError, match="PERSONAL_DATA_KEYS lacks "):
        restore(tmp_path / "backup")
    settings.PERSONAL_DATA_KEYS, settings.SEAL_KEYS = master, []
    with pytest.raises(CommandError, match="set SEAL_KEYS, or SEAL_PUBLIC_KEYS"):
        restore(tmp_path / "backup")
    settings.SEAL_KEYS = seal


def test_tables_of_another_release_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup(tmp_path / "backup")
    older = {app: names[:-1] if app == "eventstore" else names for app, names in applied_migrations().items()}
    monkeypatch.setattr(restoring, "applied_migrations", lambda: older)
    with pytest.raises(CommandError, match=r"of another release than the backup \(eventstore\.\w+\)"):
        restore(tmp_path / "backup")


def test_tables_that_are_not_of_the_site_are_named(tmp_path: Path) -> None:

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_a_report (id int)")
        try:
            assert "because no model of the site has them: of_a_report" in backup(tmp_path / "backup")
        finally:
            cursor.execute("DROP TABLE of_a_report")


def test_a_backup_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place()

    def place_another(table: manifest.Table) -> None:
        if table.name == "events":
            place_elsewhere()

    taken = take_backup(tmp_path / "backup", progress=place_another)
    rows = {table.name: table.rows for table in taken.tables}
    assert rows["events"] == rows["command_receipts"] == 1, "the second order came after the first table"


def place_elsewhere() -> None:
    """Place an order on a connection of its own."""

    def run() -> None:
        try:
            place()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join()
