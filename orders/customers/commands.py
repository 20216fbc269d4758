"""What can be asked of a customer's record."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked


@command("customer.register", incidental=("customer_id",))
class RegisterCustomer:
    customer_id: UUID
    name: str = field(metadata=checked("Their whole name.", max_length=200))
    email: str = field(metadata=checked("Where to reach them.", max_length=254))


@command("customer.change_email", incidental=("changed_by",))
class ChangeEmail:
    """`changed_by` is whoever sends it, as the edge knows them."""

    customer_id: UUID
    email: str = field(metadata=checked("The new address.", max_length=254))
    changed_by: str


@command("customer.verify_email")
class VerifyEmail:
    customer_id: UUID
    email: str = field(metadata=checked("The address that was proven to be theirs.", max_length=254))


@command("customer.erase")
class EraseCustomer:
    """Forget them: their data is unreadable from then on, everywhere and for ever, and they log in no more."""

    customer_id: UUID


CustomerCommand = RegisterCustomer | ChangeEmail | VerifyEmail | EraseCustomer
