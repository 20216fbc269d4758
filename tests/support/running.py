"""Start a whole site as `make run` does, with a separate state folder and port."""

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
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A site in processes of its own. Tests give it a state folder with a space in its name."""

    state: Path
    port: int = field(default_factory=free_port)
    more: dict[str, str] = field(default_factory=dict)
    """Additional environment variables."""
    process: "subprocess.Popen[str] | None" = None

    @property
    def site(self) -> str:
        """Return the site's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables of the site's processes."""
        of_tests = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")
        inherited = {name: value for name, value in os.environ.items() if name not in of_tests}
        limits = {"API_RATE_USER": "1000000/min", "API_RATE_ADDRESS": "1000000/min"}  # all clients have one address
        return inherited | limits | {"ORDERSITE_STATE": str(self.state), "PORT": str(self.port)} | self.more

    def start(self) -> "Running":
        """Start the site, and return once it is up. Raises AssertionError if it does not start."""
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
        """Stop the site by a signal. Return its exit status."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(60)

    @property
    def said(self) -> str:
        """Return what the supervisor has printed."""
        return (self.state / "said.txt").read_text()

    def pid_of(self, name: str) -> int:
        """Return the pid of the worker, beat or web server."""
        return int((self.state / f"{name}.pid").read_text())

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command as in a second terminal. Return what it prints."""
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
        """Return what `demo_logins --json` prints."""
        logins: dict[str, Any] = json.loads(self.manage("demo_logins", "--json"))
        return logins

    def tokens(self) -> dict[str, str]:
        """Return API tokens of the demo customer and of staff."""
        logins = self.logins()
        status, _, staff = self.call("POST", "/api/v1/auth/login", logins["logins"]["staff"])
        assert status == 200, staff
        return {"customer": logins["customer_token"], "staff": staff["token"]}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Send an HTTP request. Return status, headers and the decoded body."""
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
    """Return headers with names in title case: their case has no meaning in HTTP."""
    return {name.title(): value for name, value in headers.items()}
