"""Money comes in, or is promised, or does not come."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster
from orders.immutable import changed
from orders.state import Order, Payment, swapped


@event("order.paid", schema_version=2)
class OrderPaid:
    """Paid at once: authorised and captured in one."""

    order_id: UUID
    payment_id: int
    payment_method: str
    payment_reference: str
    amount: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        payment = Payment(
            payment_id=self.payment_id,
            method=self.payment_method,
            reference=self.payment_reference,
            amount=self.amount,
            authorised=self.amount,
            captured=self.amount,
        )
        return order.having(payments=(*order.payments, payment))


@upcaster("order.paid", from_version=1)
def _paid_once(stored: dict[str, Any]) -> dict[str, Any]:
    """Of an order that could be paid once only."""
    return stored | {"payment_id": 1}


@event("order.payment_authorised")
class PaymentAuthorised:
    """A provider promised the amount; or, where `account_id` is set, it is being taken from that account."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    account_id: UUID | None
    amount: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        payment = Payment(
            payment_id=self.payment_id,
            method=self.method,
            reference=self.reference,
            account_id=self.account_id,
            amount=self.amount,
            authorised=self.amount,
        )
        return order.having(payments=(*order.payments, payment))


@event("order.payment_captured")
class PaymentCaptured:
    """Promised money is here. `reference` is the provider's id of this capture, empty where it gave none."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    amount: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        payment = order.payment(self.payment_id)
        assert payment
        captures = (*payment.captures, self.reference) if self.reference else payment.captures
        payment = changed(payment, captured=payment.captured + self.amount, captures=captures)
        return order.having(payments=swapped(order.payments, payment))


@event("order.payment_voided")
class PaymentVoided:
    """What was promised and not captured, `amount`, will not be."""

    order_id: UUID
    payment_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        payment = order.payment(self.payment_id)
        assert payment
        payment = changed(payment, voided=payment.voided + self.amount)
        return order.having(payments=swapped(order.payments, payment))


@event("order.payment_failed")
class PaymentFailed:
    """Money did not come: of a payment that was promised, `amount` is promised no more; of another, it never was."""

    order_id: UUID
    payment_id: int
    method: str
    reference: str
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        known = order.payment(self.payment_id)
        if known:
            failed = changed(known, voided=known.voided + self.amount, failed=True)
            return order.having(payments=swapped(order.payments, failed))
        payment = Payment(
            payment_id=self.payment_id,
            method=self.method,
            reference=self.reference,
            amount=self.amount,
            failed=True,
        )
        return order.having(payments=(*order.payments, payment))


@event("order.written_off")
class WrittenOff:
    """What is due will not be paid: a bad debt."""

    order_id: UUID
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        return order.having(bad_debt=order.bad_debt + self.amount)
