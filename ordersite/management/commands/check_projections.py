"""`manage.py check_projections [NAME …]`: check that the live rows still follow from the log."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventstore import store
from eventstore.management.base import SafeCommand
from projections.engine.projection import PROJECTIONS, UnknownProjection, projection_named
from projections.monitoring.drift import check_together


class Command(SafeCommand):
    """The command `check_projections`."""

    help = "Fold aggregates again from the log, compare them with the live rows, and check the sums. Fails on drift."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROJECTIONS)}; all by default")
        parser.add_argument("--sample", type=float, default=1.0, metavar="P", help="check a random share, such as 0.01")

    def handle(self, *, names: list[str], sample: float, **options: Any) -> None:
        if not 0 < sample <= 1:
            raise CommandError(f"--sample must be a share above 0 and up to 1, such as 0.01; not {sample}")
        try:
            projections = [projection_named(name) for name in names] or list(PROJECTIONS.values())
        except UnknownProjection as error:
            raise CommandError(str(error)) from error
        drifted = 0
        for name, checked in check_together(projections, (key for key, _ in store.aggregates(share=sample))).items():
            self.stdout.write(f"{name}: {checked.aggregates:,} aggregates, {len(checked.drifted):,} differ")
            for each in checked.drifted:
                self.stdout.write(f"  {each.where}: {each.words}")
            drifted += len(checked.drifted)
        if drifted:
            raise CommandError(
                f"rows and sums that do not follow from the log: {drifted:,}; find the cause, then rebuild"
            )
