"""Start and stop the project's own PostgreSQL and Valkey, which come from PyPI wheels.

One state folder (`.local/`, or ORDERSITE_STATE) holds data, logs, ports and the password. It is safe to start the
servers again, from several processes at once, after a crash, and when other programs have taken their ports. Nothing
here imports Django, because the settings read the URLs from here.
"""

import contextlib
import os
import secrets
import signal
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ordersite.devstack.postgres import PostgresServer
from ordersite.devstack.processes import EmbeddedError, is_alive, wait_until
from ordersite.devstack.state_folder import StateFolder, free_port
from ordersite.devstack.valkey import ValkeyServer

BOTH = ("postgres", "valkey")
ROLES_NAME = "ordersite"
ROLES = ("owner", "app", "reader")
"""The logins of a site on this server: `ordersite_owner` and so on. Each has a password of its own."""


@dataclass(frozen=True)
class Services:
    """Both servers of one state folder. `durable=False` gives up crash safety for speed: for tests only."""

    state: Path
    durable: bool = True

    @property
    def _folder(self) -> StateFolder:
        return StateFolder(self.state)

    @cached_property
    def postgres(self) -> PostgresServer:
        """Return PostgreSQL."""
        return PostgresServer(self._folder, self.durable)

    @cached_property
    def valkey(self) -> ValkeyServer:
        """Return Valkey."""
        return ValkeyServer(self._folder, self.durable)

    @property
    def database_url(self) -> str:
        """Return the URL of the database `app` for the administrator. The servers must have been started once."""
        return self.postgres.url

    @property
    def site_url(self) -> str:
        """Return the URL of the same database for the site's own login, which `ordersite.devstack.prepare` makes.

        For a folder from before there were such logins, it is that of the administrator.
        """
        return self._url_of("app") if self._has_roles else self.database_url

    @property
    def other_logins(self) -> dict[str, str]:
        """Return the URLs of the owner of the log (`owner`) and of the administrator (`admin`), if there are roles."""
        return {"owner": self._url_of("owner"), "admin": self.database_url} if self._has_roles else {}

    def role_password(self, role: str) -> str:
        """Return the password of a role of the site: `owner`, `app` or `reader`."""
        return self._folder.read(f"password.{role}")

    def create_role_passwords(self) -> None:
        """Choose a password for each role of the site, unless that was done."""
        for role in ROLES:
            self._folder.create(f"password.{role}", secrets.token_urlsafe(18))

    @property
    def _has_roles(self) -> bool:
        return all((self.state / f"password.{role}").exists() for role in ROLES)

    def _url_of(self, role: str) -> str:
        login = f"{ROLES_NAME}_{role}:{self.role_password(role)}"
        return f"postgresql://{login}@127.0.0.1:{self._folder.read('pg.port')}/app"

    @property
    def redis_url(self) -> str:
        """Return the URL of Valkey's database 0. The servers must have been started once."""
        return self.valkey.url

    @property
    def known(self) -> bool:
        """Whether the servers were ever started from this folder, so that their URLs exist."""
        return all((self.state / name).exists() for name in ("password", "pg.port", "valkey.port"))

    @property
    def up(self) -> bool:
        """Whether both servers answer now."""
        return self.known and self.postgres.answers() and self.valkey.answers()

    def start(self, wanted: Collection[str] = BOTH) -> None:
        """Start the servers in `wanted` that are not running. Raises EmbeddedError."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self._folder.lock():
            self._folder.create("password", secrets.token_urlsafe(18))
            self._folder.create("pg.port", str(free_port()))
            self._folder.create("valkey.port", str(free_port()))
            if "postgres" in wanted and not self.postgres.answers():
                self.postgres.start()
            if "valkey" in wanted and not self.valkey.answers():
                self.valkey.start()

    def stop(self, which: Collection[str] = BOTH) -> None:
        """Stop the servers in `which`, after they have written their data. Raises EmbeddedError if one does not end."""
        with self._folder.lock():
            servers = {
                "postgres": (self.postgres.pid, signal.SIGINT),
                "valkey": (self.valkey.pid, signal.SIGTERM),
            }
            pids = {pid: stop_signal for name, (pid, stop_signal) in servers.items() if pid and name in which}
            for pid, stop_signal in pids.items():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, stop_signal)
            wait_until(
                lambda: not any(is_alive(pid) for pid in pids), f"the servers did not stop; see {self.state}/*.log"
            )

    def shorten_journals(self) -> None:
        """Let both servers drop the journals of what they have stored since: WAL, and the append-only file.

        A journal holds deleted values too. Does nothing for a server that is not running. Raises EmbeddedError.
        """
        import psycopg  # noqa: PLC0415 - settings import this module before anything connects
        import redis  # noqa: PLC0415 - the same

        try:
            if self.known and self.postgres.answers():
                with psycopg.connect(self.database_url, autocommit=True) as connection:
                    connection.execute("SELECT pg_switch_wal()")
                    connection.execute("CHECKPOINT")
            if self.known and self.durable and self.valkey.answers():
                redis.Redis.from_url(self.redis_url, socket_timeout=5).bgrewriteaof()
        except (psycopg.Error, redis.RedisError) as error:
            raise EmbeddedError(f"a journal was not shortened: {error}") from error
