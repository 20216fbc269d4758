"""Hypothesis strategies for orders: random new orders, and random valid and invalid commands to an order."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from orders import commands as c
from orders.accounts.identity import MOVER
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping, RefundWish
from orders.lines import Line
from orders.money import rounded, smallest
from orders.rules.pricing import new_price
from orders.state import Order
from orders.values import (
    MOST_UNITS,
    DiscountKind,
    LineKind,
    LineQuantity,
    OrderDiscountKind,
    RefundStatus,
    ReturnReason,
    ReturnStatus,
)
from tests.support.order_examples import BUYER, ORDER

RATES = [Decimal(rate) for rate in ("0", "5", "7.7", "20", "25.5", "100")]
PEOPLE = ["staff:anna", "staff:ben"]
_PEOPLE = st.sampled_from(PEOPLE)
REASONS = st.sampled_from([*["because"] * 9, " "])
NONE = st.just(None)
MOVERS = st.sampled_from(["staff:anna", MOVER])
KEY = {"order_id": st.just(ORDER)}
CODES = KEY | {"tracking_code": st.sampled_from(["", "JD01", "JD02"])}

quantities = st.integers(1, 6) | st.sampled_from([7, 13, MOST_UNITS])
_rarely = st.integers(0, 9).map(lambda drawn: drawn == 7)


@st.composite
def creations(draw: st.DrawFn) -> CreateOrder:
    """Draw a new order."""
    currency = draw(st.sampled_from(["GBP", "JPY", "BHD"]))
    lines = draw(st.lists(_new_lines(currency), min_size=1, max_size=3))
    prices = [new_price(number, line, currency) for number, line in enumerate(lines, start=1)]
    left = sum((each.amount - each.discount for each in prices), Decimal(0))
    off = rounded(left * draw(_SHARES), currency)
    vouchers = [NewDiscount(name="OFF", amount=off)] if off else []
    if draw(st.booleans()):
        most = rounded((left - off) * draw(_SHARES), currency)
        percent = st.sampled_from([Decimal(number) for number in ("0.5", "10", "33.3333", "100")])
        vouchers.append(NewDiscount(name="PART", amount=draw(percent), kind=OrderDiscountKind.PERCENT, most=most))
    shipping = draw(st.lists(st.builds(_shipping, _prices(currency), st.sampled_from(RATES)), max_size=1))
    return CreateOrder(
        order_id=ORDER,
        customer_id=draw(st.sampled_from([BUYER, BUYER, None])),
        customer_name="Ada Whitfield",
        customer_email="ada@example.com",
        currency=currency,
        lines=tuple(lines),
        shipping=tuple(shipping),
        discounts=tuple(draw(st.permutations(vouchers))),
        prices_include_tax=draw(st.booleans()),
    )


_SHARES = st.sampled_from([Decimal(share) for share in ("0", "0", "0.1", "0.333", "1")])


@st.composite
def _new_lines(draw: st.DrawFn, currency: str) -> NewLine:
    quantity = draw(quantities)
    price = draw(_prices(currency) | st.just(Decimal("0.001234")))
    if quantity == MOST_UNITS:
        price = price.min(20 * smallest(currency))  # keeps the order below the largest amount
    amount, kind = rounded(quantity * price, currency), draw(st.sampled_from(DiscountKind))
    most = draw(st.none() | _SHARES.map(lambda share: rounded(amount * share, currency)))
    return NewLine(
        sku=draw(st.sampled_from(["MUG", "THR", "PIN"])),
        name="Something",
        quantity=quantity,
        unit_price=price,
        kind=draw(st.sampled_from([LineKind.GOODS, LineKind.GOODS, LineKind.GOODS, LineKind.CHARGE])),
        discount=_discount(kind, draw(_SHARES), amount, quantity, currency),
        discount_kind=kind,
        discount_most=most,
        tax_rate=draw(st.sampled_from(RATES)),
    )


def _discount(kind: DiscountKind, share: Decimal, amount: Decimal, quantity: int, currency: str) -> Decimal:
    """Return a discount of this kind that takes off about this share of the amount."""
    if kind is DiscountKind.PERCENT:
        return share * 100
    unit = smallest(currency)
    return (amount * share / (quantity if kind is DiscountKind.PER_UNIT else 1)) // unit * unit


def _prices(currency: str) -> st.SearchStrategy[Decimal]:
    """Draw a price, often a very small one: rounding errors show there."""
    return (st.integers(0, 20) | st.integers(1, 5000) | st.integers(1, 5000)).map(
        lambda units: units * smallest(currency)
    )


def _shipping(price: Decimal, rate: Decimal) -> NewShipping:
    return NewShipping(name="Standard delivery", price=price, tax_rate=rate)


@st.composite
def amounts(draw: st.DrawFn, order: Order) -> Decimal:
    """Draw all, a part, or more of one of the order's own amounts; rarely an invalid amount."""
    if draw(_rarely):
        return draw(st.sampled_from([Decimal(wrong) for wrong in ("0", "-1", "0.00001", "NaN", "Infinity", "1E+40")]))
    figures = [order.due, order.owed, order.refundable, order.charged, order.capturable]
    figures += [line.charged for line in order.lines] + [line.owed_back for line in order.lines]
    share = draw(st.sampled_from(["1", "1", "0.5", "0.34", "0.01", "1.5"]))
    figure = draw(st.sampled_from([figure for figure in figures if figure] or [Decimal(1)]))
    return rounded(figure * Decimal(share), order.currency)


