"""The events of approvals and of personal limits."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public


@event("limit.used")
class LimitUsed:
    """A person moved money alone. `what` is the kind of movement, `moved_id` the order or the account."""

    limit_id: UUID
    person: str = public()
    amount: Decimal
    currency: str = public()
    used_at: datetime
    what: str = public()
    moved_id: UUID


@event("approval.requested", subject=("subject_id",))
class ApprovalRequested:
    """A person's command waits for a second person.

    `command` is the command as JSON; it may contain personal data of the customer. It will be done under `command_id`.
    `amount` is what it moved when it was requested.
    """

    approval_id: UUID
    command_id: UUID
    command_type: str = public()
    command: str = personal()
    fingerprint: str = public()
    subject_id: UUID
    moved_id: UUID
    moved_type: str = public()
    amount: Decimal
    currency: str = public()
    what: str = public()
    requested_by: str = public()


@event("approval.granted")
class ApprovalGranted:
    """A second person approved the command, and it was done in the same transaction."""

    approval_id: UUID
    requested_by: str = public()
    approved_by: str = public()
    amount: Decimal
    currency: str = public()


@event("approval.declined", subject=OF_AGGREGATE)
class ApprovalDeclined:
    """A second person declined the command, or its requester withdrew it."""

    approval_id: UUID
    declined_by: str = public()
    reason: str = personal()


LimitEvent = LimitUsed
ApprovalEvent = ApprovalRequested | ApprovalGranted | ApprovalDeclined
