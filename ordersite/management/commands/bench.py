"""`manage.py bench NAME [--json]`: one benchmark, on servers and in a database of its own."""

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Measure one path of the site against its limit and its peers: docs/performance.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="append1, append10, dispatch, … ; an unknown one lists them all")
        parser.add_argument("--json", action="store_true", help="print one object instead of tables")
        parser.add_argument("--events", type=int, help="of how many events: growth, rebuild, memory")

    def handle(self, *args: Any, **options: Any) -> None:
        # In a process of its own: this one has the settings, and the database, of the site.
        command = [sys.executable, "-m", "benchmarks", options["name"]]
        command += ["--json"] * options["json"]
        command += ["--events", str(options["events"])] if options["events"] else []
        sys.exit(subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode)  # noqa: S603 - our own