@st.composite
def units(draw: st.DrawFn, order: Order, left: Callable[[Line], int]) -> tuple[LineQuantity, ...]:
    """Draw some or all of the units that are `left` of some lines; rarely others."""
    if draw(_rarely):
        named = draw(st.lists(st.integers(0, 4), max_size=3))
        return tuple(LineQuantity(line_id=number, quantity=draw(st.integers(-1, 9))) for number in named)
    lines = [line for line in order.lines if left(line) > 0]
    chosen = draw(st.lists(st.sampled_from(lines), min_size=1, unique=True)) if lines else []
    return tuple(LineQuantity(line_id=line.line_id, quantity=draw(_up_to(left(line)))) for line in chosen)


@st.composite
def refund_lines(draw: st.DrawFn, order: Order) -> tuple[RefundWish, ...]:
    """Draw lines of a refund, by units or by amount; rarely one line twice."""
    lines = [
        RefundWish(line_id=each.line_id, quantity=each.quantity)
        for each in draw(units(order, lambda line: line.quantity - line.refunded))
    ]
    for line in order.lines:
        if draw(st.booleans()) and (draw(_rarely) or line.line_id not in {each.line_id for each in lines}):
            lines.append(RefundWish(line_id=line.line_id, amount=draw(amounts(order))))
    return tuple(lines)


def paying(order: Order) -> st.SearchStrategy[Any]:
    """Draw a command about payments."""
    references = st.sampled_from(["", "", "pay_1", "pay_2", "pay_3"])
    currency = st.sampled_from(["", order.currency, order.currency, order.currency, "EUR"])
    payment = {"payment_method": st.just("card"), "payment_reference": references}
    amount = amounts(order)
    authorised = _numbers(each.payment_id for each in order.payments if each.capturable)
    any_payment = st.just(0) | _numbers(each.payment_id for each in order.payments)
    return st.one_of(
        st.builds(c.PayOrder, amount=st.just(order.due) | amount, currency=currency, **KEY, **payment),
        st.builds(c.AuthorisePayment, amount=st.just(order.due) | amount, currency=currency, **KEY, **payment),
        st.builds(c.PayFromAccount, amount=NONE | amount, **KEY),
        st.builds(
            c.CapturePayment, payment_id=authorised, amount=NONE | amount, reference=references, by=MOVERS, **KEY
        ),
        st.builds(c.CapturePayment, payment_id=authorised, by=MOVERS, **KEY),
        st.builds(c.VoidPayment, payment_id=authorised, reason=REASONS, **KEY),
        st.builds(
            c.RecordPaymentFailure, payment_id=any_payment, amount=amount, reason=REASONS, by=MOVERS, **KEY, **payment
        ),
        st.builds(c.WriteOff, reason=REASONS, amount=NONE | amount, **KEY),
    )


