"""What holds everywhere. Everything that differs between a laptop and a shop comes from the environment."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import environ
import structlog
from django.templatetags.static import static

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parents[2]

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
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "eventstore",
    "orders",
    "projections",
    "ordersite",
]

MIDDLEWARE = [
    "ordersite.middleware.request_id.RequestId",  # first: whatever answers, its answer is named
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ordersite.middleware.language.Language",
    "ordersite.middleware.rate_limits.RateLimits",
    "ordersite.middleware.request_limits.RequestSizes",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ordersite.middleware.cached_orders.CachedOrders",  # after those that write headers
    "ordersite.middleware.replicas.ReplicaReads",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "projections.admin.lookback.LookbackMiddleware",
]

ROOT_URLCONF = "ordersite.urls"
WSGI_APPLICATION = "ordersite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASE_ROUTERS = ["projections.reading.replicas.ReadModelRouter"]
# How long (seconds) a browser that changed something reads from the primary: longer than replicas ever lag.
REPLICA_LAG_SECONDS = env.int("REPLICA_LAG_SECONDS", default=10)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "ordersite.User"
AUTHENTICATION_BACKENDS = ["ordersite.api.authentication.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
] + [{"NAME": "ordersite.admin.login.RevokesTokens"}]

LOGIN_REDIRECT_URL = "admin:index"  # for whoever opens the page of the log-in by itself

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("ru", "Russian")]  # that the API speaks; docs/languages.md says how
TIME_ZONE = env.str("SHOP_TIME_ZONE", default="Europe/London")  # the shop's: its days are the accountants' days
USE_TZ = True
FORMAT_MODULE_PATH = "ordersite.formats"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]  # read by the admin's date filters; the same as in ordersite.formats
STATIC_URL = "static/"

# A client waits at most this long (seconds) for a view to show the version it asked for, then is told to come back.
READ_WAIT_SECONDS = env.float("READ_WAIT_SECONDS", default=2.0)
# Whether accounts of the demo shop may exist and log in.
DEMO_ACCOUNTS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["ordersite.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "ordersite.api.openapi.hooks.Schema",
    "EXCEPTION_HANDLER": "ordersite.api.problems.problem_response",
    # How many proxies in front of the site may be believed about a client's address.
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "DEFAULT_METADATA_CLASS": "ordersite.api.metadata.Methods",
}
# How often one person and one address may ask the API, and how often one address may try to log in, or everybody
# together with the name of one account.
API_RATE_USER = env.str("API_RATE_USER", default="600/min")
API_RATE_ADDRESS = env.str("API_RATE_ADDRESS", default="1200/min")
LOGIN_RATE = env.str("LOGIN_RATE", default="20/min")
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=30),
    "AUTH_HEADER_PREFIX": "Token",
    "USER_SERIALIZER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ordersite",
    "DESCRIPTION": "Place, follow, pay and cancel your orders.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,  # a PATCH of this API says all that it changes
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ordersite.api.openapi.hooks.add_what_holds_everywhere",
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
        "MovementKind": "projections.customer.account.MovementKind",
        "CommandStatus": "eventstore.models.QueuedCommand.Status",
        "WebhookDeliveryStatus": "projections.webhooks.models.DeliveryStatus",
    },
}

SWEEP_SECONDS = env.float("SWEEP_SECONDS", default=5.0)
# How often (seconds) what is settled in the log is sealed, and the latest seal given away: to a file, by mail.
SEAL_SECONDS = env.float("SEAL_SECONDS", default=60.0)
SEAL_PUBLISH_SECONDS = env.float("SEAL_PUBLISH_SECONDS", default=86_400.0)
SEAL_FILE = env.str("SEAL_FILE", default="")
SEAL_MAIL_TO = env.list("SEAL_MAIL_TO", default=[])
SEAL_PUBLIC_KEYS = env.list("SEAL_PUBLIC_KEYS", default=[])  # in hex, of keys that sign no more and are still trusted

# How often (seconds) how many aggregates are refolded and compared with what is shown.
DRIFT_SECONDS = env.float("DRIFT_SECONDS", default=300.0)
DRIFT_SAMPLE = env.int("DRIFT_SAMPLE", default=50)
# Whether a view whose code is newer than what built it is rebuilt, beside the live one, without being asked.
REBUILD_BY_ITSELF = env.bool("REBUILD_BY_ITSELF", default=True)
# Whoever asks for /metrics has to send it as a bearer token; empty: only a development site answers.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# In how many hash partitions a new site's log begins; 0: one plain table. A live one: manage.py partition_log.
EVENTS_PARTITIONS = env.int("EVENTS_PARTITIONS", default=0)

# Commands that may wait to be done later; more are refused. Days for which an outcome can be read.
COMMAND_QUEUE_LIMIT = env.int("COMMAND_QUEUE_LIMIT", default=10_000)
COMMAND_RESULTS_DAYS = env.int("COMMAND_RESULTS_DAYS", default=7)

# For how many days a mail proves whose an address is, and where its reader is sent: `…?token={token}`; empty: the mail
# holds the token alone.
EMAIL_TOKEN_DAYS = env.int("EMAIL_TOKEN_DAYS", default=3)
EMAIL_VERIFY_URL = env.str("EMAIL_VERIFY_URL", default="")

# An order that is not paid within so many days is cancelled; 0: never.
UNPAID_ORDER_DAYS = env.int("UNPAID_ORDER_DAYS", default=14)

# Whether everything that is due has to be paid before anything is sent.
PAID_BEFORE_SHIPPED = env.bool("PAID_BEFORE_SHIPPED", default=True)
# Up to which amount one person may both request and approve refunds of an order, by currency (GBP=100,EUR=120); a
# currency that is not named has no such amount. Empty: one person always may.
REFUND_APPROVAL_LIMITS = {
    currency: Decimal(amount) for currency, amount in env.dict("REFUND_APPROVAL_LIMITS", default={}).items()
}
# Whether a change of an order has to name, with If-Match, the version that its sender has seen.
REQUIRE_IF_MATCH = env.bool("REQUIRE_IF_MATCH", default=True)

# For how many days a customer's feed of events goes back; 0: to the beginning.
PUBLIC_EVENTS_DAYS = env.int("PUBLIC_EVENTS_DAYS", default=0)
# Streams of events that a web process holds open at once, and a customer on all of them; each holds a thread, so a
# process needs more threads than this. How long (seconds) one lasts, and is silent at most.
EVENT_STREAMS = env.int("EVENT_STREAMS", default=8)
EVENT_STREAMS_EACH = env.int("EVENT_STREAMS_EACH", default=2)
EVENT_STREAM_SECONDS = env.float("EVENT_STREAM_SECONDS", default=60.0)
EVENT_STREAM_SILENT_SECONDS = env.float("EVENT_STREAM_SILENT_SECONDS", default=15.0)

# Endpoints that a customer may have. After how many seconds a delivery that failed is tried again, each time.
WEBHOOK_ENDPOINTS = env.int("WEBHOOK_ENDPOINTS", default=10)
WEBHOOK_RETRY_SECONDS = env.list(
    "WEBHOOK_RETRY_SECONDS", cast=float, default=[5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
)
# How long (seconds) an endpoint may take to answer, and days for which what was sent can be looked up.
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)
WEBHOOK_DELIVERIES_DAYS = env.int("WEBHOOK_DELIVERIES_DAYS", default=30)
# Whether an endpoint may be without TLS, or in this network: on a laptop only.
WEBHOOK_PLAIN_HTTP = WEBHOOK_PRIVATE_ADDRESSES = False

CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in (
        ("sweep", "projections.tasks.sweep", SWEEP_SECONDS),
        ("check", "projections.tasks.check_some", DRIFT_SECONDS),
        ("react", "eventstore.processes.run", SWEEP_SECONDS),
        ("correlate", "eventstore.causality.correlate", SWEEP_SECONDS),
        ("queue", "eventstore.queue.run", SWEEP_SECONDS),
        ("prune-queue", "eventstore.queue.prune", 3600.0),
        ("webhooks", "projections.customer.webhooks.tasks.run", SWEEP_SECONDS),
        ("prune-webhooks", "projections.customer.webhooks.tasks.prune", 3600.0),
        ("seal", "eventstore.publishing.seal", SEAL_SECONDS),
        ("publish-seal", "eventstore.publishing.publish", SEAL_PUBLISH_SECONDS),
        ("mail", "ordersite.mails.send", SWEEP_SECONDS),
    )
}
# A publisher gives up at once where the broker is down: the sweep finds what was not announced.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 5, "max_retries": 0}

# `line` to be read by people, `json` by machines: one object a line. Both name the request, and what it led to.
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
_SAID = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.stdlib.ExtraAdder(
        allow=["request_id", "correlation_id", "correlation_ids", "projection", "shard", "events", "position"]
    ),
]
_META = structlog.stdlib.ProcessorFormatter.remove_processors_meta
_FORMATS = {
    # Plain tracebacks: the richer ones show local variables, and with them people's data and keys.
    "line": [_META, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)],
    "json": [_META, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "ordersite.middleware.request_id.RequestIdFilter"}},
    "formatters": {
        name: {"()": structlog.stdlib.ProcessorFormatter, "processors": shown, "foreign_pre_chain": _SAID}
        for name, shown in _FORMATS.items()
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

UNFOLD = {
    "SITE_TITLE": "ordersite",
    "SITE_HEADER": "ordersite",
    "SITE_SYMBOL": "receipt_long",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "ordersite.admin.sidebar.warning",
    "LOGIN": {"form": "ordersite.admin.login.LoginForm"},
    "SIDEBAR": {"navigation": "ordersite.admin.sidebar.navigation"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("ordersite/icon.svg")}],
    "STYLES": [lambda request: static("ordersite/admin.css")],
}
