"""A PgBouncer in transaction mode, the way many sites have one in front of PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from ordersite.devstack.processes import wait_until
from tests.support.running import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="needs pgbouncer: apt-get install pgbouncer")


@dataclass
class Pooler:
    """A pooler in front of the server and for the user of the URL `of`."""

    of: str
    pool_mode: str = "transaction"
    port: int = field(default_factory=free_port)
    more: str = ""
    """Additional lines of its configuration."""

    @property
    def url(self) -> str:
        """Return the URL of the database through the pooler."""
        url = urlsplit(self.of)
        return url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{self.port}").geturl()

    def start(self) -> "Pooler":
        """Start the pooler, and return once it answers."""
        assert PGBOUNCER
        self.folder = Path(tempfile.mkdtemp(prefix="pooler-"))
        url = urlsplit(self.of)
        (self.folder / "users.txt").write_text(f'"{url.username}" "{unquote(url.password or "")}"\n')
        (self.folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host={url.hostname} port={url.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {self.folder}/users.txt\n"
            f"logfile = {self.folder}/pgbouncer.log\n"
            f"pool_mode = {self.pool_mode}\nmax_client_conn = 500\ndefault_pool_size = 20\n"
            # Consecutive transactions of a client get different sessions, as under load.
            "server_round_robin = 1\n" + self.more
        )
        command = [PGBOUNCER, str(self.folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it refuses to run as root
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, "nobody")
            command[1:1] = ["-u", "nobody"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(self._answers, f"pgbouncer did not start; see {self.folder}/pgbouncer.log")
        return self

    def stop(self) -> None:
        """Stop the pooler and delete its folder."""
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