def shipping(order: Order) -> st.SearchStrategy[Any]:
    """Draw a command about parcels or returns."""
    parcels = _numbers(each.shipment_id for each in order.shipments if not each.delivered)
    returnable = units(order, lambda line: line.shipped - line.returned - order.in_return(line.line_id))
    requested = _numbers(each.return_id for each in order.returns if each.status is ReturnStatus.REQUESTED)
    approved = _numbers(each.return_id for each in order.returns if each.status is ReturnStatus.APPROVED)
    outstanding = units(order, lambda line: order.in_return(line.line_id))
    return st.one_of(
        st.builds(c.ShipOrder, **KEY),
        st.builds(c.ShipLines, lines=units(order, lambda line: line.open if line.is_goods else 0), **KEY),
        st.builds(c.ConfirmDelivery, shipment_id=parcels, **KEY),
        st.builds(
            c.CorrectTracking, shipment_id=_numbers(each.shipment_id for each in order.shipments), carrier=NONE, **CODES
        ),
        st.builds(c.RequestReturn, lines=returnable, reason=st.sampled_from(ReturnReason), **KEY),
        st.builds(c.ApproveReturn, return_id=requested, **KEY),
        st.builds(c.DeclineReturn, return_id=requested | approved, reason=REASONS, **KEY),
        st.builds(c.ReceiveReturn, return_id=approved, restocked=outstanding, **KEY),
        st.builds(c.ReceiveReturn, return_id=approved, restocked=st.just(()) | outstanding, damaged=outstanding, **KEY),
    )


def refunding(order: Order) -> st.SearchStrategy[Any]:
    """Draw a request for a refund."""
    request = {"reason": REASONS, "by": _PEOPLE, "to_account": st.booleans(), **KEY}
    return st.one_of(
        st.builds(c.RequestRefund, amount=NONE | amounts(order), **request),
        st.builds(c.RequestRefund, lines=refund_lines(order), **request),
    )


def refund_decisions(order: Order) -> st.SearchStrategy[Any]:
    """Draw a decision on a refund."""
    requested, approved, failed = (
        _numbers(each.refund_id for each in order.refunds if each.status is status)
        for status in (RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.FAILED)
    )
    return st.one_of(
        st.builds(c.ApproveRefund, refund_id=requested, by=_PEOPLE, **KEY),
        st.builds(c.DeclineRefund, refund_id=requested | failed, reason=REASONS, **KEY),
        st.builds(c.SettleRefund, refund_id=approved, by=MOVERS, **KEY),
        st.builds(c.FailRefund, refund_id=approved, reason=REASONS, by=MOVERS, **KEY),
        st.builds(c.RetryRefund, refund_id=failed, **KEY),
    )


def cancelling(order: Order) -> st.SearchStrategy[Any]:
    """Draw a cancellation."""
    return st.one_of(
        st.builds(c.CancelOrder, reason=REASONS, **KEY),
        st.builds(c.CancelLines, lines=units(order, lambda line: line.open), reason=REASONS, **KEY),
        st.builds(c.CancelLines, lines=units(order, lambda line: line.open), reason=REASONS, **KEY),
        st.builds(c.ExpireOrder, days=st.just(14), **KEY),
    )


def editing(order: Order) -> st.SearchStrategy[Any]:
    """Draw a command about edits, holds, notes or the address."""
    changed = units(order, lambda line: line.quantity + 3)
    added = st.lists(_new_lines(order.currency), max_size=1).map(tuple)
    return st.one_of(
        st.builds(c.StageEdit, quantities=st.just(()) | changed, added=added, **KEY),
        st.builds(c.EditOrder, quantities=st.just(()) | changed, added=added, **KEY),
        st.builds(c.CommitEdit, **KEY),
        st.builds(c.DiscardEdit, **KEY),
        st.builds(c.HoldOrder, reason=REASONS, **KEY),
        st.builds(c.ReleaseOrder, **KEY),
        st.builds(c.AddNote, text=REASONS, **KEY),
        st.builds(c.ChangeAddress, shipping_address=REASONS, **KEY),
    )


def _numbers(valid: Iterable[int]) -> st.SearchStrategy[int]:
    """Draw the number of a payment, parcel and so on: a valid one or, rarely, another."""
    numbers = list(valid)
    return st.sampled_from([*numbers * 6, 1, 7])


def _up_to(left: int) -> st.SearchStrategy[int]:
    """Draw a number of units up to `left`; rarely one more, to test the limit."""
    some = st.integers(1, min(left, 4))
    return st.one_of(some, some, st.just(left), st.just(left), st.just(left + 1))
