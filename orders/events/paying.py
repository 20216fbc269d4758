"""Events of payments: authorised, captured, voided, failed, and written off."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape, upcaster
from orders.accounts.references import is_of_the_shop
from orders.immutable import changed
from orders.payment_methods import is_known_method
from orders.state import Order, Payment, replaced


@event("order.paid", schema_version=3, subject=OF_AGGREGATE)
class OrderPaid:
    """A payment was authorised and captured at once."""

    order_id: UUID
    payment_id: int
    payment_method: str = personal(unless=is_known_method, for_programs=True)
    payment_reference: str = personal(unless=is_of_the_shop, for_programs=True)
    amount: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Append a captured payment."""
        payment = Payment(
            payment_id=self.payment_id,
            method=self.payment_method,
            reference=self.payment_reference,
            amount=self.amount,
            authorised=self.amount,
            captured=self.amount,
        )
        return order.with_changes(payments=(*order.payments, payment))


@upcaster("order.paid", from_version=1)
def _paid_once(stored: dict[str, Any]) -> dict[str, Any]:
    """Version 1 is from when an order had at most one payment."""
    return stored | {"payment_id": 1}


@event("order.payment_authorised", schema_version=2, subject=OF_AGGREGATE)
class PaymentAuthorised:
    """A provider promised the amount. If `account_id` is set, it is being withdrawn from that account instead."""

    order_id: UUID
    payment_id: int
    method: str = personal(unless=is_known_method, for_programs=True)
    reference: str = personal(unless=is_of_the_shop, for_programs=True)
    account_id: UUID | None
    amount: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Append an authorised payment."""
        payment = Payment(
            payment_id=self.payment_id,
            method=self.method,
            reference=self.reference,
            account_id=self.account_id,
            amount=self.amount,
            authorised=self.amount,
        )
        return order.with_changes(payments=(*order.payments, payment))


@event("order.payment_captured", schema_version=2, subject=OF_AGGREGATE)
class PaymentCaptured:
    """Authorised money was received. `reference` is the provider's id of this capture; empty if it has none."""

    order_id: UUID
    payment_id: int
    method: str = personal(unless=is_known_method, for_programs=True)
    reference: str = personal(unless=is_of_the_shop, for_programs=True)
    amount: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Add the amount to the captured amount of the payment."""
        payment = order.payment(self.payment_id)
        assert payment
        captures = (*payment.captures, self.reference) if self.reference else payment.captures
        payment = changed(payment, captured=payment.captured + self.amount, captures=captures)
        return order.with_changes(payments=replaced(order.payments, payment))


@event("order.payment_voided", schema_version=2, subject=OF_AGGREGATE)
class PaymentVoided:
    """The rest of an authorised payment, `amount`, was given up."""

    order_id: UUID
    payment_id: int
    amount: Decimal
    reason: str = personal(for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Add the amount to the voided amount of the payment."""
        payment = order.payment(self.payment_id)
        assert payment
        payment = changed(payment, voided=payment.voided + self.amount)
        return order.with_changes(payments=replaced(order.payments, payment))


@event("order.payment_failed", schema_version=2, subject=OF_AGGREGATE)
class PaymentFailed:
    """A payment failed. If it was authorised before, `amount` is no longer; else this is the first event about it."""

    order_id: UUID
    payment_id: int
    method: str = personal(unless=is_known_method, for_programs=True)
    reference: str = personal(unless=is_of_the_shop, for_programs=True)
    amount: Decimal
    reason: str = personal(for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the payment as failed, or append a failed one."""
        authorised = order.payment(self.payment_id)
        if authorised:
            failed = changed(authorised, voided=authorised.voided + self.amount, failed=True)
            return order.with_changes(payments=replaced(order.payments, failed))
        payment = Payment(
            payment_id=self.payment_id,
            method=self.method,
            reference=self.reference,
            amount=self.amount,
            failed=True,
        )
        return order.with_changes(payments=(*order.payments, payment))


@event("order.written_off", schema_version=2, subject=OF_AGGREGATE)
class WrittenOff:
    """An amount due became bad debt."""

    order_id: UUID
    amount: Decimal
    reason: str = personal(for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Add the amount to the bad debt."""
        return order.with_changes(bad_debt=order.bad_debt + self.amount)


same_shape("order.paid", from_version=2)
same_shape("order.payment_authorised", from_version=1)
same_shape("order.payment_captured", from_version=1)
same_shape("order.payment_voided", from_version=1)
same_shape("order.payment_failed", from_version=1)
same_shape("order.written_off", from_version=1)

PayingEvent = OrderPaid | PaymentAuthorised | PaymentCaptured | PaymentVoided | PaymentFailed | WrittenOff
