"""Register customers, and change or verify their addresses, in the log and in their login together."""

from dataclasses import replace
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.customers.commands import ChangeEmail, RegisterCustomer, VerifyEmail
from orders.customers.rules import CUSTOMER
from orders.customers.state import Customer
from ordersite.customers.lookup import customer_of_the_log
from ordersite.models import User

_NAMES = UUID("2f3b5c1e-9c5d-4f0c-8a83-0c1e5b8f7d24")


class NameTaken(Exception):
    """Somebody logs in by this name, or is reached at this address: `field` says which it is. Ask for another."""

    def __init__(self, field: str) -> None:
        super().__init__(f"this {field} cannot be used here")
        self.field = field


def register(user: User, *, correlation_id: UUID) -> User:
    """Keep a new customer: whom they log in as, not saved yet, and the beginning of a history. Raises NameTaken."""
    user.customer_id = new_id()
    context = Context(actor=f"customer:{user.customer_id}", correlation_id=correlation_id)
    require_free(user)
    try:
        with transaction.atomic():
            user.save()
            _register(user, context)
    except IntegrityError as error:  # somebody was first, a moment ago
        require_free(user)
        raise NameTaken("username") from error
    return user


def require_free(user: User) -> None:
    """Raises NameTaken."""
    others = User.objects.exclude(pk=user.pk)
    if others.filter(username=user.username).exists():
        raise NameTaken("email" if user.username == user.email else "username")
    reached = others.alias(address=Lower("email")).filter(
        address=Lower(Value(user.email))
    )  # as the unique index has it
    if user.email and reached.filter(customer_id__isnull=False).exclude(email="").exists():
        raise NameTaken("email")


def change_email(user: User, email: str, context: Context) -> Answer:
    """Change a customer's address, in the log and where they log in; whoever logs in by their address goes on so.

    Raises CommandRefused, ConcurrencyError, IdempotencyConflict; email_taken is for somebody else's address.
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
        raise CommandRefused("email_taken", "this address cannot be used here") from error


def verify_email(customer_id: UUID, email: str, context: Context) -> Answer:
    """Raises CommandRefused where it is not their address any more."""
    return dispatch(VerifyEmail(customer_id=customer_id, email=email), context)


def require_changeable(user: User, email: str) -> None:
    """Raises CommandRefused where the rules do not let this customer's address become this one."""
    if user.customer_id:
        customer = customer_of_the_log(user.customer_id)
        if not customer.registered:
            customer = Customer(registered=True, email=user.email)
        CUSTOMER.decide(ChangeEmail(customer_id=user.customer_id, email=email, changed_by=""), customer)


def follow_staff(user: User, context: Context) -> None:
    """Tell the log of a customer whom staff are about to save. Raises CommandRefused."""
    if not user.customer_id:
        return
    stored = User.objects.filter(pk=user.pk, customer_id=user.customer_id).first()
    register_if_new(stored or user, context)
    if customer_of_the_log(user.customer_id).email != user.email:
        command = ChangeEmail(customer_id=user.customer_id, email=user.email, changed_by=context.actor)
        dispatch(command, replace(context, command_id=new_id()))


def register_if_new(user: User, context: Context) -> None:
    """Begin the history of a customer whom staff or the demo shop made without one."""
    assert user.customer_id
    if not customer_of_the_log(user.customer_id).registered:
        _register(user, context)


def _register(user: User, context: Context) -> None:
    assert user.customer_id
    command = RegisterCustomer(customer_id=user.customer_id, name=user.get_full_name(), email=user.email)
    own = replace(context, command_id=uuid5(_NAMES, f"register/{user.customer_id}"), expected_version=None)
    dispatch(command, own)
