"""Settings of a deployed shop. URLs, secrets and keys come from the environment: docs/operations.md lists them."""

from ordersite.settings.base import *  # noqa: F403 - settings are names in a module
from ordersite.settings.base import BASE_DIR
from ordersite.settings.connections import databases, login
from ordersite.settings.environment import env
from ordersite.settings.tasks import CELERY_BROKER_TRANSPORT_OPTIONS
from ordersite.settings.valkey import broker, cache, redis_url

DATABASE_URL = env.str("DATABASE_URL")
REDIS_URL = redis_url(env.str("REDIS_URL"), variable="REDIS_URL")
DATABASES = databases(DATABASE_URL)
# Other logins, for single commands. Web servers and workers must not have them: see docs/operations.md.
OWNER_DATABASE = login("OWNER_DATABASE_URL")
ADMIN_DATABASE = login("ADMIN_DATABASE_URL")
CACHES = {"default": cache(REDIS_URL)}
vars().update(broker(REDIS_URL, env.str("CELERY_BROKER_URL", default=""), CELERY_BROKER_TRANSPORT_OPTIONS))

SECRET_KEY = env.str("SECRET_KEY")
PERSONAL_DATA_KEYS = env.list("PERSONAL_DATA_KEYS")
SEAL_KEYS = env.list("SEAL_KEYS")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"https://{host}" for host in ALLOWED_HOSTS])
DEBUG = False
DEMO_ACCOUNTS = False

vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 10  # seconds: a mail server that does not answer must not hold a worker
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default=f"ordersite@{ALLOWED_HOSTS[0] if ALLOWED_HOSTS else 'localhost'}"
)

STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = ["(^|/)healthz$"]  # health probes do not use TLS
if env.int("NUM_PROXIES", default=0):  # a trusted proxy must overwrite this header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ordersite.static_storage.HashedStaticFiles"},
}
