"""The WSGI application, for the web server. It does not load if the log would not be safe on the database server."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
django.setup(set_prefix=False)

from eventstore.storage import requirements  # noqa: E402 - Django is set up now
from ordersite.handler import Handler  # noqa: E402

requirements.require()
application = Handler()
