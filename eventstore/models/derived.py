"""What is made from the log, and can be made again: snapshots, related events, counts, findings."""

from django.db import models
from django.db.models.functions import Now

from eventstore.models.contents import Contents


class Snapshot(models.Model):
    """An aggregate's state at a version. Loading starts there and replays only later events. Safe to delete."""

    contents = Contents.REMADE

    aggregate_id = models.UUIDField(primary_key=True)
    aggregate_type = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    shape = models.CharField(
        max_length=80, help_text="Names the shape of the state. A snapshot of a different shape is ignored."
    )
    state = models.JSONField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "snapshots"

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id} v{self.version}"


class Correlation(models.Model):
    """Which events belong to one request and its consequences. Filled by a consumer; can be rebuilt from the log."""

    contents = Contents.REMADE

    pk = models.CompositePrimaryKey("correlation_id", "position")
    correlation_id = models.UUIDField()
    position = models.BigIntegerField()

    class Meta:
        db_table = "correlations"

    def __str__(self) -> str:
        return f"{self.correlation_id} at {self.position}"


class LogRange(models.Model):
    """How many events of each type a settled range of the log holds. `eventstore.storage.ranges` counts them."""

    contents = Contents.REMADE

    number = models.BigIntegerField(primary_key=True)
    counts = models.JSONField(help_text="Events by type.")
    counted_at = models.DateTimeField(db_index=True)
    changed = models.TextField(blank=True, help_text="How the count changed, which it never should.")

    class Meta:
        db_table = "log_ranges"

    def __str__(self) -> str:
        return f"range {self.number}"


class LogFinding(models.Model):
    """Something that the log relies on and that is not so. Deleted once it is so again."""

    contents = Contents.REMADE

    name = models.CharField(max_length=100, primary_key=True)
    message = models.TextField()
    hint = models.TextField(help_text="What to do.")
    found_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "log_findings"
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"
