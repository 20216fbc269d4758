"""Store what each range of the log holds, and what is not as the log needs it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0010_leases")]

    operations = [
        migrations.CreateModel(
            name="LogFinding",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("message", models.TextField()),
                ("hint", models.TextField(help_text="What to do.")),
                ("found_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"db_table": "log_findings", "ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="LogRange",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("counts", models.JSONField(help_text="Events by type.")),
                ("counted_at", models.DateTimeField(db_index=True)),
                ("changed", models.TextField(blank=True, help_text="How the count changed, which it never should.")),
            ],
            options={"db_table": "log_ranges"},
        ),
    ]
