"""Count the events that each shard takes, from the range in which its checkpoint stands now.

What was taken before is not known. `check_projections` compares it, and a rebuild counts everything.
"""

from django.db import migrations, models

# Ranges have 10,000 positions. The counts of a divided read model begin with the next range.
COUNT_CURRENT_RANGE = """
INSERT INTO projections_takenrange (projection, space, shard, number, events)
SELECT c.projection, c.space, 0, (c.position - 1) / 10000, count(*)
  FROM projections_checkpoint c
  JOIN events e ON e.position > (c.position - 1) / 10000 * 10000 AND e.position <= c.position
   AND c.event_types ? e.event_type
 WHERE c.of = 1 AND c.position > 0
 GROUP BY c.projection, c.space, c.position;
UPDATE projections_checkpoint
   SET counted_from = CASE WHEN of = 1 THEN (position - 1) / 10000 * 10000 ELSE position END
 WHERE position > 0;
"""


class Migration(migrations.Migration):
    dependencies = [("projections", "0011_comparisons"), ("eventstore", "0011_watch")]

    operations = [
        migrations.AddField(
            model_name="checkpoint",
            name="counted_from",
            field=models.BigIntegerField(default=0, help_text="Events after this position count in TakenRange."),
        ),
        migrations.AddField(
            model_name="driftflag",
            name="missing",
            field=models.BigIntegerField(
                null=True, help_text="Of a range of the log: events not taken, or taken too often if negative."
            ),
        ),
        migrations.AlterField(
            model_name="driftflag",
            name="where",
            field=models.TextField(help_text="The table and key of a row, an invariant, or a range of the log."),
        ),
        migrations.CreateModel(
            name="TakenRange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("projection", models.CharField(max_length=100)),
                ("space", models.CharField(blank=True, max_length=100)),
                ("shard", models.PositiveSmallIntegerField(default=0)),
                ("number", models.BigIntegerField(help_text="The number of the range, as in LogRange.")),
                ("events", models.PositiveBigIntegerField(help_text="Events of the shard's own aggregates.")),
                (
                    "shared",
                    models.PositiveBigIntegerField(
                        null=True,
                        help_text="Events that every shard takes; empty if the number of shards changed since.",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("projection", "space", "shard", "number"), name="taken_once")
                ],
            },
        ),
        migrations.RunSQL(COUNT_CURRENT_RANGE, migrations.RunSQL.noop),
    ]
