"""The state of an order after the person whom it is about was erased: without the texts that a person typed."""

from collections.abc import Iterable
from dataclasses import replace

from eventstore.messages import ERASED
from orders.accounts.references import is_of_the_shop
from orders.immutable import changed
from orders.payment_methods import is_known_method
from orders.state import Order, Payment, StagedEdit
from orders.values import Discount


def without_personal_texts(order: Order) -> Order:
    """Return the state that the order's events lead to once their personal texts are ERASED."""
    return order.with_changes(
        lines=tuple(changed(line, sku=erased(line.sku), name=erased(line.name)) for line in order.lines),
        discounts=_discounts(order.discounts),
        payments=tuple(_payment(payment) for payment in order.payments),
        shipments=tuple(
            changed(parcel, carrier=erased(parcel.carrier), tracking_code=erased(parcel.tracking_code))
            for parcel in order.shipments
        ),
        refunds=tuple(changed(each, reference=erased_reference(each.reference)) for each in order.refunds),
        staged=_staged(order.staged) if order.staged else None,
    )


def erased(text: str) -> str:
    """Return what is left of a personal text."""
    return text and ERASED


def erased_reference(reference: str) -> str:
    """Return what is left of the reference of a payment, a refund or a movement of an account."""
    return reference if is_of_the_shop(reference) else erased(reference)


def erased_method(method: str) -> str:
    """Return what is left of a payment method."""
    return method if is_known_method(method) else erased(method)


def _payment(payment: Payment) -> Payment:
    return changed(
        payment,
        method=erased_method(payment.method),
        reference=erased_reference(payment.reference),
        captures=tuple(map(erased_reference, payment.captures)),
    )


def _discounts(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
    return tuple(replace(discount, name=erased(discount.name)) for discount in discounts)


def _staged(staged: StagedEdit) -> StagedEdit:
    lines = tuple(replace(line, sku=erased(line.sku), name=erased(line.name)) for line in staged.lines)
    return replace(staged, lines=lines, discounts=_discounts(staged.discounts))
