"""Settings shared by development and production. What differs between sites comes from the environment."""

from collections.abc import Container
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse_lazy

from eventstore.management.printing import printable
from ordersite.settings.headers import *  # noqa: F403 - settings are names in a module

env = environ.Env()


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
OTP_WEBAUTHN_RP_ID_CALLABLE = "ordersite.logins.second_factor.passkey_host"
OTP_WEBAUTHN_HELPER_CLASS = "ordersite.logins.second_factor.Passkeys"
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
FORMAT_MODULE_PATH = "ordersite.formats"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]  # for the admin's date filters; the same as in ordersite.formats
STATIC_URL = "static/"
WHITENOISE_STATIC_PREFIX = "/static/"  # where the site sees requests for them, whatever is in front of it
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ordersite.static_storage.StaticFiles"},
}

# --- API --------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ordersite.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ordersite.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "ordersite.api.openapi.hooks.Schema",
    "EXCEPTION_HANDLER": "ordersite.api.problems.problem_response",
    # Number of proxies in front of the site whose `X-Forwarded-For` is trusted.
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "DEFAULT_METADATA_CLASS": "ordersite.api.metadata.Methods",
}
# Requests to the API per user and per address. LOGIN_RATE limits attempts to log in, per address and per account name.
API_RATE_USER = env.str("API_RATE_USER", default="600/min")
API_RATE_ADDRESS = env.str("API_RATE_ADDRESS", default="1200/min")
LOGIN_RATE = env.str("LOGIN_RATE", default="20/min")
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=30),
    "USER_SERIALIZER": None,
}
# Seconds that a request waits for the read model to reach its `min_version`; then it is answered 503.
READ_WAIT_SECONDS = env.float("READ_WAIT_SECONDS", default=2.0)
# Whether a command to an existing order must name, in If-Match, the version that the client has seen.
REQUIRE_IF_MATCH = env.bool("REQUIRE_IF_MATCH", default=True)
# Commands that may wait in the queue, in all and of one person; more are refused. Days for which outcomes can be read.
COMMAND_QUEUE_LIMIT = env.int("COMMAND_QUEUE_LIMIT", default=10_000)
COMMAND_QUEUE_EACH = env.int("COMMAND_QUEUE_EACH", default=1000)
COMMAND_RESULTS_DAYS = env.int("COMMAND_RESULTS_DAYS", default=7)
SPECTACULAR_SETTINGS = {
    "TITLE": "ordersite",
    "DESCRIPTION": "Place, follow, pay and cancel your orders. Money is text with the currency's number of decimals."
    " Quantities are whole units. Times are ISO 8601.",
    "VERSION": "1.0.0",
    "CONTACT": {"name": "The shop", "url": "https://shop.example.com/"},
    "LICENSE": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
    "SERVERS": [{"url": "/", "description": "The site that serves this description."}],
    "TAGS": [
        {"name": "tokens", "description": "Register, log in and log out."},
        {"name": "me", "description": "Your own data: profile, e-mail address, export and erasure."},
        {"name": "orders", "description": "Your orders: place, read, pay, change, cancel and return them."},
        {"name": "commands", "description": "The outcome of commands that were accepted for later."},
        {"name": "account", "description": "Your money in the shop."},
        {"name": "events", "description": "What happens to your orders, as a list and as a stream."},
        {"name": "webhooks", "description": "What happens to orders, sent to your own server."},
        {"name": "back office", "description": "For the shop's own programs. For customers it does not exist."},
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,  # the fields of a PATCH are required
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ordersite.api.openapi.describe.describe",
        "ordersite.api.openapi.hooks.add_shared_parts",
        "ordersite.api.openapi.hooks.add_servers",
        "ordersite.api.openapi.links.add_links",
        "ordersite.api.openapi.examples.add_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "orders.statuses.OrderStatus",
        "PaymentStatus": "orders.statuses.PaymentStatus",
        "FulfilmentStatus": "orders.statuses.FulfilmentStatus",
        "ReturnsStatus": "orders.statuses.ReturnsStatus",
        "RefundStatus": "orders.values.RefundStatus",
        "ReturnStatus": "orders.values.ReturnStatus",
        "ReturnReason": "orders.values.ReturnReason",
        "LineKind": "orders.values.LineKind",
        "DiscountKind": "orders.values.DiscountKind",
        "OrderDiscountKind": "orders.values.OrderDiscountKind",
        "MovementKind": "projections.customer.account.MovementKind",
        "EventType": "projections.customer.public_events.PUBLIC_TYPES",
        "WebhookMessageType": "projections.webhooks.planning.MESSAGE_TYPES",
        "ProblemCode": "ordersite.api.problem_codes.PROBLEM_CODES",
        "Action": "orders.actions.ACTIONS",
        "HttpMethod": "orders.http.allowed_requests.METHODS",
        "FromAccount": "orders.accounts.identity.METHODS",
        "By": "ordersite.customers.export.SOURCES",
        "ApprovalStatus": "orders.approvals.state.ApprovalStatus",
        "CommandStatus": "eventstore.models.QueuedCommand.Status",
        "WebhookCircuit": "projections.webhooks.circuit.Circuit",
        "WebhookDeliveryStatus": "projections.webhooks.models.DeliveryStatus",
    },
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

# --- seals of the log -------------------------------------------------------------------------------------------------

# Seconds between seals of the settled log, and between publications of the latest seal, to a file or by mail.
SEAL_SECONDS = env.float("SEAL_SECONDS", default=60.0)
SEAL_PUBLISH_SECONDS = env.float("SEAL_PUBLISH_SECONDS", default=86_400.0)
SEAL_FILE = env.str("SEAL_FILE", default="")
SEAL_MAIL_TO = env.list("SEAL_MAIL_TO", default=[])
SEAL_PUBLIC_KEYS = env.list("SEAL_PUBLIC_KEYS", default=[])  # hex; retired signing keys that are still trusted

# --- read models ------------------------------------------------------------------------------------------------------

# Seconds between drift checks, and the number of aggregates that each check compares with their read models.
DRIFT_SECONDS = env.float("DRIFT_SECONDS", default=300.0)
DRIFT_SAMPLE = env.int("DRIFT_SAMPLE", default=50)
# Seconds between two comparisons of how many events the log holds with how many each read model has taken.
WATCH_SECONDS = env.float("WATCH_SECONDS", default=60.0)
# Whether a read model is rebuilt automatically, beside the live one, when its projection's code has changed.
REBUILD_BY_ITSELF = env.bool("REBUILD_BY_ITSELF", default=True)

# --- Celery -----------------------------------------------------------------------------------------------------------

SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=5.0)
# Catching up a view that is far behind, and rebuilding one, take long. Tasks that wait for servers of others (webhooks,
# mail) take as long as those like. Both wait in queues of their own, so that what people and the clock wait for is not
# behind them. A worker without `-Q` takes all queues.
CATCH_UP_QUEUE, OUTSIDE_QUEUE = "catch_up", "outside"
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {CELERY_TASK_DEFAULT_QUEUE: {}, CATCH_UP_QUEUE: {}, OUTSIDE_QUEUE: {}}
CELERY_TASK_ROUTES = {
    "projections.tasks.project": {"queue": CATCH_UP_QUEUE},
    "projections.tasks.build": {"queue": CATCH_UP_QUEUE},
    "projections.customer.webhooks.tasks.run": {"queue": OUTSIDE_QUEUE},
    "ordersite.mails.send": {"queue": OUTSIDE_QUEUE},
    "eventstore.publishing.publish": {"queue": OUTSIDE_QUEUE},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in (
        ("sweep", "projections.tasks.sweep", SWEEP_SECONDS),
        ("check", "projections.tasks.check_some", DRIFT_SECONDS),
        ("watch", "projections.tasks.watch", WATCH_SECONDS),
        ("react", "eventstore.processes.run", SWEEP_SECONDS),
        ("correlate", "eventstore.causality.correlate", SWEEP_SECONDS),
        ("queue", "eventstore.queue.run", SWEEP_SECONDS),
        ("prune-queue", "eventstore.queue.prune", 3600.0),
        ("webhooks", "projections.customer.webhooks.tasks.run", SWEEP_SECONDS),
        ("prune-webhooks", "projections.customer.webhooks.tasks.prune", 3600.0),
        ("seal", "eventstore.publishing.seal", SEAL_SECONDS),
        ("publish-seal", "eventstore.publishing.publish", SEAL_PUBLISH_SECONDS),
        ("mail", "ordersite.mails.send", SWEEP_SECONDS),
        ("prune-logins", "ordersite.logins.prune", 86_400.0),
    )
}
# A publisher gives up at once if the broker is down: the sweep finds the work that was not announced.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 0}

# --- logging and metrics ----------------------------------------------------------------------------------------------

# Bearer token for /metrics. Without one, only a development site answers.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# `line` for people, `json` (one object per line) for machines. Both contain the request id and the correlation ids.
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
_FIELDS = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.contextvars.merge_contextvars,  # request_id and correlation_id, bound by the RequestId middleware
    structlog.stdlib.ExtraAdder(
        allow=["correlation_id", "correlation_ids", "projection", "shard", "events", "position"]
    ),
]
_META = structlog.stdlib.ProcessorFormatter.remove_processors_meta
_FORMATS = {
    # Plain tracebacks: richer ones show local variables, which may hold personal data and keys.
    "line": [
        _META,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        lambda logger, method, line: printable(line),  # a terminal that shows the log must not obey what strangers sent
    ],
    "json": [_META, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        name: {"()": structlog.stdlib.ProcessorFormatter, "processors": processors, "foreign_pre_chain": _FIELDS}
        for name, processors in _FORMATS.items()
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

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
