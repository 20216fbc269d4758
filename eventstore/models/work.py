"""Work around the log: what consumers have read, planned and queued commands, and leases."""

from django.db import models
from django.db.models.functions import Now

from eventstore.models.contents import Contents


class ConsumerCheckpoint(models.Model):
    """How far a consumer has read the log."""

    contents = Contents.TRUTH

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    event_types = models.JSONField(
        default=list, help_text="The event types it has handled. Code that handles fewer types may not continue."
    )
    problem = models.TextField(blank=True, help_text="Why it cannot read further.")

    class Meta:
        db_table = "consumer_checkpoints"

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class ConsumerParkedEvent(models.Model):
    """An event that a consumer could not handle, a later event of its aggregate that waits, or an event left out."""

    contents = Contents.TRUTH

    class Status(models.TextChoices):
        FAILED = "failed", "Failed"
        WAITING = "waiting", "Waiting"
        LEFT_OUT = "left_out", "Left out"

    consumer = models.CharField(max_length=100)
    position = models.BigIntegerField()
    aggregate_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status.choices)
    error = models.TextField(
        blank=True, help_text="The error and its traceback; empty for an event that waits for an earlier one."
    )
    parked_at = models.DateTimeField()
    reason = models.TextField(blank=True, help_text="Why it was left out.")
    left_out_by = models.CharField(max_length=200, blank=True)
    left_out_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consumer_parked_events"
        ordering = ("consumer", "position")
        verbose_name = "event parked by a consumer"
        verbose_name_plural = "events parked by consumers"
        permissions = (("redrive_consumerparkedevent", "Can retry and leave out events that consumers have parked"),)
        constraints = (models.UniqueConstraint(fields=("consumer", "position"), name="consumer_parked_once"),)
        indexes = (models.Index(fields=("consumer", "aggregate_id"), name="consumer_parked_aggregate"),)

    def __str__(self) -> str:
        return f"{self.consumer}: {self.event_type} at {self.position}"

    @property
    def is_left_out(self) -> bool:
        """Whether an operator left it out. It then holds back no other event."""
        return self.status == self.Status.LEFT_OUT

    @property
    def summary(self) -> str:
        """The first line of the error."""
        return self.error.partition("\n")[0] or "waits behind an earlier event"


class PlannedCommand(models.Model):
    """A command that a process manager will send when it is due.

    The transaction that does the command deletes the row.
    """

    contents = Contents.TRUTH

    command_id = models.UUIDField(primary_key=True)
    process = models.CharField(max_length=100)
    key = models.UUIDField(help_text="The process manager's own key, such as the order's id.")
    command_type = models.CharField(max_length=100)
    body = models.JSONField()
    due_at = models.DateTimeField()
    causation_id = models.UUIDField(help_text="The event that led to the command.")
    correlation_id = models.UUIDField()
    attempts = models.PositiveIntegerField(default=0)
    problem = models.TextField(
        blank=True, help_text="Why the last attempt failed. The command is tried again when it is due."
    )
    refused_at = models.DateTimeField(null=True, help_text="When a rule refused the command. It is not tried again.")

    class Meta:
        db_table = "planned_commands"
        indexes = (
            models.Index(fields=("due_at",), condition=models.Q(refused_at=None), name="planned_commands_due"),
            models.Index(fields=("due_at",), name="planned_commands_listed"),
            models.Index(fields=("key",), name="planned_commands_key"),
            models.Index(fields=("correlation_id",), name="planned_commands_correlation"),
        )

    def __str__(self) -> str:
        return f"{self.command_type} of {self.process}"


class QueuedCommand(models.Model):
    """A command that was accepted to be done later, and its outcome. The body is deleted when the outcome is known."""

    contents = Contents.TRUTH

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True, help_text="The order in which commands were accepted.")
    command_id = models.UUIDField(unique=True)
    command_type = models.CharField(max_length=100)
    fingerprint = models.BinaryField()
    aggregate_id = models.UUIDField()
    owner_id = models.UUIDField(help_text="The person who may read the outcome. The body is encrypted under their key.")
    body = models.BinaryField(null=True)
    context = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    version = models.PositiveIntegerField(null=True, help_text="The aggregate's version after the command was done.")
    refusal = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, help_text="Why the last attempt failed.")
    accepted_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "command_queue"
        permissions = (("redrive_queuedcommand", "Can retry failed commands"),)
        indexes = (
            models.Index(fields=("id",), condition=models.Q(status="waiting"), name="command_queue_waiting"),
            models.Index(
                fields=("aggregate_id", "id"), condition=models.Q(status="waiting"), name="command_queue_aggregate"
            ),
            models.Index(fields=("finished_at",), name="command_queue_finished"),
            models.Index(fields=("owner_id",), name="command_queue_owner"),
        )

    def __str__(self) -> str:
        return f"{self.command_type} {self.command_id}"


class Lease(models.Model):
    """The right to do a piece of work that only one process may do at a time. `eventstore.storage.leases` uses it."""

    contents = Contents.PASSING

    name = models.CharField(max_length=200, primary_key=True)
    owner = models.UUIDField(help_text="Tells two holders of the same lease apart.")
    holder = models.CharField(max_length=300, help_text="The process that holds it, for people.")
    since = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="The holder extends it. After this time another process may take it.")

    class Meta:
        db_table = "leases"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
