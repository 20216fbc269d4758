"""Every order command as staff send it by its form, and helpers that read a form in a page."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.test import Client

from eventstore.dispatch import Context, dispatch
from orders import commands as c
from orders import events as e
from orders.values import LineQuantity, ReturnReason
from tests.support.admin import ORDERS, text
from tests.support.orders import new_order

Given = tuple[type, dict[str, Any]]
WHY = {"reason": "Somebody asked"}
PAY: Given = (c.PayOrder, {"amount": Decimal("25.00"), "payment_method": "card"})
PROMISE: Given = (c.AuthorisePayment, {"amount": Decimal("25.00"), "payment_method": "card"})
SHIP: Given = (c.ShipOrder, {"carrier": "DHL"})
REFUND: Given = (c.RequestRefund, {"amount": Decimal("4.00"), "by": "staff:maya", **WHY})
APPROVE: Given = (c.ApproveRefund, {"refund_id": 1, "by": "staff:maya"})
FAIL: Given = (c.FailRefund, {"refund_id": 1, **WHY})
RETURN: Given = (c.RequestReturn, {"lines": (LineQuantity(line_id=1, quantity=2),)})
ALLOW: Given = (c.ApproveReturn, {"return_id": 1})
STAGE: Given = (c.StageEdit, {"quantities": (LineQuantity(line_id=1, quantity=3),)})
MONEY = {"amount": "25.00", "payment_method": "card"}

# fmt: off
SENT: dict[type, tuple[Sequence[Given], dict[str, Any], type, dict[str, Any]]] = {
    # command: the commands before it, the form data, the event, and the event's fields
    c.PayOrder: ([], MONEY, e.OrderPaid, {"amount": Decimal("25.00")}),
    c.PayFromAccount: ([], {"amount": ""}, e.PaymentAuthorised, {"method": "account"}),
    c.AuthorisePayment: ([], MONEY, e.PaymentAuthorised, {"amount": Decimal("25.00")}),
    c.CapturePayment: ([PROMISE], {"payment_id": "1", "amount": "5"}, e.PaymentCaptured, {"amount": Decimal("5.00")}),
    c.VoidPayment: ([PROMISE], {"payment_id": "1", **WHY}, e.PaymentVoided, {"payment_id": 1}),
    c.RecordPaymentFailure: ([], {"payment_id": "", **MONEY, **WHY}, e.PaymentFailed, {"reason": "Somebody asked"}),
    c.WriteOff: ([], WHY, e.WrittenOff, {"amount": Decimal("25.00")}),
    c.ShipOrder: ([PAY], {"carrier": "DHL"}, e.OrderShipped, {"carrier": "DHL"}),
    c.ShipLines: (
        [PAY], {"lines-1-quantity": "1", "lines-2-quantity": ""},
        e.ParcelShipped, {"lines": (LineQuantity(line_id=1, quantity=1),)},
    ),
    c.ConfirmDelivery: ([PAY, SHIP], {"shipment_id": "1"}, e.ParcelDelivered, {"shipment_id": 1}),
    c.CorrectTracking: (
        [PAY, SHIP], {"shipment_id": "1", "carrier": "", "tracking_code": "JD02"},
        e.TrackingCorrected, {"carrier": "DHL", "tracking_code": "JD02"},
    ),
    c.CancelOrder: ([], WHY, e.OrderCancelled, {"reason": "Somebody asked"}),
    c.CancelLines: ([], {"lines-2-quantity": "1", **WHY}, e.LinesCancelled, {"amount": Decimal("10.00")}),
    c.RequestRefund: (
        [PAY], {"lines-1-quantity": "1", "lines-2-amount": "2.50", **WHY},
        e.RefundRequested, {"amount": Decimal("10.00"), "requested_by": "staff:anna"},
    ),
    c.ApproveRefund: ([PAY, REFUND], {"refund_id": "1"}, e.RefundApproved, {"approved_by": "staff:anna"}),
    c.DeclineRefund: ([PAY, REFUND], {"refund_id": "1", **WHY}, e.RefundDeclined, {"refund_id": 1}),
    c.SettleRefund: (
        [PAY, REFUND, APPROVE], {"refund_id": "1", "reference": "r1"}, e.RefundSettled, {"reference": "r1"},
    ),
    c.FailRefund: ([PAY, REFUND, APPROVE], {"refund_id": "1", **WHY}, e.RefundFailed, {"refund_id": 1}),
    c.RetryRefund: ([PAY, REFUND, APPROVE, FAIL], {"refund_id": "1"}, e.RefundRetried, {"refund_id": 1}),
    c.RequestReturn: (
        [PAY, SHIP], {"lines-2-quantity": "1", "reason": "damaged"},
        e.ReturnRequested, {"lines": (LineQuantity(line_id=2, quantity=1),), "reason": ReturnReason.DAMAGED},
    ),
    c.ApproveReturn: ([PAY, SHIP, RETURN], {"return_id": "1"}, e.ReturnApproved, {"return_id": 1}),
    c.DeclineReturn: ([PAY, SHIP, RETURN], {"return_id": "1", **WHY}, e.ReturnDeclined, {"return_id": 1}),
    c.ReceiveReturn: (
        [PAY, SHIP, RETURN, ALLOW], {"return_id": "1", "restocked-1-quantity": "1", "damaged-1-quantity": "1"},
        e.ReturnReceived, {"amount": Decimal("7.50"), "damaged": (LineQuantity(line_id=1, quantity=1),)},
    ),
    c.StageEdit: (
        [], {
            "quantities-1-quantity": "3", "quantities-2-quantity": "1", "added-0-sku": "JUG", "added-0-name": "Jug",
            "added-0-quantity": "1", "added-0-unit_price": "4", "added-0-kind": "goods", "added-1-kind": "goods",
        },
        e.EditStaged, {"difference": Decimal("11.50")},
    ),
    c.EditOrder: (
        [], {"quantities-2-quantity": "0", "quantities-1-quantity": "2"},
        e.EditCommitted, {"difference": Decimal("-10.00")},
    ),
    c.CommitEdit: ([STAGE], {"seen": "2"}, e.EditCommitted, {"difference": Decimal("7.50")}),
    c.DiscardEdit: ([STAGE], {"seen": "2"}, e.EditDiscarded, {}),
    c.HoldOrder: ([], WHY, e.OrderHeld, WHY),
    c.ReleaseOrder: ([(c.HoldOrder, WHY)], {"reason": ""}, e.OrderReleased, {"reason": ""}),
    c.AddNote: ([], {"text": "A present", "visible": "on"}, e.NoteAdded, {"text": "A present", "visible": True}),
    c.ChangeAddress: (
        [], {"shipping_address": "1 Mill Lane\nBath", "country": ""},
        e.AddressChanged, {"shipping_address": "1 Mill Lane\nBath"},
    ),
}
# fmt: on
A_LINE = {"sku": "JUG", "name": "Jug", "quantity": "2", "unit_price": "4.00", "tax_rate": "20"}
NEW = {
    "customer_name": "Rhys Llewellyn",
    "customer_email": "rhys@example.com",
    "currency": "GBP",
    "prices_include_tax": "on",
    "country": "United Kingdom",
    "reference": "PHONE-1",
    **{f"lines-{number}-kind": "goods" for number in range(8)},
    **{f"lines-0-{name}": value for name, value in A_LINE.items()},
    "shipping-0-name": "Standard delivery",
    "shipping-0-price": "2.50",
    "shipping-0-code": "POST",
}


def order_after(given: Sequence[Given] = ()) -> UUID:
    create = new_order()
    dispatch(create, Context(actor=f"customer:{create.customer_id}"))
    for command, fields in given:
        dispatch(command(order_id=create.order_id, **fields), Context(actor="staff:maya"))
    return create.order_id


def page_of(client: Client, order_id: UUID) -> str:
    return text(client.get(f"{ORDERS}{order_id}/change/"))


def hidden(page: str) -> dict[str, list[str]]:
    """Return the hidden fields of the page's own form."""
    form = page[page.index('name="form_id"') - 500 :]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(value)
    return found


def assert_holds(page: str, filled: dict[str, Any]) -> None:
    """Assert that the form in the page still has each value that was typed."""
    for name, value in filled.items():
        field = re.search(rf'<(input|textarea|select)[^>]*name="{name}"[^>]*>([^<]*)', page)
        assert field, name
        if field[1] == "select":
            assert re.search(rf'name="{name}".*?<option value="{value}" selected', page, re.DOTALL) or not value, name
        elif value == "on":
            assert " checked" in field[0], name
        else:
            assert (f'value="{value}"' in field[0]) or field[2].strip() == value.strip() or not value, name
