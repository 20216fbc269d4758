"""`manage.py check_log`: can this code read and refold everything the log holds? A gate before a deployment."""

import sys
from functools import reduce
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from rich.console import Console
from rich.progress import Progress

from eventstore import store
from eventstore.decider import decider_named
from eventstore.errors import VersionGap


class Command(BaseCommand):
    help = "Decode every stored event and refold every aggregate with this code; fail if one cannot be read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sample", type=float, default=1.0, help="Share of the aggregates, such as 0.05.")

    def handle(self, *, sample: float, **options: Any) -> None:
        if not 0 < sample <= 1:
            raise CommandError(f"--sample is a share above 0 and up to 1, not {sample}")
        events = aggregates = 0
        failures: dict[UUID, str] = {}
        with Progress(console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("checking", total=max(store.latest_position(), 1))
            for aggregate_id, position in store.aggregates(share=sample):
                if aggregate_id in failures:
                    continue
                aggregates += 1
                try:
                    events += self._refold(store.read_stream(aggregate_id))
                except DatabaseError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, this code cannot read that history
                    failures[aggregate_id] = f"{type(error).__name__}: {error}"
                bar.update(task, completed=position)
            bar.update(task, completed=bar.tasks[task].total)
        for aggregate_id, why in failures.items():
            self.stderr.write(f"{aggregate_id}: {why}")
        if failures:
            raise CommandError(f"{len(failures):,} of {aggregates:,} aggregates cannot be read by this code")
        self.stdout.write(f"{events:,} events of {aggregates:,} aggregates decoded and refolded")

    @staticmethod
    def _refold(facts: list[store.Recorded[Any]]) -> int:
        versions = [fact.version for fact in facts]
        if versions != list(range(1, len(facts) + 1)):
            raise VersionGap(f"its versions are {_ranges(versions)}: there is a gap")
        decider = decider_named(facts[0].aggregate_type)
        reduce(decider.evolve, (fact.event for fact in facts), decider.initial)
        return len(facts)


def _ranges(versions: list[int]) -> str:
    return f"{versions[0]} to {versions[-1]}, {len(versions)} of them"
