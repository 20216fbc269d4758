"""Reword help texts and the name of a permission. No table changes."""

from datetime import timedelta
from typing import Any

from django.db import migrations, models


def _rename_permission(apps: Any, schema_editor: Any) -> None:
    """Django writes a permission's name once, when it makes the permission."""
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="projections", codename="operate"
    )
    permissions.update(name="Can retry, leave out and rebuild read models")


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0009_state_as_text"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="build",
            options={
                "ordering": ("-id",),
                "permissions": (("operate", "Can retry, leave out and rebuild read models"),),
                "verbose_name": "rebuild",
            },
        ),
        migrations.AlterField(
            model_name="accountingentry",
            name="entry_id",
            field=models.BigIntegerField(
                help_text="The event's position and the number of the entry.", primary_key=True, serialize=False
            ),
        ),
        migrations.AlterField(
            model_name="accountingorder",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="accountingorder",
            name="times",
            field=models.JSONField(
                default=dict, help_text="The times of the events of each payment, parcel, refund and return."
            ),
        ),
        migrations.AlterField(
            model_name="accountingorder",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="accountmoney",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="accountmoney",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="build",
            name="as_of",
            field=models.DateTimeField(help_text="Only events that happened by this moment.", null=True),
        ),
        migrations.AlterField(
            model_name="build",
            name="background",
            field=models.BooleanField(default=False, help_text="Whether workers do it."),
        ),
        migrations.AlterField(
            model_name="build",
            name="latest",
            field=models.BigIntegerField(default=0, help_text="The end of the log at the last look."),
        ),
        migrations.AlterField(
            model_name="build",
            name="recorded_by",
            field=models.DateTimeField(help_text="Only events that were recorded by this moment.", null=True),
        ),
        migrations.AlterField(
            model_name="build",
            name="worked",
            field=models.DurationField(default=timedelta, help_text="How long it was worked on."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="code_version",
            field=models.PositiveIntegerField(
                default=1, help_text="Version of the code that writes it; older code is refused."
            ),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="event_types",
            field=models.JSONField(default=list, help_text="Event types that the code handles; older code is refused."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="events",
            field=models.PositiveBigIntegerField(default=0, help_text="Events handled so far."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="held_until",
            field=models.DateTimeField(help_text="A comparison holds it still until then.", null=True),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="last_error",
            field=models.TextField(blank=True, help_text="Why the last attempt failed; empty after a successful one."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="level_at",
            field=models.DateTimeField(help_text="When it was first caught up; empty while it is built.", null=True),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="of",
            field=models.PositiveSmallIntegerField(default=1, help_text="The number of shards of the projection."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="rate",
            field=models.FloatField(default=0, help_text="Events a second in the last seconds."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="rebuild_wanted",
            field=models.TextField(blank=True, help_text="Why it has to be rebuilt."),
        ),
        migrations.AlterField(
            model_name="customeraccount",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="customeraccount",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="customeraccountmovement",
            name="version",
            field=models.PositiveIntegerField(help_text="The account's version after the movement."),
        ),
        migrations.AlterField(
            model_name="customerorder",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="customerorder",
            name="times",
            field=models.JSONField(
                default=dict, help_text="The times of the events of each payment, parcel, refund and return."
            ),
        ),
        migrations.AlterField(
            model_name="customerorder",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="driftflag",
            name="where",
            field=models.TextField(help_text="The table and key of a row, or an invariant."),
        ),
        migrations.AlterField(
            model_name="driftflag",
            name="words",
            field=models.TextField(help_text="What it is, and what it should be."),
        ),
        migrations.AlterField(
            model_name="feedorder",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="feedorder",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="parkedevent",
            name="error",
            field=models.TextField(
                blank=True, help_text="The error and its traceback; empty for an event that waits for an earlier one."
            ),
        ),
        migrations.AlterField(
            model_name="skippedevent",
            name="error",
            field=models.TextField(help_text="The error and its traceback."),
        ),
        migrations.AlterField(
            model_name="stafforder",
            name="behind",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Whether later events are parked and not shown."
            ),
        ),
        migrations.AlterField(
            model_name="stafforder",
            name="search",
            field=models.TextField(help_text="The order's search words in lower case."),
        ),
        migrations.AlterField(
            model_name="stafforder",
            name="times",
            field=models.JSONField(
                default=dict, help_text="The times of the events of each payment, parcel, refund and return."
            ),
        ),
        migrations.AlterField(
            model_name="stafforder",
            name="version",
            field=models.PositiveIntegerField(help_text="The version of the last event that this row shows."),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="attempts",
            field=models.JSONField(default=list, help_text="The time and the answer of each attempt."),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="position",
            field=models.BigIntegerField(help_text="The event's position in the log; empty for a test.", null=True),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="tries",
            field=models.PositiveIntegerField(default=0, help_text="Attempts since the event or the last retry."),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="failures",
            field=models.PositiveIntegerField(default=0, help_text="Failures in a row."),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="resting_until",
            field=models.DateTimeField(
                help_text="Nothing is sent before then, because it failed a moment ago.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="since",
            field=models.BigIntegerField(help_text="Events up to this position are not sent."),
        ),
        migrations.RunPython(_rename_permission, migrations.RunPython.noop),
    ]
