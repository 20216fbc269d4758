"""`manage.py bench NAME [--json]`: run one benchmark, with its own servers and database."""

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from eventstore.management.base import SafeCommand


class Command(SafeCommand):
    """Run a benchmark as a separate process."""

    help = "Compare one operation of the site with its upper limit and with other libraries: docs/performance.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="append1, append10, dispatch, …; an unknown name lists them all")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
        parser.add_argument("--events", type=int, help="number of events, for growth, rebuild and memory")

    def handle(self, *args: Any, **options: Any) -> None:
        # In a separate process: this process has the site's settings and database.
        command = [sys.executable, "-m", "benchmarks", options["name"]]
        command += ["--json"] * options["json"]
        command += ["--events", str(options["events"])] if options["events"] else []
        sys.exit(subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode)  # noqa: S603 - our own
