"""Create the tables and a user, and print the user's token."""

import os

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.peers.plain_drf.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need Django set up
from django.db import connection  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from benchmarks.peers.plain_drf.models import Line, Order  # noqa: E402

call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Order)
    editor.create_model(Line)

ada = User.objects.create_user("ada", "ada@example.com", "secret-1", first_name="Ada", last_name="Whitfield")
print(Token.objects.create(user=ada).key)
