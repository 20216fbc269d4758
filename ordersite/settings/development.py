"""Settings for `make run` and commands on the same laptop. Without URLs in the environment, they use its servers."""

import base64
import os
import secrets
from decimal import Decimal
from pathlib import Path

from ordersite.devstack.servers import Services
from ordersite.devstack.state_folder import keep_secret
from ordersite.settings.base import *  # noqa: F403 - settings are names in a module
from ordersite.settings.base import APPROVAL_LIMITS, BASE_DIR
from ordersite.settings.connections import databases, login
from ordersite.settings.environment import env
from ordersite.settings.tasks import CELERY_BROKER_TRANSPORT_OPTIONS
from ordersite.settings.valkey import broker, cache, redis_url

STATE_DIR = Path(os.environ.get("ORDERSITE_STATE", BASE_DIR / ".local")).resolve()
SERVICES = Services(STATE_DIR)

# Nothing listens on port 1. Commands without a database still work; the others say that `make run` is needed.
_nowhere = ("postgresql://app@127.0.0.1:1/app", "redis://127.0.0.1:1/0")
_own = (SERVICES.site_url, SERVICES.redis_url) if SERVICES.known else _nowhere
DATABASE_URL = env.str("DATABASE_URL", default=_own[0])
REDIS_URL = redis_url(env.str("REDIS_URL", default=_own[1]), variable="REDIS_URL")
DATABASES = databases(DATABASE_URL)
# The other logins of `make run`'s own server. A server that DATABASE_URL names has its own.
_other_logins = SERVICES.other_logins if "DATABASE_URL" not in os.environ and SERVICES.known else {}
OWNER_DATABASE = login("OWNER_DATABASE_URL", default=_other_logins.get("owner", ""))
ADMIN_DATABASE = login("ADMIN_DATABASE_URL", default=_other_logins.get("admin", ""))
CACHES = {"default": cache(REDIS_URL)}
vars().update(broker(REDIS_URL, env.str("CELERY_BROKER_URL", default=""), CELERY_BROKER_TRANSPORT_OPTIONS))


def new_key() -> str:
    """Return 32 random bytes in base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRET_KEY = env.str("SECRET_KEY", default="") or keep_secret(STATE_DIR / "secret", lambda: secrets.token_urlsafe(48))
# Erased data must stay erased: the key is stored beside the database that it belongs to.
_personal_data_key = keep_secret(STATE_DIR / "personal-data-key", new_key)
PERSONAL_DATA_KEYS = env.list("PERSONAL_DATA_KEYS", default=[f"local:{_personal_data_key}"])
SEAL_KEYS = env.list("SEAL_KEYS", default=[keep_secret(STATE_DIR / "seal-key", new_key)])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
DEMO_ACCOUNTS = True
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"  # no mail server on a laptop
EMAIL_FILE_PATH = STATE_DIR / "mail"
WEBHOOK_PLAIN_HTTP = WEBHOOK_PRIVATE_ADDRESSES = True  # a receiver on the same laptop
WEBHOOK_PORTS = range(1, 65_536)
WHITENOISE_USE_FINDERS = True  # no collectstatic on a laptop
# For the demo shop: about a hundred pounds in each currency.
APPROVAL_LIMITS = APPROVAL_LIMITS or {
    currency: Decimal(amount)
    for currency, amount in (
        ("GBP", 100), ("EUR", 120), ("USD", 130), ("JPY", 20_000), ("NOK", 1400), ("PLN", 500), ("BHD", 50),
        ("DKK", 900), ("SEK", 1400), ("CHF", 110),
    )
}  # fmt: skip
