"""The page of what waits for a second person: approve or decline it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from eventstore.admin.confirmation import confirmed
from eventstore.admin.pages import ReadOnlyAdmin
from eventstore.dispatch import Answer, Context
from orders.approvals.commands import DeclineApproval
from orders.http.access import SEND_COMMANDS
from orders.http.approvals import approve, decline, waiting
from orders.http.request import correlation_of
from ordersite.admin.forms.form_views import REFUSALS, actor_of, ask, reason_of
from ordersite.models import WaitingApproval

_TITLES = {"order": "admin:projections_stafforder_change", "account": "admin:projections_accountmoney_changelist"}


@admin.register(WaitingApproval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Lists the commands that wait for a second person."""

    list_display = ("asked_at", "what", "amount", "moved", "requested_by")
    list_display_links = None  # a row has no page of its own
    ordering = ("position",)
    indexed = ("position",)
    actions = ("approve",)
    actions_row = ("decline",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person may send commands: the others have nothing to decide here."""
        return bool(request.user.has_perm(SEND_COMMANDS))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may see the page."""
        return self.has_view_permission(request)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may approve and decline."""
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingApproval]:
        """Return the requests that wait."""
        ids = waiting().values("position")
        requests: QuerySet[WaitingApproval] = super().get_queryset(request)
        return requests.filter(position__in=ids)

    @display(description="Asked at", ordering="position")
    def asked_at(self, row: WaitingApproval) -> Any:
        """Return the moment of the request."""
        return row.timestamp

    @display(description="What")
    def what(self, row: WaitingApproval) -> str:
        """Return the kind of movement and the name of the command."""
        return f"{row.event_data['what']} ({row.event_data['command_type']})"

    @display(description="Amount")
    def amount(self, row: WaitingApproval) -> str:
        """Return the amount with its currency."""
        return f"{row.event_data['amount']} {row.event_data['currency']}"

    @display(description="Of")
    def moved(self, row: WaitingApproval) -> str:
        """Return a link to the order or the account."""
        kind, moved_id = row.event_data["moved_type"], row.event_data["moved_id"]
        url = reverse(_TITLES[kind], args=[moved_id]) if kind == "order" else f"{reverse(_TITLES[kind])}?q={moved_id}"
        return format_html('<a class="linked" href="{}">{} …{}</a>', url, kind, moved_id[-8:])

    @display(description="Asked for by")
    def requested_by(self, row: WaitingApproval) -> str:
        """Return the person who asked for it."""
        return str(row.event_data["requested_by"])

    @action(description="Approve", permissions=["decide"])
    @confirmed("Each command is done now, in the name of the person who asked for it. The log has your name too.")
    def approve(self, request: HttpRequest, queryset: QuerySet[WaitingApproval]) -> None:
        """Approve the chosen requests, each by itself."""
        for row in queryset:
            try:
                approve(row.aggregate_id, by=actor_of(request), correlation_id=correlation_of(request))
            except REFUSALS as refusal:
                messages.error(request, f"{row}: {reason_of(refusal)}")
            else:
                messages.success(request, f"{row}: approved and done")

    @action(description="Decline", url_path="decline", permissions=["decide"], icon="block")
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason; on POST, decline the request."""
        row: Any = self.get_object(request, object_id)
        back = reverse("admin:ordersite_waitingapproval_changelist")
        if row is None:
            messages.info(request, "This does not wait any more.")
            return HttpResponseRedirect(back)
        fixed = {"approval_id": row.aggregate_id, "declined_by": actor_of(request)}
        page = {
            **self.admin_site.each_context(request),
            "title": "Decline",
            "opts": self.opts,
            "about": [("What", row)],
        }
        return ask(
            request, page, DeclineApproval, *fixed, complete=lambda fields: fields | fixed, back=back, send=_decline
        )


def _decline(command: DeclineApproval, context: Context) -> Answer:
    approval_id: UUID = command.approval_id
    return decline(approval_id, by=command.declined_by, reason=command.reason, correlation_id=context.correlation_id)
