"""Processes by their pid files, and waiting for servers."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

START_TIMEOUT = 60  # seconds


class EmbeddedError(RuntimeError):
    """A server could not be found, started or stopped. The message says which log to read, or what to do."""


def owner(pidfile: Path, word: str) -> int | None:
    """Return the pid in a file if that process lives and has `word` in its command line, else None.

    The command line is checked because pids are reused.
    """
    pid = pid_in(pidfile)
    return pid if pid and word in _command_line(pid) else None


def pid_in(pidfile: Path) -> int:
    """Return the pid in a file, or 0 if there is none."""
    try:
        return int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def is_alive(pid: int) -> bool:
    """Return whether a process with this pid runs."""
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
