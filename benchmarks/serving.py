"""Web servers to measure: ours and a plain one, with the same workers and threads, on free ports."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from benchmarks.scratch import STATE
from ordersite.devstack.supervisor import PYTHON, ROOT, web_server

PLAIN = "benchmarks.peers.plain_drf"


class NotServed(RuntimeError):
    """A server did not start; its log says why."""


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain site: its port, an API token, and the URL of its database."""

    port: int
    token: str
    url: str


@contextmanager
def served(application: str, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Serve a WSGI application as production does; give its port. Raises NotServed."""
    port = _free_port()
    log = STATE / f"{application.partition('.')[0]}-web.log"
    command = web_server(str(port), f"{application}:application")
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def plain() -> Iterator[Plain]:
    """Serve the plain site on a separate database of the same PostgreSQL."""
    ours = os.environ["DATABASE_URL"]
    url, maintenance = f"{ours}_plain", f"{ours.rsplit('/', 1)[0]}/postgres"
    name = url.rsplit("/", 1)[1]
    with psycopg.connect(maintenance, autocommit=True) as connection, ExitStack() as after:
        connection.execute(f"CREATE DATABASE {name}")
        after.callback(connection.execute, f"DROP DATABASE {name} WITH (FORCE)")
        environment = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": f"{PLAIN}.settings"}
        created = subprocess.run(  # noqa: S603 - our own command
            [PYTHON, "-m", PLAIN],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        port = after.enter_context(served(f"{PLAIN}.wsgi", environment))
        yield Plain(port, created.stdout.strip(), url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise NotServed(f"see {STATE}/*-web.log")
