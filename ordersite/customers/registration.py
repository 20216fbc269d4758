"""Register customers, and change or verify their e-mail addresses.

The log and the login change in one transaction. Addresses change only here, so that the log says who changed them.
"""

from dataclasses import replace
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower

from eventstore import store
from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.customers.commands import ChangeEmail, RegisterCustomer, VerifyEmail
from orders.customers.rules import CUSTOMER
from orders.customers.state import Customer
from ordersite.customers.lookup import current_customer
from ordersite.models import User

_NAMES = UUID("2f3b5c1e-9c5d-4f0c-8a83-0c1e5b8f7d24")


class NameTaken(Exception):
    """The username or e-mail address belongs to another account; `field` says which of the two. Ask for another."""

    def __init__(self, field: str) -> None:
        super().__init__(f"this {field} cannot be used")
        self.field = field


def register(user: User, *, correlation_id: UUID) -> User:
    """Save a new customer's login, and register the customer in the log. Raises NameTaken."""
    user.customer_id = new_id()
    context = Context(actor=f"customer:{user.customer_id}", correlation_id=correlation_id)
    require_free(user)
    try:
        with transaction.atomic():
            user.save()
            _register(user, context)
    except IntegrityError as error:  # another registration was faster
        require_free(user)
        raise NameTaken("username") from error
    return user


def require_free(user: User) -> None:
    """Check that the username and the e-mail address are free. Raises NameTaken."""
    others = User.objects.exclude(pk=user.pk)
    if others.filter(username=user.username).exists():
        raise NameTaken("email" if user.username == user.email else "username")
    # Written like the unique constraint, so that its index is used.
    same_address = others.alias(address=Lower("email")).filter(address=Lower(Value(user.email)))
    if user.email and same_address.filter(customer_id__isnull=False).exclude(email="").exists():
        raise NameTaken("email")


def change_email(user: User, email: str, context: Context) -> Answer:
    """Change a customer's e-mail address in the log and in the login. A username that is the old address changes too.

    Raises CommandRefused (email_taken if another customer has the address), ConcurrencyError, IdempotencyConflict.
    """
    try:
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=user.pk)
            assert user.customer_id
            register_if_new(user, context)
            command = ChangeEmail(customer_id=user.customer_id, email=email, changed_by=context.actor)
            answer = dispatch(command, context)
            if not answer.replayed:
                if user.username == user.email:
                    user.username = email[:150]
                user.email = email
                require_free(user)
                user.save(update_fields=["email", "username"])
            return answer
    except (NameTaken, IntegrityError) as error:
        raise CommandRefused("email_taken", "this address cannot be used") from error


def verify_email(customer_id: UUID, email: str, context: Context) -> Answer:
    """Mark an address as verified. Raises CommandRefused if it is no longer the customer's address."""
    return dispatch(VerifyEmail(customer_id=customer_id, email=email), context)


def require_changeable(user: User, email: str) -> None:
    """Check that the rules allow this new address. Raises CommandRefused."""
    if user.customer_id:
        customer = current_customer(user.customer_id)
        if not customer.registered:
            customer = Customer(registered=True, email=user.email)
        CUSTOMER.decide(ChangeEmail(customer_id=user.customer_id, email=email, changed_by=""), customer)


def record_staff_change(user: User, context: Context) -> None:
    """Record in the log the customer that staff are about to save. Raises CommandRefused."""
    if not user.customer_id:
        return
    stored = User.objects.filter(pk=user.pk, customer_id=user.customer_id).first()
    register_if_new(stored or user, context)
    if current_customer(user.customer_id).email != user.email:
        command = ChangeEmail(customer_id=user.customer_id, email=user.email, changed_by=context.actor)
        dispatch(command, replace(context, command_id=new_id()))


def register_if_new(user: User, context: Context) -> Context:
    """Register a customer in the log whose login staff or the demo shop created without it.

    Return the context for the next command: if it expected that there is nothing yet, it expects the registration.
    """
    assert user.customer_id
    if current_customer(user.customer_id).registered:
        return context
    _register(user, context)
    return replace(context, expected_version=1) if context.expected_version == 0 else context


def version_of(user: User) -> int:
    """Return the version of the customer in the log; 0 for a login whose customer is not registered there."""
    assert user.customer_id
    facts = store.read_stream(user.customer_id, tolerant=True)
    return facts[-1].version if facts else 0


def _register(user: User, context: Context) -> None:
    assert user.customer_id
    command = RegisterCustomer(customer_id=user.customer_id, name=user.get_full_name(), email=user.email)
    command_id = uuid5(_NAMES, f"register/{user.customer_id}")  # always the same: a customer is registered once
    dispatch(command, replace(context, command_id=command_id, expected_version=None))
