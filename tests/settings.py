"""The development settings, with a Valkey database for each parallel test process."""

import os
import re

from ordersite.settings.development import *  # noqa: F403
from ordersite.settings.development import INSTALLED_APPS, REDIS_URL
from ordersite.settings.valkey import cache

_number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
REDIS_URL = re.sub(r"/\d+$", f"/{_number}", REDIS_URL)
CELERY_BROKER_URL = REDIS_URL
CACHES = {"default": cache(REDIS_URL)}
INSTALLED_APPS = [*INSTALLED_APPS, "tests"]
# The test server may lose data in a power failure.
SILENCED_SYSTEM_CHECKS = ["eventstore.fsync", "eventstore.full_page_writes"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast: tests do not need strong hashes
API_RATE_USER = API_RATE_ADDRESS = LOGIN_RATE = "100000/min"  # tests of the limits set their own
APPROVAL_LIMITS = {}  # a person of a test may do everything alone; tests of the limits set their own
WHITENOISE_AUTOREFRESH = True  # find static files on request, not all of them for each test client
