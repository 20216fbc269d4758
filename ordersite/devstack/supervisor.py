"""Run the whole site in one terminal: `make run`, or `python -m ordersite.devstack`.

It starts PostgreSQL and Valkey (unless the environment names others), applies migrations, loads the demo shop into an
empty log, and starts the Celery workers, Celery beat and the web server. If one of these processes dies, it is started
again. At the end everything that was started here is stopped. This module does not import Django, because it
runs before there is a database.
"""

import contextlib
import fcntl
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ordersite.devstack import housekeeping
from ordersite.devstack.processes import EmbeddedError, owner
from ordersite.devstack.servers import Services

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("ORDERSITE_STATE", ROOT / ".local")).resolve()
START_SECONDS, STOP_SECONDS = 60, 15
PYTHON = sys.executable
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a supervisor, a closed terminal
ALONE = ("--without-mingle", "--without-gossip")  # saves the second in which a worker waits for other workers' replies
LAST_PORT = 65_535
RESTARTS, RESTARTS_SECONDS = 5, 60  # a process that starts so often in so many seconds is given up


class StackError(RuntimeError):
    """The site could not be started. The message says why and what to do."""


@dataclass
class Process:
    """A process of the site. Its log and its pid file are in the state folder.

    `word` is a part of its command line, by which a later run recognises a process that is left over.
    """

    name: str
    command: list[str]
    word: str
    running: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start the process in a session of its own, and write its pid file."""
        with (STATE / f"{self.name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches only the supervisor, which stops the others in order.
            self.running = subprocess.Popen(  # noqa: S603 - our own commands
                self.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.started.append(time.monotonic())
        self._pidfile.write_text(str(self.running.pid))

    def stop(self) -> None:
        """Stop the process and its children; kill them if they do not end within STOP_SECONDS."""
        if self.running:
            for _ in range(STOP_SECONDS):  # once a second: a process that is still starting may miss the first signal
                self.running.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.running.wait(1)
                    break
            _kill_group(self.running.pid)  # its children may still run, even if it was killed itself
            self.running.wait()
        self._pidfile.unlink(missing_ok=True)

    def end_leftover(self) -> bool:
        """Kill the process that an earlier, killed run left behind. Return whether there was one."""
        pid = owner(self._pidfile, self.word)
        if pid:
            _kill_group(pid)
        return pid is not None

    @property
    def _pidfile(self) -> Path:
        return STATE / f"{self.name}.pid"


def main() -> None:
    """Run the site until a stop signal comes. Exits with a message if the site cannot start."""
    for name in STOP_SIGNALS:
        signal.signal(name, _interrupt)
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(), _servers():
            _run_site()
    except (StackError, EmbeddedError, housekeeping.BadDays) as error:
        sys.exit(f"ordersite: {error}")
    except KeyboardInterrupt:
        print("\nstopped", flush=True)


def _run_site() -> None:
    port = _port()
    housekeeping.days_to_keep()  # before anything starts
    site = f"http://127.0.0.1:{port}{os.environ.get('FORCE_SCRIPT_NAME', '').rstrip('/')}"
    worker, *later, web = processes = _processes(port)
    left_over = [process.end_leftover() for process in processes]
    _require_free(port, patience=5 if any(left_over) else 0)
    try:
        (STATE / "web.url").write_text(site)  # read by demo_logins
        logins = _prepare()
        print("starting the web server, the worker and beat", flush=True)
        for process in (web, worker):
            process.start()
        _wait_until_healthy(site, [web, worker])
        for process in later:  # last: their start takes a processor, and the site answers without them
            process.start()
        print(f"\nordersite is up: {site}\n\n{logins}\nLogs are in {STATE}. Ctrl-C stops everything.", flush=True)
        _keep_up(processes)
    finally:
        for name in STOP_SIGNALS:
            signal.signal(name, signal.SIG_IGN)  # a second Ctrl-C must not leave processes running
        for process in reversed(processes):
            process.stop()
        (STATE / "web.url").unlink(missing_ok=True)


def _port() -> str:
    """Return the port of the web server. Raises StackError if PORT is not one."""
    port = os.environ.get("PORT", "8000").strip()
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= LAST_PORT):
        raise StackError(f"PORT is {port!r}: use a number from 1 to {LAST_PORT}, such as PORT=8001 make run")
    return port


def _processes(port: str) -> list[Process]:
    return [
        *(Process(name, command, word="celery") for name, command in celery_commands(STATE).items()),
        Process("web", web_server(port, "ordersite.wsgi:application"), word="ordersite.serving"),
    ]


def celery_commands(state: Path) -> dict[str, list[str]]:
    """Return the commands of the three workers and of beat, which stores its schedule in `state`.

    The first does what people and the clock wait for. The second catches up and rebuilds views that are far behind. The
    third does what waits for servers of others.
    """
    celery = [PYTHON, "-m", "celery", "-A", "ordersite"]
    worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO", *ALONE]
    return {
        "worker": [*worker, "--queues", "celery", "--hostname", "worker@%h"],
        "catch-up": [*worker, "--queues", "catch_up", "--hostname", "catch-up@%h"],
        "outside": [*worker, "--queues", "outside", "--hostname", "outside@%h"],
        "beat": [*celery, "beat", "--schedule", str(state / "beat"), "--pidfile", ""],
    }


def web_server(port: str, application: str) -> list[str]:
    """Return the command that serves a WSGI application. The benchmarks use it too."""
    return [PYTHON, "-m", "ordersite.serving", "--port", port, application]


def _keep_up(processes: list[Process]) -> None:
    """Restart processes that die, and tidy up, until interrupted. Raises StackError if one dies again and again."""
    tidied = -math.inf
    while True:
        if time.monotonic() - tidied > housekeeping.SECONDS:
            tidied = time.monotonic()
            _tidy()
        time.sleep(0.5)
        for process in processes:
            if process.running is None or process.running.poll() is None:
                continue
            recent = [start for start in process.started if start > time.monotonic() - RESTARTS_SECONDS]
            if len(recent) >= RESTARTS:
                raise StackError(f"the {process.name} keeps dying; see {STATE}/{process.name}.log")
            _kill_group(process.running.pid)  # its children may still run
            print(f"the {process.name} died ({process.running.returncode}); starting it again", flush=True)
            process.start()


def _tidy() -> None:
    try:
        housekeeping.tidy(Services(STATE), days=housekeeping.days_to_keep())
    except (OSError, EmbeddedError) as error:
        print(f"old logs and journals were not deleted: {error}; trying again in an hour", flush=True)


def _wait_until_healthy(site: str, processes: list[Process]) -> None:
    """Raises StackError if a process dies, or if the site is not healthy after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    answer = "nothing"
    while time.monotonic() < deadline:
        for process in processes:
            if process.running and process.running.poll() is not None:
                raise StackError(f"the {process.name} did not start; see {STATE}/{process.name}.log")
        try:
            with urllib.request.urlopen(f"{site}/healthz", timeout=2):  # noqa: S310 - our own address
                return
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
        except OSError as error:
            answer = str(error)
        time.sleep(0.2)
    raise StackError(f"{site}/healthz is not healthy after {START_SECONDS} s; it says: {answer}. Logs are in {STATE}.")


