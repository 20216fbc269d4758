"""Groups are written once. Operating the read models moves from the back office to a group of its own."""

import sys
from typing import Any

from django.db import migrations, models

MOVED = ("operate", "redrive_queuedcommand")


def take_operating_from_the_back_office(apps: Any, schema_editor: Any) -> None:
    """Take the permissions to operate read models from the group that earlier versions forced them on.

    Superusers keep everything, and so do people and groups to whom an administrator gave the permissions.
    """
    permissions = apps.get_model("auth", "Permission").objects.filter(codename__in=MOVED)
    groups = apps.get_model("auth", "Group").objects.filter(name="Back office", permissions__in=permissions)
    for group in groups.distinct():
        group.permissions.remove(*permissions)
        sys.stderr.write("Back office no longer operates the read models: add the people who do to Operators\n")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("ordersite", "0003_help_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="SuggestedPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(help_text="The name of the group when the site suggested it.", max_length=150),
                ),
                ("codename", models.CharField(max_length=100)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("role", "codename"), name="suggested_once")],
            },
        ),
        migrations.RunPython(take_operating_from_the_back_office, migrations.RunPython.noop),
    ]
