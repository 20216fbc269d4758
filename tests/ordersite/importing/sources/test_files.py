"""Files are found in folders and archives, told apart by their first bytes, and unpacked up to a bound."""

import gzip
import lzma
import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ordersite.importing.sources.errors import UnreadableFile
from tests.support.importing_files import COLUMNS, invoice, write_book, write_text
from tests.support.surveys import rows_of, survey, table_of

ROW = invoice(1, "2010-12-01 08:26")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_text(tmp_path / "plain.csv", [ROW])


def test_what_a_file_is_stands_in_its_first_bytes_not_in_its_name(tmp_path: Path, plain: Path) -> None:
    book = write_book(tmp_path / "book.xlsx", Orders=[COLUMNS, ROW]).read_bytes()
    content = plain.read_bytes()
    for packed in (content, gzip.compress(content), lzma.compress(content), book, gzip.compress(book)):
        path = tmp_path / "some.csv"
        path.write_bytes(packed)
        assert rows_of(table_of(path)) == [ROW]


def test_all_tables_of_an_archive_are_read_and_its_other_files_are_named(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "days.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "a/1.csv")
        archive.write(write_book(tmp_path / "book.xlsx", Orders=[COLUMNS, ROW]), "2.xlsx")
        archive.writestr("read.me", "hello")
        archive.writestr("other.csv", "a,b\n1,2\n3,4\n")
    found = survey(path)
    assert [table.name for table in found.tables] == [f"{path}/2.xlsx [Orders]", f"{path}/a/1.csv"]
    assert [rows_of(table) for table in found.tables] == [[ROW], [ROW]]
    assert [(each.name, each.rows) for each in found.not_read] == [(f"{path}/read.me", 0), (f"{path}/other.csv", 3)]


def test_a_folder_is_read_with_its_folders_and_everything_else_in_it_is_named(tmp_path: Path, plain: Path) -> None:
    folder = tmp_path / "days"
    (folder / "old").mkdir(parents=True)
    for name in ("2.csv", "old/1.tsv"):
        write_text(folder / name, [ROW], delimiter="\t")
    for name in (".hidden.csv", "~$2.xlsx", "photo.png", "empty.csv"):
        (folder / name).touch()
    (folder / "again.csv").symlink_to(folder / "2.csv")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    found = survey(folder, folder / "2.csv")
    assert [Path(table.name).name for table in found.tables] == ["2.csv", "1.tsv"]
    assert {Path(each.name).name: each.reason.split(" (")[0] for each in found.not_read} == {
        ".hidden.csv": "a hidden file",
        "~$2.xlsx": "a hidden file",
        "photo.png": "its name does not end like that of a table",
        "again.csv": "the same file was named before",
        "2.csv": "the same file was named before",
        "loop": "a link to a folder",
        "empty.csv": "it is empty, without a heading",
    }


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"holds no \.csv"):
        survey(tmp_path)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UnreadableFile, match=r"there is nothing to import.*it is empty"):
        survey(tmp_path)


def test_a_pipe_and_a_link_to_nothing_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UnreadableFile, match="not a regular file"):
        survey(tmp_path / "pipe.csv")
    (tmp_path / "lost.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFile, match=r"lost\.csv cannot be read"):
        survey(tmp_path / "lost.csv")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, plain: Path) -> None:
    plain.chmod(0)
    if os.access(plain, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UnreadableFile, match="Permission denied"):
        survey(plain)


@pytest.mark.parametrize("pack", [gzip.compress, partial(lzma.compress, preset=0)])
def test_a_bomb_is_refused_once_it_has_unpacked_too_much(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bomb.csv"
    path.write_bytes(pack(f"{','.join(COLUMNS)}\n".encode() + b"\n" * (65 << 20)))
    with pytest.raises(UnreadableFile, match=r"unpacks to more than 64 MiB"):
        survey(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(plain, "1.csv")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the bit of an encrypted member, in its own header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match="encrypted"):
        survey(path)