@contextlib.contextmanager
def _servers() -> Iterator[None]:
    """Start the project's own PostgreSQL and Valkey, unless the environment names others; stop them at the end.

    Servers that a killed run left running are stopped too: they belong to this state folder.
    """
    services = Services(STATE)
    wanted = {
        name for name, variable in (("postgres", "DATABASE_URL"), ("valkey", "REDIS_URL")) if variable not in os.environ
    }
    try:
        if wanted:
            print("starting " + " and ".join(sorted(wanted)), flush=True)
            services.start(wanted)
        if "postgres" in wanted:
            services.create_role_passwords()
        yield
    finally:
        if wanted:
            services.stop(wanted)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the state folder. Raises StackError if another run holds it."""
    with (STATE / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"the site already runs from this folder ({ROOT}); stop it first") from None
        yield


def _require_free(port: str, patience: float) -> None:
    """Raises StackError if the port is taken. For `patience` seconds a killed process may still hold it."""
    deadline = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(port)))
            except (OSError, ValueError, OverflowError) as error:
                if time.monotonic() > deadline:
                    raise StackError(f"port {port} cannot be used ({error}); try PORT=8001 make run") from error
            else:
                return
        time.sleep(0.1)


def _prepare() -> str:
    """Migrate and load the demo shop, in a process of its own; return the text about the logins. Raises StackError."""
    done = subprocess.run(  # noqa: S603 - our own command
        [PYTHON, "-m", "ordersite.devstack.prepare"],
        cwd=ROOT,
        env={"LOG_LEVEL": "WARNING", **os.environ},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C reaches only the supervisor, and ends this without a traceback
    )
    if done.returncode:
        raise StackError("the database could not be prepared; the reason is above")
    return done.stdout


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _interrupt(*signal_and_frame: object) -> None:
    raise KeyboardInterrupt
