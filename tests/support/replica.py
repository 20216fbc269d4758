"""A streaming replica of a site's own PostgreSQL: the same binaries, a folder beside the primary's."""

import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from ordersite.devstack.servers import Services, owner, wait_until
from tests.support.running import free_port


@dataclass
class Replica:
    of: Services
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        primary = urlsplit(self.of.database_url)
        return primary._replace(netloc=f"{primary.username}:{primary.password}@127.0.0.1:{self.port}").geturl()

    @property
    def data(self) -> Path:
        return self.of.state / "replica"

    def make(self) -> "Replica":
        """A copy of the primary as it is now, that follows it from here on."""
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            primary = self.of.state / "pg"
            os.chown(self.data, primary.stat().st_uid, primary.stat().st_gid)
        self.of.run_postgres(
            "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", self.of.database_url
        )
        return self.start()

    def start(self) -> "Replica":
        options = f"-p {self.port} -c fsync=off"
        self.of.run_postgres("pg_ctl", "-D", self.data, "-l", self.data / "server.log", "-W", "-o", options, "start")
        wait_until(lambda: self.ask("SELECT pg_is_in_recovery()") is True, f"see {self.data}/server.log")
        return self

    def kill(self) -> None:
        pid = owner(self.data / "postmaster.pid", str(self.data))
        if pid:
            os.kill(pid, signal.SIGQUIT)  # at once, as a machine that is lost
            wait_until(lambda: owner(self.data / "postmaster.pid", str(self.data)) is None, "the replica did not die")

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.data)

    def ask(self, query: str) -> Any:
        """The first value; None while nobody answers."""
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=2) as connection:
                row = connection.execute(query).fetchone()
        except psycopg.OperationalError:
            return None
        return row[0] if row else None
