"""The number of statements per page: it does not grow with the data, and equals the number written down here."""

from collections import Counter
from typing import Any

import redis
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from orders.http.access import SERVICE_PERMISSIONS
from ordersite.models import User
from tests.support.pages import pages, paths
from tests.support.plenty import AT_MOST, fill
from tests.support.programs import program
from tests.support.statements import sent

Statements = dict[str, list[str]]
"""The statements that each page sent."""


API: dict[str, int] = {
    "/api/v1/account": 2,
    "/api/v1/account/movements": 2,
    "/api/v1/back-office/approvals": 4,
    "/api/v1/back-office/approvals/{approval_id}": 5,
    "/api/v1/back-office/events": 6,
    "/api/v1/back-office/orders": 5,
    "/api/v1/back-office/orders/{order_id}": 4,
    "/api/v1/back-office/webhook-endpoints": 5,
    "/api/v1/back-office/webhook-endpoints/{endpoint_id}/deliveries": 5,
    "/api/v1/commands/{command_id}": 2,
    "/api/v1/events": 4,
    "/api/v1/me": 2,
    "/api/v1/me/export": 12,
    "/api/v1/orders": 3,
    "/api/v1/orders/{order_id}": 2,
    "/api/v1/orders/{order_id}/payments": 2,
    "/api/v1/orders/{order_id}/refunds": 2,
    "/api/v1/orders/{order_id}/returns": 2,
    "/api/v1/orders/{order_id}/shipments": 2,
    "/api/v1/orders/{order_id}/timeline": 4,
    "/api/v1/webhook-endpoints": 3,
    "/api/v1/webhook-endpoints/{endpoint_id}/deliveries": 3,
}
"""Statements of each GET, with an empty cache."""


# fmt: off
ADMIN: dict[str, dict[str, int]] = {
    "": {
        "app_list": 4, "index": 5, "jsi18n": 2, "order-command": 5,
        "password_change": 4, "password_change_done": 4, "search": 2,
    },
    "admin_logentry": {"change": 7, "changelist": 7, "history": 6},
    "auth_group": {"add": 4, "change": 7, "changelist": 7, "delete": 7, "history": 6},
    "auth_user": {"password_change": 5},
    "eventstore_consumercheckpoint": {"change": 5, "changelist": 7, "history": 6},
    "eventstore_consumerparkedevent": {"change": 5, "changelist": 7, "history": 6},
    "eventstore_event": {"change": 10, "changelist": 7, "history": 6},
    "eventstore_plannedcommand": {"change": 5, "changelist": 7, "history": 6},
    "eventstore_queuedcommand": {"change": 5, "changelist": 7, "history": 6},
    "eventstore_seal": {"change": 5, "changelist": 7, "history": 6},
    "knox_authtoken": {"add": 4, "change": 6, "changelist": 7, "delete": 6, "history": 7},
    "ordersite_loginrecord": {"change": 5, "changelist": 7, "history": 6},
    "ordersite_serviceaccount": {
        "add": 4, "change": 8, "changelist": 8, "delete": 15, "history": 7, "new_token": 8,
    },
    "ordersite_servicetoken": {"change": 6, "changelist": 7, "history": 7},
    "ordersite_user": {
        "add": 4, "change": 9, "changelist": 7, "delete": 14,
        "erase": 6, "history": 6, "reset_factor": 5, "verify_email": 6,
    },
    "ordersite_waitingapproval": {"change": 5, "changelist": 6, "decline": 5, "history": 6},
    "projections_accountingday": {"change": 5, "changelist": 12, "history": 6},
    "projections_accountingentry": {"change": 5, "changelist": 11, "history": 6},
    "projections_accountingorder": {"change": 5, "changelist": 11, "history": 6},
    "projections_accountmoney": {
        "change": 5, "changelist": 9, "deposit": 5,
        "history": 6, "open_account": 4, "withdraw": 5,
    },
    "projections_accountmoneyentry": {"change": 5, "changelist": 11, "history": 6},
    "projections_build": {"change": 5, "changelist": 11, "history": 6},
    "projections_checkpoint": {"change": 5, "changelist": 16, "history": 6},
    "projections_parkedevent": {"change": 5, "changelist": 6, "history": 6},
    "projections_skippedevent": {"change": 5, "changelist": 7, "history": 6},
    "projections_stafforder": {"change": 7, "changelist": 13, "history": 6, "place": 4},
    "projections_webhookdelivery": {"change": 6, "changelist": 7, "history": 6},
    "projections_webhookendpoint": {"change": 5, "changelist": 7, "history": 6},
}
# fmt: on
"""Statements of each page of the admin, by model; pages without a model are under the empty name."""


def test_api_query_counts_do_not_grow_with_the_data(api: APIClient, ada: User) -> None:
    erp, counts = program("erp", *SERVICE_PERMISSIONS), []
    hooks = "/api/v1/back-office/webhook-endpoints"
    own = erp.post(hooks, {"url": "http://127.0.0.1:9/hooks"}, format="json").json()["id"]
    for number in (1, AT_MOST):
        names = fill(api, ada, number)
        of_erp = names | {"endpoint_id": own}
        clients = {path: (erp, of_erp) if "/back-office/" in path else (api, names) for path in paths()}
        counts.append({path: statements(by, path.format(**each)) for path, (by, each) in clients.items()})
    assert all(sent for each in counts for sent in each.values())
    assert_as_written(API, *counts)


def test_admin_query_counts_do_not_grow_with_the_data(api: APIClient, ada: User) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    counts = []
    for number in (1, AT_MOST):
        statements_of = {name: statements(boss, url) for name, url in pages(fill(api, ada, number))}
        counts.append({name: sent for name, sent in statements_of.items() if sent})
    written = {f"{model}_{page}".strip("_"): number for model, each in ADMIN.items() for page, number in each.items()}
    assert_as_written(written, *counts)


def statements(client: Any, url: str) -> list[str]:
    """Return the statements of a page's second request, with an empty cache; none if there is no page."""
    if client.get(url).status_code not in (200, 202):
        return []
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    with sent() as statements_sent:
        client.get(url).getvalue()  # all of a stream
    return statements_sent


def assert_as_written(table: dict[str, int], little: Statements, plenty: Statements) -> None:
    grown = {
        name: dict(Counter(plenty[name]) - Counter(little[name]))
        for name in plenty
        if len(plenty[name]) != len(little[name])
    }
    assert not grown, "these pages send more statements for more data"
    assert {name: len(sent) for name, sent in plenty.items()} == table
