"""Customers and the accounts they log in with: what the log says of a person, and the copy that log-in and mail need.

Both change in one transaction, and the address of a customer changes here alone, so that the log says who changed it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.utils.translation import gettext_noop
from iso4217 import Currency
from knox.models import AuthToken

from eventstore import store, subjects
from eventstore.dispatch import Answer, Context, dispatch, state_now
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from eventstore.models import Event
from eventstore.snapshots import shape_of, state_of
from orders.accounts.account import ACCOUNT, Account
from orders.accounts.identity import account_of
from orders.customers.commands import ChangeEmail, EraseCustomer, RegisterCustomer, VerifyEmail
from orders.customers.customer import CUSTOMER, Customer
from orders.order import ORDER
from orders.state import Order
from orders.statuses import OrderStatus, order_status
from ordersite.models import User
from projections.customer.account import CustomerAccount
from projections.customer.orders import CustomerOrder
from projections.customer.webhooks import deliveries

_NAMES = UUID("2f3b5c1e-9c5d-4f0c-8a83-0c1e5b8f7d24")
CURRENCIES = sorted({currency.code for currency in Currency if currency.exponent is not None})


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


def customer_of_the_log(customer_id: UUID) -> Customer:
    """The customer as the rules see them now."""
    return state_now(CUSTOMER, customer_id)


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


def shut_out(sender: Any, instance: User, **signal: Any) -> None:
    """Receives `post_save` and `post_delete` of an account: whoever may not log in any more is not told by webhook."""
    is_gone = not instance.is_active or "created" not in signal  # which only saving says
    if instance.customer_id and is_gone:
        deliveries.stop(instance.customer_id, gettext_noop("The account may not log in any more."))


# --- forgetting them --------------------------------------------------------------------------------------------------


def erase(user: User, context: Context) -> None:
    """Forget a customer: the key of their data is destroyed, and nobody logs in by this account again.

    One transaction. Raises CommandRefused: orders_open, account_not_empty, subject_erased.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        assert user.customer_id
        _require_nothing_open(user.customer_id)
        register_if_new(user, context)
        AuthToken.objects.filter(user=user).delete()
        _anonymise(user)
        forget(user.customer_id, context)


def forget(subject_id: UUID, context: Context) -> Answer:
    """Erase whoever this is, a customer or a guest, in the log. Raises CommandRefused as `subjects.erase` does."""
    with transaction.atomic():
        theirs = Event.objects.filter(aggregate_id=subject_id, aggregate_type=CUSTOMER.aggregate_type)
        if theirs.exists() and not customer_of_the_log(subject_id).erased:  # a guest's id is that of an order
            dispatch(EraseCustomer(customer_id=subject_id), context)
        # Last: it holds the feed of the log back until this transaction ends, and purges the receipt above, too.
        return subjects.erase(subject_id, replace(context, command_id=new_id(), expected_version=None))


def _anonymise(user: User) -> None:
    user.username, user.first_name, user.last_name, user.email = f"erased-{user.customer_id}", "", "", ""
    user.is_active, user.last_login = False, None
    user.set_unusable_password()
    user.groups.clear()
    user.save()
    _unname(user)


def forget_login(user: User) -> None:
    """Delete the account that somebody logs in by, with its tokens: a name and an address stand there in the clear."""
    _unname(user)
    user.delete()


def _unname(user: User) -> None:
    """What staff did with the account is noted by the admin under its name, which may be an address."""
    kind, name = ContentType.objects.get_for_model(User), f"erased-{user.customer_id}"
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).update(object_repr=name)


def _require_nothing_open(customer_id: UUID) -> None:
    for order in orders_of(customer_id):
        if is_open(order):
            raise CommandRefused(
                "orders_open", "some of your orders are still open: they have to be completed or cancelled first"
            )
    for account in accounts_of(customer_id):
        if account.balance:
            raise CommandRefused(
                "account_not_empty",
                "there are still {balance} {currency} in your account: spend it or have it paid out first",
                balance=f"{account.balance:,}",
                currency=account.currency,
            )


def is_open(order: Order) -> bool:
    """Whether anything is still to be done for it, or owed by anybody: of a cancelled one, what was paid for it."""
    if order_status(order) in (OrderStatus.OPEN, OrderStatus.ON_HOLD) or order.due_back or order.refund_pending:
        return True
    return any(payment.account_id and payment.capturable for payment in order.payments)  # on its way to the order


# --- what is theirs, as the log has it --------------------------------------------------------------------------------


def orders_of(customer_id: UUID) -> Iterator[Order]:
    """The customer's orders as the rules see them now: none is missing because a view is behind."""
    for past in store.histories(dict.fromkeys(all_order_ids(customer_id), shape_of(ORDER))).values():
        yield state_of(ORDER, past)


def all_order_ids(customer_id: UUID) -> set[UUID]:
    """The orders that hold their personal data, as the log has it; of those that hold none, those that are shown."""
    theirs = Event.objects.filter(subject_id=customer_id, aggregate_type=ORDER.aggregate_type)
    return {*theirs.values_list("aggregate_id", flat=True), *order_ids(customer_id)}


def order_ids(customer_id: UUID) -> list[UUID]:
    """As far as the customers' view has come."""
    return list(CustomerOrder.objects.filter(customer_id=customer_id).values_list("pk", flat=True))


def accounts_of(customer_id: UUID) -> Iterator[Account]:
    """The customer's accounts, in every currency there is, as the rules see them now."""
    for past in store.histories(dict.fromkeys(account_ids(customer_id), shape_of(ACCOUNT))).values():
        account: Account = state_of(ACCOUNT, past)
        if account.customer_id == customer_id:
            yield account


def account_ids(customer_id: UUID) -> list[UUID]:
    """Where their accounts are, if they were opened; and those that were opened under an id of their own."""
    shown = CustomerAccount.objects.filter(customer_id=customer_id).values_list("pk", flat=True)
    return sorted({*(account_of(customer_id, currency) for currency in CURRENCIES), *shown})
