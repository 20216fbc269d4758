"""The record of a rebuild: who started it, how far it is, what it found, and whether to pause or cancel it."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from eventstore.models import Contents
from eventstore.timetravel.as_of import AsOf


class Build(models.Model):
    """One set of tables that is being built. The process that builds it reads `state` between two batches."""

    contents = Contents.PASSING

    class Kind(models.TextChoices):
        """What is built."""

        REBUILD = "rebuild", "Rebuild"
        COMPARISON = "comparison", "Comparison"
        ROLLBACK = "rollback", "Roll back"
        AS_OF = "as_of", "As of a moment"

    class State(models.TextChoices):
        """How far it is, or how it ended."""

        BUILDING = "building", "Building"
        PAUSED = "paused", "Paused"
        FINISHING = "finishing", "Comparing and swapping"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    OPEN = (State.BUILDING, State.PAUSED, State.FINISHING)
    """The states of a build that is not over."""

    projection = models.CharField(max_length=100)
    space = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.REBUILD)
    state = models.CharField(max_length=20, choices=State.choices, default=State.BUILDING)
    strict = models.BooleanField(default=False)
    dry_run = models.BooleanField(default=False)
    as_of = models.DateTimeField(null=True, help_text="Only events that happened by this moment.")
    recorded_by = models.DateTimeField(null=True, help_text="Only events that were recorded by this moment.")
    background = models.BooleanField(default=False, help_text="Whether workers do it.")
    started_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    worked = models.DurationField(default=timedelta, help_text="How long it was worked on.")
    events = models.PositiveBigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    latest = models.BigIntegerField(default=0, help_text="The end of the log at the last look.")
    report = models.JSONField(default=list, help_text="How the new tables differ from the live ones.")
    problem = models.TextField(blank=True)

    class Meta:
        app_label = "projections"
        ordering = ("-id",)
        verbose_name = "rebuild or comparison"
        verbose_name_plural = "rebuilds and comparisons"
        permissions = (("operate", "Can retry, leave out and rebuild read models"),)
        constraints = (
            models.UniqueConstraint(
                fields=("projection", "space"),
                condition=models.Q(state__in=("building", "paused", "finishing")),
                name="one_open_build",
            ),
        )

    def __str__(self) -> str:
        if self.kind == self.Kind.COMPARISON:
            return f"{self.projection} compared with a new rebuild"
        return f"{self.projection} into {self.space}"

    @property
    def state_in_words(self) -> str:
        """The state for people. A comparison swaps nothing."""
        if (self.kind, self.state) == (self.Kind.COMPARISON, self.State.FINISHING):
            return "Comparing"
        return self.get_state_display()

    @property
    def limits(self) -> AsOf | None:
        """The moment as of which the tables are built; None if all events count."""
        if self.as_of is None and self.recorded_by is None:
            return None
        return AsOf(occurred=self.as_of, recorded=self.recorded_by)

    @property
    def percent(self) -> float:
        """How far the filling is, from 0 to 100, by position."""
        if self.state == self.State.DONE:
            return 100.0
        return 100.0 * self.position / self.latest if self.latest else 0.0

    @property
    def rate(self) -> float:
        """Events a second while it was worked on; 0 for a rollback, whose tables were filled before."""
        if self.kind == self.Kind.ROLLBACK:
            return 0.0
        seconds = self.worked.total_seconds()
        return self.events / seconds if seconds else 0.0

    @property
    def eta(self) -> timedelta | None:
        """The time left until the end of the log at the rate so far; None if it is not being filled."""
        if not self.position or self.state != self.State.BUILDING:
            return None
        return self.worked * ((self.latest - self.position) / self.position)

    def end(self, state: "Build.State", problem: str = "") -> None:
        """Save the final state, what went wrong if anything, and the time."""
        self.state, self.problem, self.finished_at = state, problem, timezone.now()
        self.save(update_fields=["state", "problem", "finished_at"])
