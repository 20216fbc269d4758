"""Erase a customer: destroy the key of their personal data and anonymise their login."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext_noop
from knox.models import AuthToken

from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from eventstore.models import Event
from eventstore.personal_data import subjects
from orders.customers.commands import EraseCustomer
from orders.customers.rules import CUSTOMER
from orders.state import Order
from orders.statuses import OrderStatus, order_status
from ordersite.customers.lookup import accounts_of, customer_of_the_log, orders_of
from ordersite.customers.registration import register_if_new
from ordersite.models import User
from projections.webhooks import endpoints


def stop_webhooks(sender: Any, instance: User, **signal: Any) -> None:
    """Receives `post_save` and `post_delete` of an account: whoever may not log in any more is not told by webhook."""
    is_gone = not instance.is_active or "created" not in signal  # which only saving says
    if instance.customer_id and is_gone:
        endpoints.disable_all(instance.customer_id, gettext_noop("The account may not log in any more."))


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
        erase_in_log(user.customer_id, context)


def erase_in_log(subject_id: UUID, context: Context) -> Answer:
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


def delete_login(user: User) -> None:
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
