"""Register customers, and change or verify their e-mail addresses.

The log and the login change in one transaction. Addresses change only here, so that the log says who changed them.
"""

from dataclasses import replace
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from eventstore import store
from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.customers.commands import ChangeEmail, RegisterCustomer, ReleaseEmail, VerifyEmail
from orders.customers.rules import CUSTOMER
from orders.customers.state import Customer
from ordersite.customers.lookup import current_customer
from ordersite.models import User
from ordersite.names import claim, is_reserved, plain_name

_NAMES = UUID("2f3b5c1e-9c5d-4f0c-8a83-0c1e5b8f7d24")

CLAIMED_PREFIX = "customer-"
"""How the name of a login starts whose own name, the address, is held by an unverified claim of somebody else."""
MOST_CLAIMS = 5  # accounts whose password is compared when an address logs in


class NameTaken(Exception):
    """The username or e-mail address belongs to another account; `field` says which of the two. Ask for another."""

    def __init__(self, field: str) -> None:
        super().__init__(f"this {field} cannot be used")
        self.field = field


def register(user: User, *, correlation_id: UUID, password: str = "") -> User:
    """Save a new customer's login, and register the customer in the log. Raises NameTaken.

    An address that others only claim is no obstacle: it belongs to who verifies it first. With the `password` of such
    an account this is a repeated registration, and refused.
    """
    user.username = User.normalize_username(user.username)
    user.customer_id = new_id()
    context = Context(actor=f"customer:{user.customer_id}", correlation_id=correlation_id)
    if any(password and each.check_password(password) for each in _claiming(user.email)):
        raise NameTaken("email")
    _avoid_claimed_name(user)
    require_free(user)
    try:
        with transaction.atomic():
            claim(user.username, user.email)
            require_free(user)
            user.save()
            _register(user, context)
    except IntegrityError as error:  # a login was made without this module, at the same moment
        require_free(user)
        raise NameTaken("username") from error
    return user


def require_free(user: User) -> None:
    """Check that the username and the e-mail address are free, and that the name may be used. Raises NameTaken.

    Nobody takes the e-mail address of another person as a name, and thereby the name that this person would have.
    """
    others = User.objects.exclude(pk=user.pk)
    is_foreign_address = "@" in user.username and plain_name(user.username) != plain_name(user.email)
    if is_reserved(user.username) or is_foreign_address:
        raise NameTaken("username")
    if others.filter(username__iexact=user.username).exists():
        raise NameTaken("email" if user.username == user.email else "username")
    if is_held_by_another(user, user.email):
        raise NameTaken("email")


def is_held_by_another(user: User, email: str) -> bool:
    """Return whether another customer has verified this address."""
    return bool(email) and _with_address(email).exclude(pk=user.pk).filter(email_verified=True).exists()


def _with_address(email: str) -> QuerySet[User]:
    """Return the customers who name this address. Written like the index over it, so that it is used."""
    named = User.objects.alias(address=Lower("email")).filter(address=Lower(Value(email)))
    return named.filter(customer_id__isnull=False).exclude(email="")


def _claiming(email: str) -> QuerySet[User]:
    """Return some customers who name this address and have not verified it, the latest first."""
    return _with_address(email).filter(email_verified=False).order_by("-pk")[:MOST_CLAIMS]


def claiming_by_address(email: str) -> QuerySet[User]:
    """Return some customers who log in with this address because its first claim has the name, the latest first."""
    claims = _with_address(email).filter(email_verified=False, username__startswith=CLAIMED_PREFIX)
    return claims.order_by("-pk")[:MOST_CLAIMS]


def _avoid_claimed_name(user: User) -> None:
    """Give the user another name if an unverified claim of the same address has it. The address still logs in."""
    if plain_name(user.username) != plain_name(user.email):
        return
    holder = User.objects.exclude(pk=user.pk).filter(username__iexact=user.username, email_verified=False).first()
    if holder and holder.customer_id and plain_name(holder.email) == plain_name(user.email):
        user.username = f"{CLAIMED_PREFIX}{user.customer_id}"


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
                user.email, user.email_verified = email, False
                _avoid_claimed_name(user)
                claim(email, email[:150])
                require_free(user)
                user.save(update_fields=["email", "email_verified", "username"])
            return answer
    except (NameTaken, IntegrityError) as error:
        raise CommandRefused("email_taken", "this address cannot be used") from error


def verify_email(customer_id: UUID, email: str, context: Context) -> Answer:
    """Mark an address as verified, and take it away from all others who only named it.

    Raises CommandRefused: email_differs if it is no longer the customer's address, email_taken if another customer has
    verified it first.
    """
    try:
        with transaction.atomic():
            claim(email)  # before any row is locked: all who verify this address want the rows of the others
            user = User.objects.select_for_update().filter(customer_id=customer_id).first()
            if user is not None and plain_name(user.email) == plain_name(email):
                for other in _with_address(email).select_for_update().filter(email_verified=False).exclude(pk=user.pk):
                    release(other, context)
                user.email_verified = True
                if user.username.startswith(CLAIMED_PREFIX) and not _is_name_taken(user.email):
                    user.username = user.email
                user.save(update_fields=["email_verified", "username"])
            return dispatch(VerifyEmail(customer_id=customer_id, email=email), context)
    except IntegrityError as error:
        raise CommandRefused("email_taken", "this address cannot be used") from error


def release(user: User, context: Context) -> None:
    """Take an unverified address away from a customer. A name that is the address goes with it.

    Raises CommandRefused. Call it in a transaction that holds the row of the login.
    """
    assert user.customer_id
    if current_customer(user.customer_id).registered:
        command = ReleaseEmail(customer_id=user.customer_id, email=user.email, released_by=context.actor)
        dispatch(command, replace(context, command_id=new_id(), expected_version=None))
    if plain_name(user.username) == plain_name(user.email):
        user.username = f"{CLAIMED_PREFIX}{user.customer_id}"
    user.email = ""
    user.save(update_fields=["email", "username"])


def _is_name_taken(name: str) -> bool:
    return User.objects.filter(username__iexact=name).exists()


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
    user.claim_new_names()
    try:
        require_free(user)
    except NameTaken as error:
        raise CommandRefused("email_taken", "this address cannot be used") from error
    stored = User.objects.filter(pk=user.pk, customer_id=user.customer_id).first()
    register_if_new(stored or user, context)
    if current_customer(user.customer_id).email != user.email:
        command = ChangeEmail(customer_id=user.customer_id, email=user.email, changed_by=context.actor)
        dispatch(command, replace(context, command_id=new_id()))
        user.email_verified = False


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
