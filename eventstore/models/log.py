"""The log, and what belongs to each of its events for ever."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from eventstore.limits.columns import RecordedTimeField, StoredJSONField
from eventstore.models.contents import Contents


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
