"""The events of a customer. Name and email are personal data: unreadable for ever after erasure."""

from uuid import UUID

from eventstore.messages import event, personal, public


@event("customer.registered", subject=("customer_id",))
class CustomerRegistered:
    """A customer was registered."""

    customer_id: UUID
    name: str = personal()
    email: str = personal()


@event("customer.email_changed", subject=("customer_id",))
class EmailChanged:
    """The email address was changed. `changed_by` is the actor: the customer, or a member of staff.

    `email` is empty if an unverified address was taken away, because somebody else has proved to own it.
    """

    customer_id: UUID
    previous: str = personal()
    email: str = personal()
    changed_by: str = public()


@event("customer.email_verified", subject=("customer_id",))
class EmailVerified:
    """The customer proved to own this email address."""

    customer_id: UUID
    email: str = personal()


@event("customer.erased")
class CustomerErased:
    """The erasure of the customer was requested. The event `subject.erased` says that it was done."""

    customer_id: UUID


CustomerEvent = CustomerRegistered | EmailChanged | EmailVerified | CustomerErased
