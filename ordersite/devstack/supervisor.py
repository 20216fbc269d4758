"""`make run`, or `python -m ordersite.devstack.supervisor`: the whole site in one terminal. Stops what it started.

Servers (unless the environment names others), migrations, a demo shop for an empty log, a Celery worker, Celery beat,
and the web server. Of these three, one that dies is started again. No Django here: it runs before there is a database.
"""

import contextlib
import fcntl
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

from ordersite.devstack.servers import EmbeddedError, Services, owner

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("ORDERSITE_STATE", ROOT / ".local")).resolve()
START_SECONDS, STOP_SECONDS = 60, 15
PYTHON = sys.executable
STOPPERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a supervisor, a terminal that is closed


class StackError(RuntimeError):
    """The site could not be started. The message says why and what to do."""


@dataclass
class Process:
    """A process of the site, its log in the state folder, and its pid there for whoever has to clean up."""

    name: str
    command: list[str]
    word: str
    running: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)

    def start(self) -> None:
        with (STATE / f"{self.name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches only us, and we stop the others in order.
            self.running = subprocess.Popen(  # noqa: S603 - our own commands
                self.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.started.append(time.monotonic())
        self._pidfile.write_text(str(self.running.pid))

    def stop(self) -> None:
        if self.running:
            for _ in range(STOP_SECONDS):  # again each second: a server that is only starting may not hear the first
                self.running.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.running.wait(1)
                    break
            _kill_group(self.running.pid)  # whatever it left behind, even where it was killed itself
            self.running.wait()
        self._pidfile.unlink(missing_ok=True)

    def end_leftover(self) -> bool:
        """Ends the process group of a run that was killed before it could clean up; says whether there was one."""
        pid = owner(self._pidfile, self.word)
        if pid:
            _kill_group(pid)
        return pid is not None

    @property
    def _pidfile(self) -> Path:
        return STATE / f"{self.name}.pid"


def main() -> None:
    for name in STOPPERS:
        signal.signal(name, _interrupt)
    STATE.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(), _servers():
            _run_site()
    except (StackError, EmbeddedError) as error:
        sys.exit(f"ordersite: {error}")
    except KeyboardInterrupt:
        print("\nstopped", flush=True)


def _run_site() -> None:
    port = os.environ.get("PORT", "8000")
    site = f"http://127.0.0.1:{port}"
    processes = _processes(port)
    left_over = [process.end_leftover() for process in processes]
    _require_free(port, patience=5 if any(left_over) else 0)
    _manage("migrate", "--verbosity", "0")
    _manage("load_demo")
    try:
        for process in processes:
            process.start()
        _wait_until_healthy(site, processes)
        (STATE / "web.url").write_text(site)
        print(f"\nordersite is up: {site}\n", flush=True)
        _manage("demo_logins")
        print(f"\nLogs are in {STATE}. Ctrl-C stops everything.", flush=True)
        _keep_up(processes)
    finally:
        for name in STOPPERS:
            signal.signal(name, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        for process in reversed(processes):
            process.stop()
        (STATE / "web.url").unlink(missing_ok=True)


def _processes(port: str) -> list[Process]:
    return [
        *(Process(name, command, word="celery") for name, command in celery_commands(STATE).items()),
        Process("web", web_server(port, "ordersite.wsgi:application"), word="granian"),
    ]


def celery_commands(state: Path) -> dict[str, list[str]]:
    """What runs the worker, and beat, which keeps its schedule in `state`."""
    celery = [PYTHON, "-m", "celery", "-A", "ordersite"]
    return {
        "worker": [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"],
        "beat": [*celery, "beat", "--schedule", str(state / "beat"), "--pidfile", ""],
    }


def web_server(port: str, application: str) -> list[str]:
    """What serves a WSGI application here. The benchmarks serve theirs and others by it too."""
    workers = os.environ.get("WEB_WORKERS", "2")
    # An open stream of events holds a thread: those that may be open come on top of those that answer.
    threads = str(int(os.environ.get("WEB_THREADS", "4")) + int(os.environ.get("EVENT_STREAMS", "8")))
    command = [PYTHON, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port]
    return [*command, "--workers", workers, "--blocking-threads", threads, "--respawn-failed-workers", application]


def _keep_up(processes: list[Process]) -> None:
    """Until interrupted: start again what died, unless it dies at once every time."""
    while True:
        time.sleep(0.5)
        for process in processes:
            if process.running is None or process.running.poll() is None:
                continue
            lately = [start for start in process.started if start > time.monotonic() - 60]
            if len(lately) >= 5:
                raise StackError(f"the {process.name} keeps dying; see {STATE}/{process.name}.log")
            _kill_group(process.running.pid)  # its children may have outlived it
            print(f"the {process.name} died ({process.running.returncode}); starting it again", flush=True)
            process.start()


def _wait_until_healthy(site: str, processes: list[Process]) -> None:
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
    raise StackError(f"{site}/healthz is not well after {START_SECONDS} s; it says: {answer}. Logs are in {STATE}.")


@contextlib.contextmanager
def _servers() -> Iterator[None]:
    """The project's own servers, where the environment names no others.

    They are stopped at the end even where a run that was killed had left them up: this folder's servers are ours.
    """
    services = Services(STATE)
    wanted = {
        name for name, variable in (("postgres", "DATABASE_URL"), ("valkey", "REDIS_URL")) if variable not in os.environ
    }
    try:
        if wanted:
            print("starting " + " and ".join(sorted(wanted)), flush=True)
            services.start(wanted)
        yield
    finally:
        if wanted:
            services.stop(wanted)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (STATE / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"it runs already from this folder ({ROOT}); stop that one first") from None
        yield


def _require_free(port: str, patience: float) -> None:
    """`patience` is how many seconds a port may still be held by what was killed a moment ago."""
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


def _manage(*arguments: str) -> None:
    command = [PYTHON, "manage.py", *arguments]
    # A session of its own, as the processes have: Ctrl-C is for us to handle, and ends it without a traceback.
    done = subprocess.run(command, cwd=ROOT, check=False, start_new_session=True)  # noqa: S603 - our own command
    if done.returncode:
        raise StackError(f"manage.py {' '.join(arguments)} failed; what it said stands above")


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _interrupt(*signal_and_frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
