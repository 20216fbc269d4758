"""How long a command of `manage.py` takes to start, against Django with nothing but its own apps."""

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
    ours = {" ".join(command): ("manage.py", *command) for command in COMMANDS}
    ended: list[int] = []
    sides = {name: _started(arguments, ended) for name, arguments in ours.items()}
    timings = interleave({**sides, "bare Django": _started(("-c", BARE), ended)}, rounds=ROUNDS)
    return Report(
        bench="startup",
        what="A whole process, from nothing to its end: commands of manage.py, and Django with its own apps set up.",
        unit="processes/s",
        sides=timings,
        ratios={name: cost(timings[name], timings["bare Django"]) for name in ours},
        checks={"every process ended well": not any(ended)},
    )


def _started(arguments: tuple[str, ...], ended: list[int]) -> Callable[[], Timing]:
    command = [sys.executable, "-W", "ignore", *arguments]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ordersite.settings.development"}

    def once() -> None:
        done = subprocess.run(  # noqa: S603 - our own
            command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL, check=False
        )
        ended.append(done.returncode)

    return lambda: one_by_one(once, times=TIMES)
