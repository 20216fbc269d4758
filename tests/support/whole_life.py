"""An order and an account to which everything happened that can, for tests that change their histories."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders import commands as c
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import account_of
from orders.values import LineQuantity

ANNA, BEN = "staff:anna", "staff:ben"


def live(customer_id: UUID) -> tuple[UUID, UUID]:
    """Let everything happen to a new order and to the customer's account; return both ids."""
    order_id, account_id = new_id(), account_of(customer_id, "GBP")
    for command in (*commands(order_id, customer_id), *_movements(account_id, customer_id)):
        dispatch(command, Context(actor=ANNA))
    return order_id, account_id


def commands(order_id: UUID, customer_id: UUID) -> Iterator[Any]:
    """Yield the commands to the order, in their order."""
    key: Any = {"order_id": order_id}
    yield c.CreateOrder(
        customer_id=customer_id,
        customer_name="Ada Whitfield",
        customer_email="ada@example.com",
        currency="GBP",
        lines=(
            c.NewLine(sku="MUG", name="Mug", quantity=4, unit_price=Decimal("7.50"), tax_rate=Decimal(20)),
            c.NewLine(sku="THR", name="Throw", quantity=2, unit_price=Decimal("10.00"), discount=Decimal(1)),
        ),
        shipping=(c.NewShipping(name="Standard", price=Decimal("3.00")),),
        discounts=(c.NewDiscount(name="OFF", amount=Decimal("2.00")),),
        country="United Kingdom",
        reference="W-1",
        **key,
    )
    yield c.AddNote(text="Wrap it", visible=True, **key)
    yield c.ChangeAddress(shipping_address="1 Mill Lane", country="France", **key)
    yield c.StageEdit(quantities=_units(2, 3), **key)
    yield c.CommitEdit(**key)
    yield from _payments(key)
    yield c.ShipLines(lines=_units(1, 3), carrier="DHL", tracking_code="JD1", **key)
    yield c.ConfirmDelivery(shipment_id=1, **key)
    yield c.CorrectTracking(shipment_id=1, tracking_code="JD2", **key)
    yield c.HoldOrder(reason="Ask", **key)
    yield c.ReleaseOrder(**key)
    yield c.CancelLines(lines=_units(2, 1), reason="Out of stock", **key)
    yield c.RequestReturn(lines=_units(1, 2), **key)
    yield c.ApproveReturn(return_id=1, **key)
    yield c.ReceiveReturn(return_id=1, restocked=_units(1, 1), damaged=_units(1, 1), **key)
    yield from _refunds(key)
    yield c.ShipOrder(**key)


def _payments(key: Any) -> Iterator[Any]:
    yield c.RecordPaymentFailure(
        payment_id=0, amount=Decimal(5), payment_method="card", payment_reference="pay_0", reason="Declined", **key
    )
    yield c.AuthorisePayment(amount=Decimal(40), payment_method="card", payment_reference="pay_1", **key)
    yield c.CapturePayment(payment_id=2, amount=Decimal(30), **key)
    yield c.VoidPayment(payment_id=2, reason="Enough", **key)
    yield c.AuthorisePayment(amount=Decimal(29), payment_method="card", payment_reference="pay_2", **key)
    yield c.CapturePayment(payment_id=3, **key)
    yield c.WriteOff(amount=Decimal("1.00"), reason="A penny less", **key)


def _refunds(key: Any) -> Iterator[Any]:
    yield c.RequestRefund(reason="Owed", amount=Decimal("6.00"), by=ANNA, **key)
    yield c.ApproveRefund(refund_id=1, by=BEN, **key)
    yield c.FailRefund(refund_id=1, reason="Card expired", **key)
    yield c.RetryRefund(refund_id=1, **key)
    yield c.SettleRefund(refund_id=1, reference="re_1", **key)
    yield c.RequestRefund(reason="Sorry", lines=(c.RefundWish(line_id=1, amount=Decimal("1.00")),), by=ANNA, **key)
    yield c.DeclineRefund(refund_id=2, reason="No", **key)


def _movements(account_id: UUID, customer_id: UUID) -> Iterator[Any]:
    yield DepositMoney(
        account_id=account_id,
        customer_id=customer_id,
        currency="GBP",
        amount=Decimal(50),
        method="card",
        reference="in_1",
    )
    yield WithdrawMoney(account_id=account_id, currency="GBP", amount=Decimal(20), reason="Cash", reference="out_1")
    yield WithdrawMoney(account_id=account_id, currency="GBP", amount=Decimal(5), reason="Cash", reference="out_2")


def _units(line_id: int, quantity: int) -> tuple[LineQuantity, ...]:
    return (LineQuantity(line_id=line_id, quantity=quantity),)
