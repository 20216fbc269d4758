"""Settings shared by development and production. What differs between sites comes from the environment."""

from collections.abc import Container
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse_lazy

from ordersite.settings.api import *  # noqa: F403 - settings are names in a module
from ordersite.settings.environment import env
from ordersite.settings.headers import *  # noqa: F403
from ordersite.settings.intervals import *  # noqa: F403
from ordersite.settings.logs import *  # noqa: F403
from ordersite.settings.tasks import *  # noqa: F403


def script_name(path: str) -> str | None:
    """Return FORCE_SCRIPT_NAME without the slash at its end; None for the root of the host."""
    path = path.rstrip("/")
    if path and not path.startswith("/"):
        raise ImproperlyConfigured(f"FORCE_SCRIPT_NAME is {path!r}: write the path with a slash in front, /{path}")
    return path or None


BASE_DIR = Path(__file__).resolve().parents[2]

# --- apps, middleware and templates -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_otp_webauthn",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "eventstore",
    "orders",
    "projections",
    "ordersite",
]

MIDDLEWARE = [
    "ordersite.middleware.request_id.RequestId",  # first: every answer carries the id
    "ordersite.middleware.sub_path.SubPath",  # before the middleware that looks at the path
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ordersite.middleware.content_security.ContentSecurity",  # around everything that answers with a page
    "ordersite.middleware.language.Language",
    "ordersite.middleware.cached_orders.CountAndLookUp",  # rate limits, and the first half of CachedOrders
    "ordersite.error_pages.FillEmptyErrors",
    "ordersite.middleware.request_limits.RequestSizes",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ordersite.middleware.cached_orders.CachedOrders",  # after the middleware that writes headers
    "ordersite.middleware.compression.Compression",  # orders from the cache do not pass it
    "ordersite.middleware.content_security.StylesWithNonce",  # before the page is compressed
    "ordersite.middleware.replicas.ReplicaReads",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ordersite.access.recording.KnowsWhoAsks",
    "ordersite.logins.sessions.SessionLimits",
    "ordersite.middleware.known_devices.KnownDevices",  # marks the device of a successful log-in
    "ordersite.admin.forms.kept_forms.KeptForms",  # knows the session, the person and the messages
    "ordersite.logins.second_factor.SecondFactor",
    "ordersite.logins.fresh_password.FreshPassword",
    "projections.admin.lookback.LookbackMiddleware",
]

# The path below which the site is served, such as /shop, if it does not have a host of its own.
FORCE_SCRIPT_NAME = script_name(env.str("FORCE_SCRIPT_NAME", default=""))
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = FORCE_SCRIPT_NAME or "/"  # not sent to other sites on the same host

ROOT_URLCONF = "ordersite.urls"
WSGI_APPLICATION = "ordersite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "ordersite" / "templates" / "over_unfold"],  # changes to unfold's pages
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ordersite.admin.forms.kept_forms.form_owner",
            ],
        },
    }
]

# --- database ---------------------------------------------------------------------------------------------------------

DATABASE_ROUTERS = ["projections.reading.replicas.ReadModelRouter"]
# Seconds for which a browser that changed something reads from the primary. Set it longer than replicas ever lag.
REPLICA_LAG_SECONDS = env.int("REPLICA_LAG_SECONDS", default=10)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Hash partitions of a new site's log; 0 for one plain table. For an existing log use `manage.py partition_log`.
EVENTS_PARTITIONS = env.int("EVENTS_PARTITIONS", default=0)

# --- accounts and passwords -------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "ordersite.User"
AUTHENTICATION_BACKENDS = ["ordersite.api.authentication.AccountBackend"]
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},  # 20,000 known passwords, as a file of Django
    {"NAME": "ordersite.logins.passwords.HardToGuess"},
    {"NAME": "ordersite.admin.login.RevokesTokens"},
]
# Minutes after which an unused session in the admin ends, and hours after which any does.
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=30)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12)
SESSION_COOKIE_AGE = STAFF_SESSION_HOURS * 3600
# Minutes after which what cannot be undone needs the password again.
FRESH_PASSWORD_MINUTES = env.int("FRESH_PASSWORD_MINUTES", default=10)
# Whether people who work in the shop must have a second factor: an app that shows codes, or a passkey.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = OTP_WEBAUTHN_RP_NAME = env.str("SHOP_NAME", default="ordersite")  # what the app and the browser show
OTP_WEBAUTHN_RP_ID_CALLABLE = "ordersite.logins.passkeys.host_of"
OTP_WEBAUTHN_HELPER_CLASS = "ordersite.logins.passkeys.Passkeys"
OTP_WEBAUTHN_ALLOWED_ORIGINS = ["https://localhost"]  # not used: `Passkeys` knows the origin
OTP_WEBAUTHN_ALLOW_PASSWORDLESS_LOGIN = False  # a passkey is a second factor here
# Days for which the list of log-ins goes back.
AUDIT_DAYS = env.int("AUDIT_DAYS", default=365)
CSRF_FAILURE_VIEW = "ordersite.admin.forms.kept_forms.csrf_failure"
LOGIN_REDIRECT_URL = "admin:index"  # when the log-in page was opened directly
# Whether demo accounts may exist and log in.
DEMO_ACCOUNTS = False

