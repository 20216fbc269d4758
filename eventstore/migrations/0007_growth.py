"""Add indexes to the log that hardly slow down appends. A log that 0006 partitioned has them already."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models

_BLOOM = "CREATE INDEX IF NOT EXISTS {name} ON events USING brin ({column} {opclass}) WITH (autosummarize = on)"


def _indexed(name: str, column: str, opclass: str) -> migrations.RunSQL:
    index = BrinIndex(autosummarize=True, fields=[column], name=name, opclasses=(opclass,))
    return migrations.RunSQL(
        _BLOOM.format(name=name, column=column, opclass=opclass),
        f"DROP INDEX IF EXISTS {name}",
        state_operations=[migrations.AddIndex(model_name="event", index=index)],
    )


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0006_partitions")]

    operations = [
        _indexed("events_event_type", "event_type", "text_bloom_ops(n_distinct_per_range=64)"),
        _indexed("events_subject", "subject_id", "uuid_bloom_ops(n_distinct_per_range=500)"),
        migrations.AddIndex(
            model_name="plannedcommand",
            index=models.Index(fields=["due_at"], name="planned_commands_listed"),
        ),
        migrations.AddIndex(
            model_name="plannedcommand",
            index=models.Index(fields=["correlation_id"], name="planned_commands_correlation"),
        ),
    ]
