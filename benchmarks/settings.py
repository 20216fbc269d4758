"""The development settings on the benchmarks' own servers, with limits that a load generator does not meet."""

from ordersite.settings.development import *  # noqa: F403

API_RATE_USER = API_RATE_ADDRESS = LOGIN_RATE = "10000000/min"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING_CONFIG = None  # nobody reads it, and writing it is not what is measured
CELERY_IMPORTS = ["benchmarks.noop"]
CELERY_RESULT_BACKEND = CELERY_BROKER_URL  # noqa: F405 - whoever sends a no-op waits for its answer
