"""The development settings, without rate limits and log output."""

from ordersite.settings.development import *  # noqa: F403

API_RATE_USER = API_RATE_ADDRESS = LOGIN_RATE = "10000000/min"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING_CONFIG = None  # writing log lines is not measured
CELERY_IMPORTS = ["benchmarks.noop"]
CELERY_RESULT_BACKEND = REDIS_URL  # noqa: F405 - the lag benchmark waits for answers of no-op tasks
