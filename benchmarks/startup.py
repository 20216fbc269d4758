"""The start time of `manage.py` commands, compared with Django with its own apps only."""

import os
import subprocess
import sys
from collections.abc import Callable

from django.conf import settings

from benchmarks.harness import Options, Report, Timing, cost, interleave, one_by_one

ROUNDS, TIMES = 5, 2
COMMANDS = (("version",), ("help",), ("check",), ("rebuild_projections", "--help"))
BARE = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib." + app for app in ("admin", "auth", "contenttypes", "messages", "sessions")],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql"}},
)
django.setup()
"""


def run(options: Options) -> Report:
    """Run the benchmark."""
    ours = {" ".join(command): ("manage.py", *command) for command in COMMANDS}
    exit_codes: list[int] = []
    sides = {name: _process(arguments, exit_codes) for name, arguments in ours.items()}
    timings = interleave({**sides, "bare Django": _process(("-c", BARE), exit_codes)}, rounds=ROUNDS)
    return Report(
        bench="startup",
        what="A whole process from start to end: commands of manage.py, and Django with its own apps only.",
        unit="processes/s",
        sides=timings,
        ratios={name: cost(timings[name], timings["bare Django"]) for name in ours},
        checks={"every process exited with 0": not any(exit_codes)},
    )


def _process(arguments: tuple[str, ...], exit_codes: list[int]) -> Callable[[], Timing]:
    command = [sys.executable, "-W", "ignore", *arguments]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ordersite.settings.development"}

    def once() -> None:
        done = subprocess.run(  # noqa: S603 - our own
            command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL, check=False
        )
        exit_codes.append(done.returncode)

    return lambda: one_by_one(once, times=TIMES)
