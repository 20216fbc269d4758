"""The whole site in processes of its own, as `make run` starts it, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A site that is up. Its state folder has a space in its name, as a path may."""

    state: Path
    port: int = field(default_factory=free_port)
    more: dict[str, str] = field(default_factory=dict)
    """Settings of its environment."""
    process: "subprocess.Popen[str] | None" = None

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        ours = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        free = {"API_RATE_USER": "1000000/min", "API_RATE_ADDRESS": "1000000/min"}  # all clients come from one address
        return kept | free | {"ORDERSITE_STATE": str(self.state), "PORT": str(self.port)} | self.more

    def start(self) -> "Running":
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "said.txt").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ordersite.devstack"],
                cwd=ROOT,
                env=self.environment,
                stdout=said,
                stderr=said,
                text=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while "ordersite is up" not in self.said:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the site did not start: {self.said}")
            time.sleep(0.1)
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(60)

    @property
    def said(self) -> str:
        return (self.state / "said.txt").read_text()

    def pid_of(self, name: str) -> int:
        return int((self.state / f"{name}.pid").read_text())

    def manage(self, *arguments: str) -> str:
        """What a `manage.py` command typed in a second terminal prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logins(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.manage("demo_logins", "--json"))
        return found

    def tokens(self) -> dict[str, str]:
        """API tokens of the demo's customer and of its staff."""
        found = self.logins()
        status, _, staff = self.call("POST", "/api/v1/auth/login", found["logins"]["staff"])
        assert status == 200, staff
        return {"customer": found["customer_token"], "staff": staff["token"]}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """One HTTP call, as curl would make it: status, headers, body."""
        request = urllib.request.Request(
            self.site + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, _named(answer.headers), json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, _named(error.headers), json.loads(error.read() or "null")


def _named(headers: Any) -> dict[str, str]:
    """Headers by their usual names: on the wire their case means nothing."""
    return {name.title(): value for name, value in headers.items()}