# --- language, time and static files ----------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("ru", "Russian")]  # languages of the API: docs/languages.md
TIME_ZONE = env.str("SHOP_TIME_ZONE", default="Europe/London")  # accounting days are days in this zone
USE_TZ = True
# A form for 500 orders has five fields for each, and one for 300 lines two for each. Django counts the
# parameters of a query by it too.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3_000
FORMAT_MODULE_PATH = "ordersite.formats"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]  # for the admin's date filters; the same as in ordersite.formats
STATIC_URL = "static/"
WHITENOISE_STATIC_PREFIX = "/static/"  # where the site sees requests for them, whatever is in front of it
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ordersite.static_storage.StaticFiles"},
}

# --- rules of the shop ------------------------------------------------------------------------------------------------

# Days after which an unpaid order is cancelled; 0 for never.
UNPAID_ORDER_DAYS = env.int("UNPAID_ORDER_DAYS", default=14)
# Whether an order must be fully paid before anything ships.
PAID_BEFORE_SHIPPED = env.bool("PAID_BEFORE_SHIPPED", default=True)
# The amount per currency (GBP=100,EUR=120) that one person may move by hand alone in 24 hours: refunds, deposits,
# withdrawals, write-offs, payments, discounts, lower prices. More needs a second person. If the setting is empty, one
# person always may; otherwise, in a currency that is not listed, one person never may. Its older name still works.
APPROVAL_LIMITS = {
    currency: Decimal(amount)
    for currency, amount in env.dict("APPROVAL_LIMITS", default=env.dict("REFUND_APPROVAL_LIMITS", default={})).items()
}

# --- mail -------------------------------------------------------------------------------------------------------------

# Days for which the token in a verification mail is valid, and the page that the mail links to: `…?token={token}`.
# Without a URL the mail contains only the token.
EMAIL_TOKEN_DAYS = env.int("EMAIL_TOKEN_DAYS", default=3)
EMAIL_VERIFY_URL = env.str("EMAIL_VERIFY_URL", default="")
# Days without a log-in after which a customer loses an address that was never verified; 0 for never.
EMAIL_CLAIM_DAYS = env.int("EMAIL_CLAIM_DAYS", default=90)

# --- feed of events and webhooks --------------------------------------------------------------------------------------

# Days that a customer's feed of events goes back; 0 for all.
PUBLIC_EVENTS_DAYS = env.int("PUBLIC_EVENTS_DAYS", default=0)
# Event streams that a web process keeps open at the same time, and that one customer may keep open in all processes.
# Each stream occupies a thread, so a process needs more threads than this. A quarter is kept for the shop's own
# programs. All customers at one client address together have a share in all processes.
EVENT_STREAMS = env.int("EVENT_STREAMS", default=8)
EVENT_STREAMS_EACH = env.int("EVENT_STREAMS_EACH", default=2)
EVENT_STREAMS_ADDRESS = env.int("EVENT_STREAMS_ADDRESS", default=4)
# Seconds until a stream is closed, and until an idle stream sends a sign of life.
EVENT_STREAM_SECONDS = env.float("EVENT_STREAM_SECONDS", default=60.0)
EVENT_STREAM_SILENT_SECONDS = env.float("EVENT_STREAM_SILENT_SECONDS", default=15.0)

# Webhook endpoints per customer, and the seconds before each retry of a failed delivery.
WEBHOOK_ENDPOINTS = env.int("WEBHOOK_ENDPOINTS", default=10)
WEBHOOK_RETRY_SECONDS = env.list(
    "WEBHOOK_RETRY_SECONDS", cast=float, default=[5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
)
# Seconds that an endpoint may take to answer, and days for which deliveries are retained.
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)
WEBHOOK_DELIVERIES_DAYS = env.int("WEBHOOK_DELIVERIES_DAYS", default=30)
# Messages that are sent at the same time for one customer, and to one host for all customers. Fifty are sent in all.
WEBHOOK_AT_ONCE_CUSTOMER = env.int("WEBHOOK_AT_ONCE_CUSTOMER", default=10)
WEBHOOK_AT_ONCE_HOST = env.int("WEBHOOK_AT_ONCE_HOST", default=20)
# The ports of endpoints, and public networks that they may not lead to, such as those of the shop's own servers.
WEBHOOK_PORTS: Container[int] = env.list("WEBHOOK_PORTS", cast=int, default=[443])
WEBHOOK_REFUSED_NETWORKS = env.list("WEBHOOK_REFUSED_NETWORKS", default=[])
# Whether an endpoint may use plain HTTP or an address in the site's own network. On a laptop only.
WEBHOOK_PLAIN_HTTP = WEBHOOK_PRIVATE_ADDRESSES = False

# --- admin ------------------------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "ordersite",
    "SITE_HEADER": "ordersite",
    "SITE_SYMBOL": "receipt_long",
    "SITE_URL": lambda request: get_script_prefix(),
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "ordersite.admin.sidebar.warning",
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Your second factor", "link": reverse_lazy("second-factor")},
        ]
    },
    "LOGIN": {"form": "ordersite.admin.login.LoginForm"},
    "SIDEBAR": {"navigation": "ordersite.admin.sidebar.navigation"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("ordersite/icon.svg")}],
    "STYLES": [lambda request: static("ordersite/admin.css")],
}
