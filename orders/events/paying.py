"""Events of payments: authorised, captured, voided, failed, and written off."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster
from orders.immutable import changed
from orders.state import Order, Payment, replaced


@event("order.paid", schema_version=2)
class OrderPaid:
    """A payment was authorised and captured at once."""

    order_id: UUID
    payment_id: int
    payment_method: str
    payment_reference: str
    amount: Decimal
    currency: str

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


@event("order.payment_authorised")
class PaymentAuthorised:
    """A provider promised the amount. If `account_id` is set, it is being withdrawn from that account instead."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    account_id: UUID | None
    amount: Decimal
    currency: str

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


@event("order.payment_captured")
class PaymentCaptured:
    """Authorised money was received. `reference` is the provider's id of this capture; empty if it has none."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    amount: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        """Add the amount to the captured amount of the payment."""
        payment = order.payment(self.payment_id)
        assert payment
        captures = (*payment.captures, self.reference) if self.reference else payment.captures
        payment = changed(payment, captured=payment.captured + self.amount, captures=captures)
        return order.with_changes(payments=replaced(order.payments, payment))


@event("order.payment_voided")
class PaymentVoided:
    """The rest of an authorised payment, `amount`, was given up."""

    order_id: UUID
    payment_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Add the amount to the voided amount of the payment."""
        payment = order.payment(self.payment_id)
        assert payment
        payment = changed(payment, voided=payment.voided + self.amount)
        return order.with_changes(payments=replaced(order.payments, payment))


@event("order.payment_failed")
class PaymentFailed:
    """A payment failed. If it was authorised before, `amount` is no longer; else this is the first event about it."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    amount: Decimal
    reason: str
    currency: str

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


@event("order.written_off")
class WrittenOff:
    """An amount due became bad debt."""

    order_id: UUID
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Add the amount to the bad debt."""
        return order.with_changes(bad_debt=order.bad_debt + self.amount)


PayingEvent = OrderPaid | PaymentAuthorised | PaymentCaptured | PaymentVoided | PaymentFailed | WrittenOff
