"""Send what a person moves by hand: at once within the person's limit, beyond it when a second person has approved."""

from dataclasses import replace
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from eventstore import codec
from eventstore.decider import decider_of
from eventstore.dispatch import Answer, Context, current_state, dispatch
from eventstore.errors import CommandRefused, UndeclaredMessage
from eventstore.ids import new_id
from eventstore.messages import COMMANDS, EVENT_TYPES
from eventstore.models import Event
from eventstore.personal_data.encryption import ERASED
from orders.approvals.commands import DeclineApproval, RequestApproval
from orders.approvals.events import ApprovalRequested
from orders.approvals.identity import APPROVAL as APPROVAL_KEY
from orders.approvals.identity import APPROVED_BY, approval_of
from orders.approvals.movements import movement_of
from orders.approvals.rules import APPROVAL, require_grantable
from orders.approvals.state import ApprovalStatus


class WaitsForApproval(Exception):
    """The command is over the person's limit, and was stored. It will be done when a second person approves it."""

    def __init__(self, approval_id: UUID, moved_id: UUID, why: CommandRefused) -> None:
        super().__init__(f"stored as approval {approval_id}: {why.message}")
        self.approval_id, self.moved_id, self.why = approval_id, moved_id, why


def send(command: object, context: Context) -> Answer:
    """Do a person's command; beyond the person's limit, store it until a second person approves it.

    Raises WaitsForApproval when it was stored, and what `dispatch` raises.
    """
    try:
        return dispatch(command, context)
    except CommandRefused as refusal:
        if refusal.code != "approval_needed":
            raise
        raise _request(command, context, refusal) from refusal


def _request(command: object, context: Context, refusal: CommandRefused) -> WaitsForApproval:
    decider = decider_of(command)
    moved_id = decider.identify(command)
    state = current_state(decider, moved_id)
    moved = movement_of(decider.decide(command, state), state)
    if moved is None:  # another command came in between, and nothing is left to move
        raise refusal
    request = RequestApproval(
        approval_id=approval_of(context.command_id),
        command_id=context.command_id,
        command_type=codec.command_type_of(command).name,
        command=codec.encode(command),
        fingerprint=codec.fingerprint(command).hex(),
        subject_id=getattr(state, "customer_id", None) or getattr(command, "customer_id", None) or moved_id,
        moved_id=moved_id,
        moved_type=decider.aggregate_type,
        amount=moved.amount,
        currency=moved.currency,
        what=moved.what,
        requested_by=context.actor,
    )
    dispatch(request, replace(context, command_id=new_id(), expected_version=None, guard=None))
    return WaitsForApproval(request.approval_id, moved_id, refusal)


def approve(approval_id: UUID, *, by: str, correlation_id: UUID) -> Answer:
    """Do the stored command in the name of who asked for it, approved by the person `by`. The log has both names.

    It is decided on the state of now: it may be refused, and then it still waits. Raises what `dispatch` raises.
    """
    approval = current_state(APPROVAL, approval_id)
    require_grantable(approval, by)
    assert approval.command_id
    if approval.command == ERASED:
        raise CommandRefused("approval_is_otherwise", "the customer of this was erased since: decline it")
    context = Context(
        actor=approval.requested_by,
        command_id=approval.command_id,
        correlation_id=correlation_id,
        extra={APPROVAL_KEY: str(approval_id), APPROVED_BY: by},
    )
    return dispatch(_command_of(approval.command_type, approval.command), context)


def decline(approval_id: UUID, *, by: str, reason: str, correlation_id: UUID) -> Answer:
    """Decline the stored command, or withdraw one's own. Raises CommandRefused, AggregateNotFound."""
    command = DeclineApproval(approval_id=approval_id, reason=reason, declined_by=by)
    return dispatch(command, Context(actor=by, correlation_id=correlation_id))


def approval_status(approval_id: UUID) -> ApprovalStatus:
    """Return where an approval is."""
    return current_state(APPROVAL, approval_id).status


def waiting() -> QuerySet[Event]:
    """Return the requests that wait for a second person, oldest first: they are the only events of their approvals."""
    decided = Event.objects.filter(aggregate_id=OuterRef("aggregate_id"), version__gt=1)
    requests = Event.objects.filter(event_type=EVENT_TYPES[ApprovalRequested].name)
    return requests.filter(~Exists(decided)).order_by("position")


def _command_of(command_type: str, body: str) -> object:
    declared = COMMANDS.get(command_type)
    if declared is None:
        raise UndeclaredMessage(f"no code declares the command {command_type!r}: deploy the code that does")
    return msgspec.json.decode(body, type=declared.cls)
