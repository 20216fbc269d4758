"""Settings of the API: its rates and waits, the command queue, and its description."""

from datetime import timedelta

from ordersite.settings.environment import env

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
