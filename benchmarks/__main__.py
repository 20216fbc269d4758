"""`python -m benchmarks NAME [--json] [--events N]`: run one benchmark. `manage.py bench` and `make bench` call it."""

import argparse
import importlib
import sys

from benchmarks import reporting, tables
from benchmarks.harness import Options
from benchmarks.scratch import database

BENCHES = {
    "append1": "appending.append1",
    "append10": "appending.append10",
    "dispatch": "dispatching.run",
    "http_post": "http_post.run",
    "http_get": "http_get.run",
    "catchup": "catchup.run",
    "rebuild": "rebuild.run",
    "catchup_real": "real.catchup",
    "rebuild_real": "real.rebuilding",
    "drift_real": "real.drift",
    "lag": "lag.run",
    "load": "loading.run",
    "growth": "growth.run",
    "import": "importing.run",
    "memory": "memory.run",
    "startup": "startup.run",
    "sealing": "sealing.run",
    "encrypting": "encrypting.run",
    "queueing": "queueing.run",
    "partitions": "partitions.run",
}
"""The module and the function of each benchmark."""


def main() -> None:
    """Run the benchmark that the command line names. Exits with 1 if one of its checks failed."""
    parser = argparse.ArgumentParser(prog="manage.py bench", description="Measure one path of the site, as ratios.")
    parser.add_argument(
        "--names", action="version", version=" ".join(BENCHES), help="print the names, and nothing else"
    )
    parser.add_argument("name", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="print one object instead of tables")
    parser.add_argument("--events", type=int, help="number of events, for growth, rebuild and memory")
    arguments = parser.parse_args()
    module, _, function = BENCHES[arguments.name].partition(".")
    with database():
        report = getattr(importlib.import_module(f"benchmarks.{module}"), function)(Options(events=arguments.events))
        result = reporting.as_json(report)
    tables.save(result)
    if arguments.json:
        print(reporting.dumped(result))
    else:
        reporting.show(result)
    sys.exit(not report.is_right)


if __name__ == "__main__":
    main()
