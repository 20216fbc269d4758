"""A comparison is a kind of build of its own, also those that are in the list already."""

from typing import Any

from django.db import migrations, models


def name_comparisons(apps: Any, schema_editor: Any) -> None:
    """Give the dry runs of earlier versions their kind."""
    apps.get_model("projections", "Build").objects.filter(kind="rebuild", dry_run=True).update(kind="comparison")


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0010_help_texts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="build",
            options={
                "ordering": ("-id",),
                "permissions": (("operate", "Can retry, leave out and rebuild read models"),),
                "verbose_name": "rebuild or comparison",
                "verbose_name_plural": "rebuilds and comparisons",
            },
        ),
        migrations.AlterField(
            model_name="build",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rebuild", "Rebuild"),
                    ("comparison", "Comparison"),
                    ("rollback", "Roll back"),
                    ("as_of", "As of a moment"),
                ],
                default="rebuild",
                max_length=20,
            ),
        ),
        migrations.RunPython(name_comparisons, migrations.RunPython.noop),
    ]
