"""The commands of approvals and of personal limits."""

from dataclasses import field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked, money, why

COMMAND_LENGTH = 60_000  # characters of a command as JSON; that of an order with 100 lines has about 20,000


@command("limit.use")
class UseLimit:
    """Count money that a person moves alone. Refused beyond `limit` in 24 hours."""

    limit_id: UUID
    person: str
    amount: Decimal = field(metadata=money("The amount that is moved."))
    currency: str
    limit: Decimal
    used_at: datetime
    what: str
    moved_id: UUID
    own_refund: bool = False


@command("approval.request")
class RequestApproval:
    """Store a person's command until a second person approves it."""

    approval_id: UUID
    command_id: UUID
    command_type: str
    command: str = field(metadata=checked("The command as JSON.", max_length=COMMAND_LENGTH))
    fingerprint: str
    subject_id: UUID
    moved_id: UUID
    moved_type: str
    amount: Decimal = field(metadata=money("The amount that is moved."))
    currency: str
    what: str
    requested_by: str


@command("approval.grant")
class GrantApproval:
    """Approve the command that is being done now, and use up the approval."""

    approval_id: UUID
    approved_by: str
    requested_by: str
    fingerprint: str
    amount: Decimal = field(metadata=money("The amount that is moved."))
    currency: str


@command("approval.decline")
class DeclineApproval:
    """Decline the command. Its requester may also withdraw it."""

    approval_id: UUID
    reason: str = field(metadata=why())
    declined_by: str


LimitCommand = UseLimit
ApprovalCommand = RequestApproval | GrantApproval | DeclineApproval
