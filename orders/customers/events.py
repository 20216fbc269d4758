"""The facts of a customer. Who they are is personal data: gone for good once they are erased."""

from uuid import UUID

from eventstore.messages import event, personal


@event("customer.registered", subject=("customer_id",))
class CustomerRegistered:
    customer_id: UUID
    name: str = personal()
    email: str = personal()


@event("customer.email_changed", subject=("customer_id",))
class EmailChanged:
    """`changed_by` says who changed it, as the log names actors: the customer, or somebody of the staff."""

    customer_id: UUID
    previous: str = personal()
    email: str = personal()
    changed_by: str


@event("customer.email_verified", subject=("customer_id",))
class EmailVerified:
    """Whoever reads mail at this address said that it is theirs."""

    customer_id: UUID
    email: str = personal()


@event("customer.erased")
class CustomerErased:
    """The shop was asked to forget them. `subject.erased` says that it did."""

    customer_id: UUID


CustomerEvent = CustomerRegistered | EmailChanged | EmailVerified | CustomerErased
