"""Reword help texts and the name of a permission. No table changes."""

from typing import Any

import django.db.models.functions.datetime
from django.db import migrations, models


def _rename_permission(apps: Any, schema_editor: Any) -> None:
    """Django writes a permission's name once, when it makes the permission."""
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="eventstore", codename="redrive_queuedcommand"
    )
    permissions.update(name="Can retry failed commands")


class Migration(migrations.Migration):
    dependencies = [
        ("eventstore", "0007_growth"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterField(
            model_name="commandreceipt",
            name="version",
            field=models.PositiveIntegerField(
                help_text="The aggregate's version after the command. It is the command's answer."
            ),
        ),
        migrations.AlterField(
            model_name="consumercheckpoint",
            name="event_types",
            field=models.JSONField(
                default=list,
                help_text="The event types it has handled. Code that handles fewer types may not continue.",
            ),
        ),
        migrations.AlterField(
            model_name="consumercheckpoint",
            name="problem",
            field=models.TextField(blank=True, help_text="Why it cannot read further."),
        ),
        migrations.AlterField(
            model_name="event",
            name="position",
            field=models.BigAutoField(
                help_text="Place in the whole log. It only grows, with gaps.", primary_key=True, serialize=False
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="subject_id",
            field=models.UUIDField(
                help_text="The person whose data the event holds, encrypted under their key.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="timestamp",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), help_text="When the event was recorded."
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="version",
            field=models.PositiveIntegerField(help_text="Place in the aggregate's history: 1, 2, 3, without gaps."),
        ),
        migrations.AlterField(
            model_name="plannedcommand",
            name="causation_id",
            field=models.UUIDField(help_text="The event that led to the command."),
        ),
        migrations.AlterField(
            model_name="plannedcommand",
            name="key",
            field=models.UUIDField(help_text="The process manager's own key, such as the order's id."),
        ),
        migrations.AlterField(
            model_name="plannedcommand",
            name="problem",
            field=models.TextField(
                blank=True, help_text="Why the last attempt failed. The command is tried again when it is due."
            ),
        ),
        migrations.AlterField(
            model_name="plannedcommand",
            name="refused_at",
            field=models.DateTimeField(help_text="When a rule refused the command. It is not tried again.", null=True),
        ),
        migrations.AlterField(
            model_name="queuedcommand",
            name="id",
            field=models.BigAutoField(
                help_text="The order in which commands were accepted.", primary_key=True, serialize=False
            ),
        ),
        migrations.AlterField(
            model_name="queuedcommand",
            name="owner_id",
            field=models.UUIDField(
                help_text="The person who may read the outcome. The body is encrypted under their key."
            ),
        ),
        migrations.AlterField(
            model_name="queuedcommand",
            name="version",
            field=models.PositiveIntegerField(
                help_text="The aggregate's version after the command was done.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="seal",
            name="after",
            field=models.BigIntegerField(help_text="The range begins after this position."),
        ),
        migrations.AlterField(
            model_name="seal",
            name="leaves",
            field=models.BinaryField(
                help_text="The position and hash of each event. They show which event was changed."
            ),
        ),
        migrations.AlterField(
            model_name="seal",
            name="number",
            field=models.BigIntegerField(help_text="1, 2, 3 … without gaps.", primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name="seal",
            name="previous",
            field=models.BinaryField(help_text="The hash of the previous seal."),
        ),
        migrations.AlterField(
            model_name="seal",
            name="root",
            field=models.BinaryField(help_text="The root of the Merkle tree over the range's events."),
        ),
        migrations.AlterField(
            model_name="seal",
            name="through",
            field=models.BigIntegerField(help_text="The range ends with this position."),
        ),
        migrations.AlterField(
            model_name="snapshot",
            name="shape",
            field=models.CharField(
                help_text="Names the shape of the state. A snapshot of a different shape is ignored.", max_length=80
            ),
        ),
        migrations.AlterField(
            model_name="subjectkey",
            name="master",
            field=models.CharField(help_text="The name of the master key that wraps this key.", max_length=40),
        ),
        migrations.AlterField(
            model_name="subjectkey",
            name="wrapped_key",
            field=models.BinaryField(help_text="Empty after the subject was erased.", null=True),
        ),
        migrations.AlterModelOptions(
            name="queuedcommand",
            options={"permissions": (("redrive_queuedcommand", "Can retry failed commands"),)},
        ),
        migrations.RunPython(_rename_permission, migrations.RunPython.noop),
    ]
