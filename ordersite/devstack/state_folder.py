"""The state folder of the embedded servers: secrets, ports and logs, safe for several processes at once."""

import contextlib
import fcntl
import importlib.util
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ordersite.devstack.processes import EmbeddedError


@dataclass(frozen=True)
class StateFolder:
    """A folder with a file for each password and port."""

    path: Path

    def read(self, name: str) -> str:
        """Return the text of the file `name`."""
        return (self.path / name).read_text().strip()

    def create(self, name: str, value: str) -> None:
        """Write the file `name`, unless it exists."""
        keep_secret(self.path / name, lambda: value)

    def usable_port(self, name: str) -> str:
        """Return the port in the file `name`, or a new one if another program uses that port now."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(self.read(name))))
            except OSError:
                (self.path / name).write_text(str(free_port()))
        return self.read(name)

    def run(self, *command: object) -> int:
        """Run a program, with its output in `services.log`. Return its exit status."""
        with (self.path / "services.log").open("a") as log:  # a file, because a server would keep a pipe open
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
    def lock(self) -> Iterator[None]:
        """Let one process at a time start and stop servers."""
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def package_folder(name: str) -> Path:
    """Return the folder of an installed wheel. Raises EmbeddedError if it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"{name} is not installed. Run `make install` (it installs requirements-dev.txt),"
            " or set DATABASE_URL and REDIS_URL to your own servers."
        )
    return Path(spec.submodule_search_locations[0])


def free_port() -> int:
    """Return a port that no program uses now."""
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
