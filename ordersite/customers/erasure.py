"""Erase a customer: destroy the key of their personal data, and anonymise or delete their login."""

from contextlib import nullcontext
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
from eventstore.messages import ERASED
from eventstore.models import ConsumerParkedEvent, Event
from eventstore.personal_data import subjects
from orders.customers.commands import EraseCustomer
from orders.customers.rules import CUSTOMER
from orders.state import Order
from orders.statuses import OrderStatus, order_status
from ordersite.access.recording import unrecorded
from ordersite.customers.lookup import (
    account_ids,
    accounts_of,
    current_customer,
    orders_of,
    read_model_order_ids,
)
from ordersite.customers.registration import register_if_new
from ordersite.logins.records import forget
from ordersite.models import User
from ordersite.names import ERASED_PREFIX
from projections.engine.checkpoints import DriftFlag, ParkedEvent, SkippedEvent
from projections.webhooks import endpoints


def erase(user: User, context: Context) -> None:
    """Erase a customer's personal data and anonymise the login, so that nobody can use it again. One transaction.

    Raises CommandRefused: orders_open, account_not_empty, subject_erased.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        assert user.customer_id
        _require_nothing_open(user.customer_id)
        context = register_if_new(user, context)
        AuthToken.objects.filter(user=user).delete()
        _anonymise(user)
        erase_in_log(user.customer_id, context)


def erase_in_log(subject_id: UUID, context: Context) -> Answer:
    """Erase a customer or a guest in the log. Raises CommandRefused as `subjects.erase` does."""
    with transaction.atomic():
        customer_events = Event.objects.filter(aggregate_id=subject_id, aggregate_type=CUSTOMER.aggregate_type)
        if customer_events.exists() and not current_customer(subject_id).erased:  # a guest's subject id is an order id
            dispatch(EraseCustomer(customer_id=subject_id), context)
        candidates = {*account_ids(subject_id), *read_model_order_ids(subject_id)}
        _erase_beside_the_log(subject_id, {subject_id, *subjects.aggregates_of(subject_id, candidates)})
        # Last: it holds back followers of the log until this transaction ends, and also purges the receipt from above.
        context = replace(context, command_id=new_id(), expected_version=None)
        return subjects.erase(subject_id, context, candidates=candidates)


def _erase_beside_the_log(subject_id: UUID, aggregate_ids: set[UUID]) -> None:
    """Erase the texts about a person's orders and accounts that tables for operators and staff hold.

    They are errors of parked events, which may quote a value, and why an operator left one out, findings about read
    models, and names in the admin's log.
    """
    for model in (ParkedEvent, SkippedEvent, ConsumerParkedEvent):
        model.objects.filter(aggregate_id__in=aggregate_ids).exclude(error="").update(error=ERASED)
    for left_out in (SkippedEvent, ConsumerParkedEvent):
        left_out.objects.filter(aggregate_id__in=aggregate_ids).exclude(reason="").update(reason=ERASED)
    DriftFlag.objects.filter(aggregate_id__in=aggregate_ids).delete()  # the next check finds again what is still so
    entries = LogEntry.objects.filter(object_id__in=[str(key) for key in aggregate_ids])
    entries.update(object_repr=ERASED)
    endpoints.forget(subject_id)


def delete_login(user: User) -> None:
    """Delete a login and its tokens, because it holds the name and the address unencrypted."""
    _anonymise_history(user)
    forget(user)
    user.delete()


def _anonymise(user: User) -> None:
    forget(user)
    user.username, user.first_name, user.last_name, user.email = _free_name(user), "", "", ""
    user.is_active, user.last_login, user.email_verified = False, None, False
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    with nullcontext() if user.is_staff else unrecorded():  # of a customer, `customer.erased` says it
        user.is_staff = user.is_superuser = False
        user.save()
    _anonymise_history(user)


def _free_name(user: User) -> str:
    """Return the name of an erased login. It is reserved, but an account may have taken it before it was."""
    name = f"{ERASED_PREFIX}{user.customer_id}"
    is_taken = User.objects.exclude(pk=user.pk).filter(username=name).exists()
    return f"{name}-{new_id()}" if is_taken else name


def _anonymise_history(user: User) -> None:
    """Anonymise the admin's history of this login: each entry contains the username, which may be an e-mail address."""
    content_type, name = ContentType.objects.get_for_model(User), f"{ERASED_PREFIX}{user.customer_id}"
    LogEntry.objects.filter(content_type=content_type, object_id=str(user.pk)).update(object_repr=name)


def _require_nothing_open(customer_id: UUID) -> None:
    for order in orders_of(customer_id):
        if is_open(order):
            raise CommandRefused("orders_open", "some of your orders are still open: complete or cancel them first")
    for account in accounts_of(customer_id):
        if account.balance:
            raise CommandRefused(
                "account_not_empty",
                "your account still holds {balance} {currency}: spend it or have it paid out first",
                balance=f"{account.balance:,}",
                currency=account.currency,
            )


def is_open(order: Order) -> bool:
    """Return whether work or a debt is left, such as a refund of a cancelled order."""
    if order_status(order) in (OrderStatus.OPEN, OrderStatus.ON_HOLD) or order.due_back or order.refund_pending:
        return True
    return any(payment.account_id and payment.capturable for payment in order.payments)  # reserved, not yet captured


def stop_webhooks(sender: Any, instance: User, **signal: Any) -> None:
    """Stop the webhooks of a customer or a service account once it is inactive or deleted.

    Receiver of `post_save` and `post_delete`.
    """
    is_gone = not instance.is_active or "created" not in signal  # only post_save sends `created`
    owner_id = instance.customer_id or instance.service_id
    if owner_id and is_gone:
        endpoints.disable_all(owner_id, gettext_noop("The account may not log in any more."))
