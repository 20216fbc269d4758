"""The web server with an application without Django, and limits that a test can wait for."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ordersite.devstack.processes import wait_until
from tests.support.running import ROOT, free_port
from tests.support.slow_clients import get

QUICK = {
    "WEB_WORKERS": "1",
    "WEB_THREADS": "2",
    "EVENT_STREAMS": "0",
    "WEB_HEAD_SECONDS": "2",
    "WEB_IDLE_SECONDS": "3",
    "WEB_STALL_SECONDS": "2",
    "WEB_STOP_SECONDS": "2",
    "WEB_BODY_BYTES": "1000000",
}
Serve = Callable[..., int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A function that starts the web server with more variables of the environment, and returns its port."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(site: str = "application", **more: str) -> int:
        port = free_port()
        log = (tmp_path / "web.log").open("wb")
        command = [
            sys.executable,
            "-m",
            "ordersite.serving",
            "--port",
            str(port),
            f"tests.support.plain_site:{site}",
        ]
        servers.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **QUICK, **more}, stdout=log, stderr=log))
        wait_until(lambda: _answers(port), f"the web server did not start; see {tmp_path}/web.log")
        return port

    yield start
    for server in servers:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _answers(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/")[0] == 200
    except OSError:
        return False
