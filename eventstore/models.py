"""The tables of the log, as models for migrations and the admin.

`eventstore.writing` and `eventstore.store` write and read the tables by their own SQL.
"""

from enum import StrEnum

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from eventstore.limits.columns import RecordedTimeField, StoredJSONField


class Contents(StrEnum):
    """What the rows of a table are. Each model of the site has an attribute `contents`, and backups go by it."""

    TRUTH = "truth"
    """They cannot be made again. A backup holds them."""
    REMADE = "made again"
    """They follow from the truth. The site makes them again."""
    PASSING = "passing"
    """They are of no use on another server, such as leases and sessions."""


class Event(models.Model):
    """An event in the log. Rows are only ever added: triggers refuse every other change."""

    contents = Contents.TRUTH

    position = models.BigAutoField(primary_key=True, help_text="Place in the whole log. It only grows, with gaps.")
    event_id = models.UUIDField(unique=True)
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField()
    event_data = StoredJSONField()
    metadata = StoredJSONField()
    version = models.PositiveIntegerField(help_text="Place in the aggregate's history: 1, 2, 3, without gaps.")
    timestamp = RecordedTimeField(db_default=Now(), help_text="When the event was recorded.")
    subject_id = models.UUIDField(
        null=True, help_text="The person whose data the event holds, encrypted under their key."
    )

    class Meta:
        db_table = "events"
        ordering = ("-position",)
        constraints = (
            models.UniqueConstraint(fields=("aggregate_id", "version"), name="events_aggregate_version"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="events_version_from_1"),
        )
        # For rare queries about rare values. A BRIN index says which megabytes of the log to skip, has a thousandth of
        # the log's size, and costs an append almost nothing. A partitioned log has them too (storage.partitioning).
        indexes = (
            BrinIndex(
                fields=("event_type",),
                name="events_event_type",
                opclasses=("text_bloom_ops(n_distinct_per_range=64)",),
                autosummarize=True,
            ),
            BrinIndex(
                fields=("subject_id",),
                name="events_subject",
                opclasses=("uuid_bloom_ops(n_distinct_per_range=500)",),
                autosummarize=True,
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.aggregate_id} v{self.version}"


class CommandReceipt(models.Model):
    """Proof that a command was done, and its answer. Written in the same transaction as the command's events."""

    contents = Contents.TRUTH

    command_id = models.UUIDField(primary_key=True)
    command_type = models.CharField(max_length=100)
    fingerprint = models.BinaryField(max_length=32)
    aggregate_id = models.UUIDField()
    version = models.PositiveIntegerField(
        help_text="The aggregate's version after the command. It is the command's answer."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "command_receipts"

    def __str__(self) -> str:
        return f"{self.command_type} {self.command_id}"


class SubjectKey(models.Model):
    """The key of one person's data, wrapped by a master key. Without the key the data can never be read again."""

    contents = Contents.TRUTH

    subject_id = models.UUIDField(primary_key=True)
    wrapped_key = models.BinaryField(null=True, help_text="Empty after the subject was erased.")
    master = models.CharField(max_length=40, help_text="The name of the master key that wraps this key.")
    created_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subject_keys"

    def __str__(self) -> str:
        return str(self.subject_id)


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


class Seal(models.Model):
    """Proof of what a range of the log held. Rows are only ever added. `eventstore.seals.chain` says what is signed."""

    contents = Contents.TRUTH

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 … without gaps.")
    after = models.BigIntegerField(help_text="The range begins after this position.")
    through = models.BigIntegerField(help_text="The range ends with this position.")
    events = models.PositiveIntegerField()
    root = models.BinaryField(help_text="The root of the Merkle tree over the range's events.")
    previous = models.BinaryField(help_text="The hash of the previous seal.")
    sealed_at = models.DateTimeField()
    public_key = models.BinaryField()
    signature = models.BinaryField()
    leaves = models.BinaryField(help_text="The position and hash of each event. They show which event was changed.")

    class Meta:
        db_table = "seals"

    def __str__(self) -> str:
        return f"seal {self.number}"


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
