"""The commands of a customer."""

from dataclasses import field
from uuid import UUID

from eventstore.messages import command
from orders.commands.fields import checked


@command("customer.register", incidental=("customer_id",))
class RegisterCustomer:
    """Register a customer."""

    customer_id: UUID
    name: str = field(metadata=checked("The customer's full name.", max_length=200))
    email: str = field(metadata=checked("The customer's email address.", max_length=254))


@command("customer.change_email", incidental=("changed_by",))
class ChangeEmail:
    """Change the email address. `changed_by` is the actor who sends the command; the API and the admin fill it in."""

    customer_id: UUID
    email: str = field(metadata=checked("The new email address.", max_length=254))
    changed_by: str


@command("customer.verify_email")
class VerifyEmail:
    """Record that the customer proved to own the email address."""

    customer_id: UUID
    email: str = field(metadata=checked("The verified email address.", max_length=254))


@command("customer.release_email")
class ReleaseEmail:
    """Take an address away that was never verified: somebody else has proved to own it, or the claim lapsed."""

    customer_id: UUID
    email: str = field(metadata=checked("The email address that is taken away.", max_length=254))
    released_by: str


@command("customer.erase")
class EraseCustomer:
    """Erase the customer's personal data for ever. The customer can no longer log in."""

    customer_id: UUID


CustomerCommand = RegisterCustomer | ChangeEmail | VerifyEmail | ReleaseEmail | EraseCustomer
