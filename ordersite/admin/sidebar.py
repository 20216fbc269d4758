"""The admin's sidebar, and the warning at the head of each page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

from eventstore.models import LogFinding
from orders.http.access import SEND_COMMANDS
from projections.admin.lookback import lookback_label, looked_back_at
from projections.engine.checkpoints import DriftFlag

_GROUPS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Shop",
        (
            ("Orders", "receipt_long", "projections", "stafforder"),
            ("Approvals", "how_to_reg", "ordersite", "waitingapproval"),
        ),
    ),
    (
        "Accounting",
        (
            ("Days", "calendar_month", "projections", "accountingday"),
            ("Orders' money", "balance", "projections", "accountingorder"),
            ("Entries", "list_alt", "projections", "accountingentry"),
            ("Customer accounts", "account_balance_wallet", "projections", "accountmoney"),
            ("Account movements", "swap_vert", "projections", "accountmoneyentry"),
        ),
    ),
    (
        "System",
        (
            ("Event log", "history", "eventstore", "event"),
            ("Seals", "verified", "eventstore", "seal"),
            ("Queued commands", "pending_actions", "eventstore", "queuedcommand"),
            ("Planned commands", "schedule", "eventstore", "plannedcommand"),
            ("Consumers", "rss_feed", "eventstore", "consumercheckpoint"),
            ("Parked by consumers", "report", "eventstore", "consumerparkedevent"),
            ("Webhook endpoints", "webhook", "projections", "webhookendpoint"),
            ("Webhook deliveries", "outbox", "projections", "webhookdelivery"),
            ("Projections", "sync", "projections", "checkpoint"),
            ("Rebuilds and comparisons", "autorenew", "projections", "build"),
            ("Parked events", "report", "projections", "parkedevent"),
            ("Events left out", "block", "projections", "skippedevent"),
            ("Admin log", "manage_history", "admin", "logentry"),
        ),
    ),
    (
        "People",
        (
            ("Accounts", "person", "ordersite", "user"),
            ("Groups", "group", "auth", "group"),
            ("Service accounts", "smart_toy", "ordersite", "serviceaccount"),
            ("Service tokens", "key", "ordersite", "servicetoken"),
            ("Log-ins and access", "policy", "ordersite", "loginrecord"),
        ),
    ),
)

_SHOWN_TO = {"waitingapproval": SEND_COMMANDS}
"""The permissions of pages that are for those who may do something there."""


def warning(request: HttpRequest) -> list[str] | None:
    """Return the text and colour of the warning for a page of the past, or about the log and the read models."""
    past = looked_back_at(request)
    if past:
        return [lookback_label(past), "warning"]
    if request.user.has_perm("projections.operate"):
        if LogFinding.objects.exists():
            return ["The log needs attention: see Projections", "danger"]
        if DriftFlag.objects.exists():
            return ["A read model differs from the log: see Projections", "danger"]
    return None


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links that the user has permission to see."""
    groups = [
        {
            "title": title,
            "items": [
                {"title": name, "icon": icon, "link": reverse_lazy(f"admin:{app}_{model}_changelist")}
                for name, icon, app, model in items
                if request.user.has_perm(_SHOWN_TO.get(model, f"{app}.view_{model}"))
            ],
        }
        for title, items in _GROUPS
    ]
    return [group for group in groups if group["items"]]
