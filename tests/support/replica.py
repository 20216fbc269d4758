"""A streaming replica of a site's PostgreSQL, with the same binaries, in a folder beside the primary's."""

import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from ordersite.devstack.processes import owner, wait_until
from ordersite.devstack.servers import Services
from tests.support.running import free_port


@dataclass
class Replica:
    """A replica of the PostgreSQL of `primary`."""

    primary: Services
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Return the URL of the replica's database."""
        url = urlsplit(self.primary.database_url)
        return url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{self.port}").geturl()

    @property
    def data(self) -> Path:
        """Return its data folder."""
        return self.primary.state / "replica"

    def make(self) -> "Replica":
        """Copy the primary and start the replica."""
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            stat = (self.primary.state / "pg").stat()
            os.chown(self.data, stat.st_uid, stat.st_gid)
        self.primary.postgres.run(
            "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", self.primary.database_url
        )
        return self.start()

    def start(self) -> "Replica":
        """Start the replica, and return once it answers."""
        options = f"-p {self.port} -c fsync=off"
        self.primary.postgres.run(
            "pg_ctl", "-D", self.data, "-l", self.data / "server.log", "-W", "-o", options, "start"
        )
        wait_until(lambda: self.ask("SELECT pg_is_in_recovery()") is True, f"see {self.data}/server.log")
        return self

    def kill(self) -> None:
        """Stop the replica at once."""
        pid = owner(self.data / "postmaster.pid", str(self.data))
        if pid:
            os.kill(pid, signal.SIGQUIT)  # at once, as if the machine were lost
            wait_until(lambda: owner(self.data / "postmaster.pid", str(self.data)) is None, "the replica did not die")

    def remove(self) -> None:
        """Kill the replica and delete its data."""
        self.kill()
        shutil.rmtree(self.data)

    def ask(self, query: str) -> Any:
        """Return the first value of a query; None while the replica does not answer."""
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=2) as connection:
                row = connection.execute(query).fetchone()
        except psycopg.OperationalError:
            return None
        return row[0] if row else None
