"""How far each projection has read, and what it could not take."""

from django.db import models


class Checkpoint(models.Model):
    """The last position whose effect a projection's rows show. Changes only together with those rows."""

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    event_types = models.JSONField(default=list, help_text="What the code that keeps it handles; older code is fenced.")
    updated_at = models.DateTimeField(auto_now=True)
    last_error = models.TextField(blank=True, help_text="Why the last attempt to read on failed; empty once one works.")

    class Meta:
        app_label = "projections"
        ordering = ("name",)
        verbose_name = "projection"

    def __str__(self) -> str:
        return self.name


class ParkedEvent(models.Model):
    """An event a projection could not take, or a later one of the same aggregate that waits behind it (no error)."""

    projection = models.CharField(max_length=100)
    position = models.BigIntegerField()
    aggregate_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    error = models.TextField(blank=True, help_text="What went wrong, and the traceback; empty for one that only waits.")
    parked_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        ordering = ("projection", "position")
        constraints = (models.UniqueConstraint(fields=("projection", "position"), name="parked_once"),)
        indexes = (models.Index(fields=("projection", "aggregate_id"), name="parked_aggregate"),)

    def __str__(self) -> str:
        return f"{self.projection}: {self.event_type} at {self.position}"

    @property
    def summary(self) -> str:
        return self.error.partition("\n")[0] or "waits behind an earlier event"
