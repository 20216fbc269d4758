"""The back-office API of approvals: what waits for a second person, and that person's decision."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.errors import AggregateNotFound
from eventstore.models import Event
from orders.approvals.state import ApprovalStatus
from orders.http.access import READ_ORDERS, SEND_COMMANDS, operator_of
from orders.http.approvals import WaitsForApproval, approval_status, approve, decline, waiting
from orders.http.back_office_view import BackOfficeView
from orders.http.bodies import StrictSerializer
from orders.http.request import correlation_of, query_of

STATUSES = [(each.value, each.name) for each in ApprovalStatus]
MOST = 500  # requests in a list; more persons are needed before that


class WaitsSerializer(serializers.Serializer[Any]):
    """A command that another person must approve: it moves more than its sender may move alone. Nothing is done yet."""

    approval_id = serializers.UUIDField(help_text="The number of the request for approval.")
    status = serializers.ChoiceField(choices=STATUSES, help_text="Whether it still waits, and what became of it.")
    detail = serializers.CharField(help_text="Why a second person must approve it.")


class ApprovalSerializer(serializers.Serializer[Any]):
    """A command that waits for a second person, or waited."""

    approval_id = serializers.UUIDField(help_text="The number of the request for approval.")
    status = serializers.ChoiceField(choices=STATUSES, help_text="Whether it still waits, and what became of it.")
    action = serializers.CharField(help_text="The command, such as `order.write_off`.")
    moved_type = serializers.CharField(help_text="What the command changes: `order` or `account`.")
    moved_id = serializers.UUIDField(help_text="The id of the order or the account.")
    amount = serializers.CharField(help_text="The amount that the command moves.")
    currency = serializers.CharField(help_text="ISO 4217 code, such as GBP.")
    requested_by = serializers.CharField(help_text="Who asked for it, and may not approve it.")
    requested_at = serializers.DateTimeField()


class Declining(StrictSerializer):
    """Why a request is declined."""

    reason = serializers.CharField(max_length=300, help_text="A reason that will still make sense in a year.")


class ApprovedSerializer(serializers.Serializer[Any]):
    """The result of an approved command: the order or the account, and its version."""

    moved_id = serializers.UUIDField(source="aggregate_id", help_text="The id of the order or the account.")
    version = serializers.IntegerField(help_text="Its version after the command.")


def waiting_answer(waits: WaitsForApproval) -> Response:
    """Return the response 202 for a command that was stored: `Location` says where to read what became of it."""
    body = {"approval_id": waits.approval_id, "status": ApprovalStatus.WAITING, "detail": waits.why.message}
    address = reverse("back-office-approval", args=[waits.approval_id])
    return Response(WaitsSerializer(body).data, status=status.HTTP_202_ACCEPTED, headers={"Location": address})


class ApprovalView(BackOfficeView):
    """A view of approvals. Who may read orders sees them, and who may send commands decides them."""

    needs = {"GET": (READ_ORDERS,), "POST": (SEND_COMMANDS,)}


class Approvals(ApprovalView):
    """`/back-office/approvals`."""

    @extend_schema(
        operation_id="back_office_approval_list", tags=["back office"], responses={200: ApprovalSerializer(many=True)}
    )
    def get(self, request: Request) -> Response:
        """List what waits for a second person, oldest first."""
        query_of(request)
        return Response([_shown(row) for row in waiting().values(*_SHOWN)[:MOST]])


class GetApproval(ApprovalView):
    """`/back-office/approvals/{approval_id}`."""

    @extend_schema(operation_id="back_office_approval", tags=["back office"], responses={200: ApprovalSerializer})
    def get(self, request: Request, approval_id: UUID) -> Response:
        """Get a request for approval, and whether it is still waiting."""
        query_of(request)
        requests = Event.objects.filter(aggregate_id=approval_id, aggregate_type="approval", version=1)
        row = requests.values(*_SHOWN).first()
        if row is None:
            raise AggregateNotFound("approval_not_found", "nothing waits for approval under this id")
        return Response(_shown(row, approval_status(approval_id)))


class Approve(ApprovalView):
    """`/back-office/approvals/{approval_id}/approve`."""

    @extend_schema(
        operation_id="back_office_approval_approve",
        tags=["back office"],
        request=None,
        responses={200: ApprovedSerializer},
    )
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Approve the command of another person: it is done now, in the name of that person. May be repeated."""
        answer = approve(approval_id, by=operator_of(request), correlation_id=correlation_of(request))
        return Response(ApprovedSerializer(answer).data)


class Decline(ApprovalView):
    """`/back-office/approvals/{approval_id}/decline`."""

    @extend_schema(
        operation_id="back_office_approval_decline", tags=["back office"], request=Declining, responses={204: None}
    )
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Decline the command of another person, or withdraw your own."""
        body = Declining(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]
        decline(approval_id, by=operator_of(request), reason=reason, correlation_id=correlation_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


_DATA = ("command_type", "moved_type", "moved_id", "amount", "currency", "requested_by")
# Not the command itself: it may be as large as a request.
_SHOWN = ("aggregate_id", "timestamp", *(f"event_data__{name}" for name in _DATA))


def _shown(row: dict[str, Any], is_now: ApprovalStatus = ApprovalStatus.WAITING) -> dict[str, Any]:
    values = {name: row[f"event_data__{name}"] for name in _DATA}
    named = {"approval_id": row["aggregate_id"], "requested_at": row["timestamp"], "action": values["command_type"]}
    return dict(ApprovalSerializer(values | named | {"status": is_now}).data)
