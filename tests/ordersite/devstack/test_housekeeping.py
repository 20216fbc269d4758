"""What a development site leaves beside its log becomes short: logs and letters by age, journals of both servers."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ordersite.devstack import housekeeping
from ordersite.devstack.processes import wait_until
from ordersite.devstack.servers import Services

WORD = "zqinjournalvx"
DAY = 86_400


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Servers of their own, which write their journals."""
    own = Services(tmp_path / "state")
    own.start()
    yield own
    own.stop()


def files_with(word: str, folder: Path) -> list[str]:
    """Return the files below a folder that hold a word."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_the_journals_of_both_servers_lose_what_was_deleted(services: Services) -> None:
    wal, valkey = services.state / "pg" / "pg_wal", services.state / "valkey"
    client = redis.Redis.from_url(services.redis_url)
    client.set("key", WORD)
    client.delete("key")
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE typed (text text)")
        connection.execute("INSERT INTO typed VALUES (%s)", [WORD])
        connection.execute("DROP TABLE typed")
    wait_until(lambda: bool(files_with(WORD, valkey)), "the append-only file never held the word")
    assert files_with(WORD, wal)
    housekeeping.tidy(services, days=7)
    wait_until(lambda: not files_with(WORD, valkey), "the append-only file still holds the word")
    assert files_with(WORD, wal) == []


def written(path: Path, text: str, *, days: float) -> Path:
    """Write a file that was last changed so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_logs_and_letters_stay_for_as_many_days_as_the_setting_says(tmp_path: Path) -> None:
    state = tmp_path / "state"
    letters = [written(state / "mail" / f"{days}.log", WORD, days=days) for days in (1, 6, 8)]
    rotated = [written(state / f"web.log.{days}", WORD, days=days) for days in (6, 8)]
    server = [written(state / "pg" / f"server.log.{days}", WORD, days=days) for days in (6, 8)]
    password = written(state / "password", "secret", days=100)
    housekeeping.tidy(Services(state), days=7)
    assert [path.exists() for path in letters] == [True, True, False]
    assert [path.exists() for path in (*rotated, *server)] == [True, False, True, False]
    assert password.exists()


def test_a_log_that_is_being_written_is_moved_when_the_day_is_over_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as process:
        process.write(b"yesterday\n")
        housekeeping.tidy(Services(tmp_path), days=7)
        assert log.read_bytes() == b"yesterday\n", "the day is not over"
        (tmp_path / "logs.begun").write_text("2026-01-31")
        for _ in range(2):
            housekeeping.tidy(Services(tmp_path), days=7)
        process.write(b"today\n")
        housekeeping.tidy(Services(tmp_path), days=7)
    assert log.read_bytes() == b"today\n"
    assert (tmp_path / "web.log.2026-01-31").read_bytes() == b"yesterday\n"


@pytest.mark.parametrize("text", ["", "seven", "-1", "1.5", "99999999"])
def test_a_setting_that_is_no_number_of_days_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LOCAL_DAYS", text)
    with pytest.raises(housekeeping.BadDays, match="whole number of days"):
        housekeeping.days_to_keep()


def test_without_the_setting_a_week_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_DAYS", raising=False)
    assert housekeeping.days_to_keep() == 7
