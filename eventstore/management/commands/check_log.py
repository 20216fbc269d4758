"""`manage.py check_log`: check that this code can read the whole log. A gate before a deployment."""

import sys
from functools import reduce
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from rich.console import Console
from rich.progress import Progress

from eventstore import store
from eventstore.decider import decider_named
from eventstore.errors import VersionGap
from eventstore.management.base import SafeCommand


class Command(SafeCommand):
    help = "Decode every stored event and fold every aggregate with this code. Fails if one cannot be read."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sample", type=float, default=1.0, help="Share of the aggregates to check, such as 0.05.")

    def handle(self, *, sample: float, **options: Any) -> None:
        if not 0 < sample <= 1:
            raise CommandError(f"--sample must be above 0 and at most 1, not {sample}")
        events = aggregates = 0
        failures: dict[UUID, str] = {}
        with Progress(console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("checking", total=max(store.latest_position(), 1))
            for aggregate_id, position in store.aggregates(share=sample):
                if aggregate_id in failures:
                    continue
                aggregates += 1
                try:
                    events += self._fold(store.read_stream(aggregate_id))
                except DatabaseError:
                    raise
                except Exception as error:  # noqa: BLE001 - any error means that this code cannot read the history
                    failures[aggregate_id] = f"{type(error).__name__}: {error}"
                bar.update(task, completed=position)
            bar.update(task, completed=bar.tasks[task].total)
        for aggregate_id, problem in failures.items():
            self.stderr.write(f"{aggregate_id}: {problem}")
        if failures:
            raise CommandError(f"{len(failures):,} of {aggregates:,} aggregates cannot be read by this code")
        self.stdout.write(f"{events:,} events of {aggregates:,} aggregates decoded and folded")

    @staticmethod
    def _fold(facts: list[store.Recorded[Any]]) -> int:
        """Fold one aggregate; return its number of events. Raises VersionGap and any error of `evolve`."""
        versions = [fact.version for fact in facts]
        if versions != list(range(1, len(facts) + 1)):
            raise VersionGap(
                f"the log has {len(facts)} events with versions {versions[0]} to {versions[-1]}: there is a gap"
            )
        decider = decider_named(facts[0].aggregate_type)
        reduce(decider.evolve, (fact.event for fact in facts), decider.initial)
        return len(facts)
