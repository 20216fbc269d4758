"""Shorten what the files of a development site hold: logs, letters, and the journals of both servers.

They may hold what people typed, also of people who were erased since. `LOCAL_DAYS` says how many days of logs and
letters stay. The supervisor calls `tidy` when it starts, and each hour.
"""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from eventstore.limits.numbers import parse_whole
from ordersite.devstack.servers import Services

DAYS = 7
SECONDS = 3600  # between two calls of `tidy`
_DAY = 86_400


class BadDays(ValueError):
    """LOCAL_DAYS is not a number of days. Use a whole number from 0, such as 7."""


def days_to_keep() -> int:
    """Return LOCAL_DAYS. Raises BadDays."""
    text = os.environ.get("LOCAL_DAYS", str(DAYS)).strip()
    try:
        return parse_whole(text, most=36_500)
    except ValueError as error:
        raise BadDays(
            f"LOCAL_DAYS is {text!r}: use a whole number of days from 0, such as LOCAL_DAYS={DAYS}"
        ) from error


def tidy(services: Services, *, days: int) -> None:
    """Delete logs and letters that are older, and what the servers wrote before and no longer need.

    Raises OSError if a file cannot be changed, EmbeddedError if a server refuses.
    """
    state, oldest = services.state, time.time() - days * _DAY
    kept = [*state.glob("*.log.*"), *state.glob("pg/server.log.*"), *(state / "mail").glob("*.log")]
    for path in kept:
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
    today, begun = str(datetime.now(UTC).date()), state / "logs.begun"
    day = begun.read_text().strip() if begun.exists() else today
    if day != today:
        for log in (*state.glob("*.log"), *state.glob("pg/server.log")):
            _move(log, log.with_name(f"{log.name}.{day}"))
    begun.write_text(today)
    services.shorten_journals()


def _move(log: Path, moved: Path) -> None:
    """Move what a log holds to another file.

    Copied and emptied, not renamed, because its process goes on writing to the file that it has open, at its end. What
    is written in between is lost.
    """
    shutil.copy2(log, moved)
    os.truncate(log, 0)
