"""The log's tables, which `eventstore.writing` and `eventstore.store` write and read; for migrations and the admin."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class Event(models.Model):
    """A fact that happened. Rows are only ever added: triggers refuse everything else."""

    position = models.BigAutoField(primary_key=True, help_text="Place in the whole log; grows, with holes.")
    event_id = models.UUIDField(unique=True)
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField()
    event_data = models.JSONField()
    metadata = models.JSONField()
    version = models.PositiveIntegerField(help_text="Place in the history of its aggregate, from 1 without holes.")
    timestamp = models.DateTimeField(db_default=Now(), help_text="When it was recorded.")
    subject_id = models.UUIDField(null=True, help_text="Whose personal data it holds, encrypted under their key.")

    class Meta:
        db_table = "events"
        ordering = ("-position",)
        constraints = (
            models.UniqueConstraint(fields=("aggregate_id", "version"), name="events_aggregate_version"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="events_version_from_1"),
        )
        # For questions that are rare, of what is rare: they know which megabytes of the log to leave out, have a
        # thousandth of its size, and cost an append next to nothing. A partitioned log has them too: partitioning.
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
    """Proof that a command was done, and its answer; written in the same transaction as its events."""

    command_id = models.UUIDField(primary_key=True)
    command_type = models.CharField(max_length=100)
    fingerprint = models.BinaryField(max_length=32)
    aggregate_id = models.UUIDField()
    version = models.PositiveIntegerField(help_text="The aggregate's version after the command: its answer.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "command_receipts"

    def __str__(self) -> str:
        return f"{self.command_type} {self.command_id}"


class SubjectKey(models.Model):
    """The key of one person's data, wrapped by a key from the environment. Without it the data is noise for ever."""

    subject_id = models.UUIDField(primary_key=True)
    wrapped_key = models.BinaryField(null=True, help_text="Empty once the subject was erased.")
    master = models.CharField(max_length=40, help_text="Which key of the environment wraps it.")
    created_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "subject_keys"

    def __str__(self) -> str:
        return str(self.subject_id)


class Snapshot(models.Model):
    """An aggregate's state at a version, to load it by what came after. Can be deleted at any time."""

    aggregate_id = models.UUIDField(primary_key=True)
    aggregate_type = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    shape = models.CharField(max_length=80, help_text="Of the state; another shape is ignored, never misread.")
    state = models.JSONField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "snapshots"

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id} v{self.version}"


class ConsumerCheckpoint(models.Model):
    """How far a consumer of the whole log has come."""

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)
    event_types = models.JSONField(default=list, help_text="What it heard so far; code that hears less may not go on.")
    problem = models.TextField(blank=True, help_text="Why it cannot go on from there.")

    class Meta:
        db_table = "consumer_checkpoints"

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class PlannedCommand(models.Model):
    """A command that a process will send when it is due. The row goes in the transaction that does the command."""

    command_id = models.UUIDField(primary_key=True)
    process = models.CharField(max_length=100)
    key = models.UUIDField(help_text="What the process knows it by, such as the order's id.")
    command_type = models.CharField(max_length=100)
    body = models.JSONField()
    due_at = models.DateTimeField()
    causation_id = models.UUIDField(help_text="The event it reacts to.")
    correlation_id = models.UUIDField()
    attempts = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, help_text="Why the last attempt failed; it will be tried again when due.")
    refused_at = models.DateTimeField(null=True, help_text="A rule refused it: it is not tried again.")

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
    """Which events belong to one request and what it led to. Filled by a consumer; can be made again from the log."""

    pk = models.CompositePrimaryKey("correlation_id", "position")
    correlation_id = models.UUIDField()
    position = models.BigIntegerField()

    class Meta:
        db_table = "correlations"

    def __str__(self) -> str:
        return f"{self.correlation_id} at {self.position}"


class Seal(models.Model):
    """Proof of what a range of the log was. Rows are only ever added. `eventstore.seals.chain` says what is signed."""

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 … without holes.")
    after = models.BigIntegerField(help_text="The range begins after this position,")
    through = models.BigIntegerField(help_text="and ends with this one.")
    events = models.PositiveIntegerField()
    root = models.BinaryField(help_text="Of the Merkle tree over the range's events.")
    previous = models.BinaryField(help_text="The hash of the seal before.")
    sealed_at = models.DateTimeField()
    public_key = models.BinaryField()
    signature = models.BinaryField()
    leaves = models.BinaryField(help_text="Position and hash of each event: to say which one is not as it was.")

    class Meta:
        db_table = "seals"

    def __str__(self) -> str:
        return f"seal {self.number}"


class QueuedCommand(models.Model):
    """A command that was accepted to be done later, and its outcome. The body goes when there is one."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True, help_text="The order in which they came.")
    command_id = models.UUIDField(unique=True)
    command_type = models.CharField(max_length=100)
    fingerprint = models.BinaryField()
    aggregate_id = models.UUIDField()
    owner_id = models.UUIDField(help_text="Who may read the outcome, and under whose key the body is encrypted.")
    body = models.BinaryField(null=True)
    context = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    version = models.PositiveIntegerField(null=True, help_text="The aggregate's version after it was done.")
    refusal = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, help_text="Why the last attempt failed.")
    accepted_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "command_queue"
        permissions = (("redrive_queuedcommand", "Can have failed commands tried again"),)
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
