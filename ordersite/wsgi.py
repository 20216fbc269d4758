"""The WSGI application, for the web server. It does not load if the log would not be safe on the database server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
application = get_wsgi_application()

from eventstore.storage import requirements  # noqa: E402 - Django is set up now

requirements.require()
