"""The engine's own tables: checkpoints, counts, parked events, events left out, and drift flags."""

from django.db import models

from eventstore.models import Contents

LIVE = ""
"""The space of the live tables. Any other space is named after the PostgreSQL schema that holds it."""


def checkpoint_name(projection: str, shard: int, space: str = LIVE) -> str:
    """Return the key of a checkpoint: `staff/0` for the live tables, such as `rebuild_staff:staff/0` for a space."""
    return f"{space}:{projection}/{shard}" if space else f"{projection}/{shard}"


class Checkpoint(models.Model):
    """How far one shard of a projection has read. Changes only in one transaction with the shard's rows."""

    contents = Contents.REMADE

    name = models.CharField(max_length=200, primary_key=True)
    projection = models.CharField(max_length=100)
    space = models.CharField(max_length=100, blank=True, help_text="The schema of its tables; empty: the live ones.")
    shard = models.PositiveSmallIntegerField(default=0)
    of = models.PositiveSmallIntegerField(default=1, help_text="The number of shards of the projection.")
    position = models.BigIntegerField(default=0)
    event_types = models.JSONField(default=list, help_text="Event types that the code handles; older code is refused.")
    code_version = models.PositiveIntegerField(
        default=1, help_text="Version of the code that writes it; older code is refused."
    )
    updated_at = models.DateTimeField(auto_now=True)
    level_at = models.DateTimeField(null=True, help_text="When it was first caught up; empty while it is built.")
    held_until = models.DateTimeField(null=True, help_text="A comparison holds it still until then.")
    rebuild_wanted = models.TextField(blank=True, help_text="Why it has to be rebuilt.")
    last_error = models.TextField(blank=True, help_text="Why the last attempt failed; empty after a successful one.")
    failures = models.PositiveBigIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0, help_text="Events handled so far.")
    rate = models.FloatField(default=0, help_text="Events a second in the last seconds.")
    rate_since = models.DateTimeField(null=True)
    rate_events = models.PositiveBigIntegerField(default=0)
    counted_from = models.BigIntegerField(default=0, help_text="Events after this position count in TakenRange.")

    class Meta:
        app_label = "projections"
        ordering = ("name",)
        verbose_name = "projection"

    def __str__(self) -> str:
        return f"{self.projection} {self.shard + 1}/{self.of}" if self.of > 1 else self.projection


class TakenRange(models.Model):
    """How many events of a range of the log one shard has taken, parked and skipped ones included.

    Written in the transaction that takes them, and compared with the log (`projections.monitoring.gaps`).
    """

    contents = Contents.REMADE

    projection = models.CharField(max_length=100)
    space = models.CharField(max_length=100, blank=True)
    shard = models.PositiveSmallIntegerField(default=0)
    number = models.BigIntegerField(help_text="The number of the range, as in LogRange.")
    events = models.PositiveBigIntegerField(help_text="Events of the shard's own aggregates.")
    shared = models.PositiveBigIntegerField(
        null=True,
        help_text="Events that every shard takes; empty if the number of shards changed since.",
    )

    class Meta:
        app_label = "projections"
        constraints = (models.UniqueConstraint(fields=("projection", "space", "shard", "number"), name="taken_once"),)

    def __str__(self) -> str:
        return f"{self.projection}: range {self.number}"


class ParkedEvent(models.Model):
    """An event that a projection could not take, or, without an error, a later event of its aggregate that waits."""

    contents = Contents.REMADE

    projection = models.CharField(max_length=100)
    space = models.CharField(max_length=100, blank=True)
    shard = models.PositiveSmallIntegerField(default=0)
    position = models.BigIntegerField()
    aggregate_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    error = models.TextField(
        blank=True, help_text="The error and its traceback; empty for an event that waits for an earlier one."
    )
    parked_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        ordering = ("projection", "position")
        constraints = (
            models.UniqueConstraint(fields=("projection", "space", "shard", "position"), name="parked_once"),
        )
        indexes = (models.Index(fields=("projection", "aggregate_id"), name="parked_aggregate"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.event_type} at {self.position}"

    @property
    def summary(self) -> str:
        """The first line of the error."""
        return self.error.partition("\n")[0] or "waits behind an earlier event"


def parked_aggregates(projection: str) -> int:
    """Return how many aggregates have parked events, so that their live rows show less than has happened."""
    parked = ParkedEvent.objects.filter(projection=projection, space=LIVE)
    return parked.aggregate(number=models.Count("aggregate_id", distinct=True))["number"] or 0


class SkippedEvent(models.Model):
    """An event that an operator told a projection to leave out, and why. Every rebuild leaves it out too."""

    contents = Contents.TRUTH

    projection = models.CharField(max_length=100)
    position = models.BigIntegerField()
    aggregate_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    error = models.TextField(help_text="The error and its traceback.")
    reason = models.TextField()
    skipped_by = models.CharField(max_length=200)
    skipped_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        ordering = ("-skipped_at",)
        constraints = (models.UniqueConstraint(fields=("projection", "position"), name="skipped_once"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.event_type} at {self.position}"


class DriftFlag(models.Model):
    """A live row, sum or count of events that does not follow from the log. Deleted once it does again."""

    contents = Contents.REMADE

    projection = models.CharField(max_length=100)
    where = models.TextField(help_text="The table and key of a row, an invariant, or a range of the log.")
    words = models.TextField(help_text="What it is, and what it should be.")
    aggregate_id = models.UUIDField(null=True)
    missing = models.BigIntegerField(
        null=True, help_text="Of a range of the log: events not taken, or taken too often if negative."
    )
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "projections"
        ordering = ("projection", "where")
        constraints = (models.UniqueConstraint(fields=("projection", "where"), name="flagged_once"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.where}: {self.words}"
