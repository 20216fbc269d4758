"""Partition an empty log if EVENTS_PARTITIONS says so. A log with events is not changed."""

from typing import Any

from django.conf import settings
from django.db import migrations

from eventstore import store
from eventstore.storage import partitioning


def partition(apps: Any, editor: Any) -> None:
    wanted = settings.EVENTS_PARTITIONS
    if wanted and wanted != partitioning.partitions() and store.is_empty():
        partitioning.convert_empty(wanted)


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0005_command_queue")]

    operations = [migrations.RunPython(partition, migrations.RunPython.noop)]
