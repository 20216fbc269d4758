"""What happens to orders at random: how they are placed, and every command that may be sent to one, right or wrong."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from orders import commands as c
from orders.accounts.identity import MOVER
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping, RefundWish
from orders.lines import Line
from orders.money import rounded, smallest
from orders.state import Order
from orders.values import MOST_UNITS, LineKind, LineQuantity, RefundStatus, ReturnReason, ReturnStatus
from tests.support.order_examples import BUYER, ORDER

RATES = [Decimal(rate) for rate in ("0", "5", "7.7", "20", "25.5", "100")]
PEOPLE = ["staff:anna", "staff:ben"]
_PEOPLE = st.sampled_from(PEOPLE)
REASONS = st.sampled_from([*["because"] * 9, " "])
NONE = st.just(None)
MOVERS = st.sampled_from(["staff:anna", MOVER])
KEY = {"order_id": st.just(ORDER)}

quantities = st.integers(1, 6) | st.sampled_from([7, 13, MOST_UNITS])
_seldom = st.integers(0, 9).map(lambda drawn: drawn == 7)


@st.composite
def creations(draw: st.DrawFn) -> CreateOrder:
    currency = draw(st.sampled_from(["GBP", "JPY", "BHD"]))
    lines = draw(st.lists(_new_lines(currency), min_size=1, max_size=3))
    left = sum((rounded(line.quantity * line.unit_price, currency) - line.discount for line in lines), Decimal(0))
    off = rounded(left * draw(_SHARES), currency)
    shipping = draw(st.lists(st.builds(_shipping, _prices(currency), st.sampled_from(RATES)), max_size=1))
    return CreateOrder(
        order_id=ORDER,
        customer_id=draw(st.sampled_from([BUYER, BUYER, None])),
        customer_name="Ada Whitfield",
        customer_email="ada@example.com",
        currency=currency,
        lines=tuple(lines),
        shipping=tuple(shipping),
        discounts=(NewDiscount(name="OFF", amount=off),) if off else (),
        prices_include_tax=draw(st.booleans()),
    )


_SHARES = st.sampled_from([Decimal(share) for share in ("0", "0", "0.1", "0.333", "1")])


@st.composite
def _new_lines(draw: st.DrawFn, currency: str) -> NewLine:
    quantity = draw(quantities)
    price = draw(_prices(currency) | st.just(Decimal("0.001234")))
    if quantity == MOST_UNITS:
        price = price.min(20 * smallest(currency))  # no order is worth more than the books can add up
    return NewLine(
        sku=draw(st.sampled_from(["MUG", "THR", "PIN"])),
        name="Something",
        quantity=quantity,
        unit_price=price,
        kind=draw(st.sampled_from([LineKind.GOODS, LineKind.GOODS, LineKind.GOODS, LineKind.CHARGE])),
        discount=rounded(quantity * price * draw(_SHARES), currency).min(rounded(quantity * price, currency)),
        tax_rate=draw(st.sampled_from(RATES)),
    )


def _prices(currency: str) -> st.SearchStrategy[Decimal]:
    """In smallest units: prices of few of them are where rounding hurts."""
    return (st.integers(0, 20) | st.integers(1, 5000) | st.integers(1, 5000)).map(
        lambda units: units * smallest(currency)
    )


def _shipping(price: Decimal, rate: Decimal) -> NewShipping:
    return NewShipping(name="Standard delivery", price=price, tax_rate=rate)


@st.composite
def amounts(draw: st.DrawFn, order: Order) -> Decimal:
    """All, a part, or more of one of the order's own amounts; or what is no amount at all."""
    if draw(_seldom):
        return draw(st.sampled_from([Decimal(wrong) for wrong in ("0", "-1", "0.00001", "NaN", "Infinity", "1E+40")]))
    figures = [order.due, order.owed, order.refundable, order.charged, order.capturable]
    figures += [line.charged for line in order.lines] + [line.owed_back for line in order.lines]
    share = draw(st.sampled_from(["1", "1", "0.5", "0.34", "0.01", "1.5"]))
    figure = draw(st.sampled_from([figure for figure in figures if figure] or [Decimal(1)]))
    return rounded(figure * Decimal(share), order.currency)


@st.composite
def units(draw: st.DrawFn, order: Order, left: Callable[[Line], int]) -> tuple[LineQuantity, ...]:
    """Some or all of what is left of some lines; seldom something else."""
    if draw(_seldom):
        named = draw(st.lists(st.integers(0, 4), max_size=3))
        return tuple(LineQuantity(line_id=number, quantity=draw(st.integers(-1, 9))) for number in named)
    lines = [line for line in order.lines if left(line) > 0]
    chosen = draw(st.lists(st.sampled_from(lines), min_size=1, unique=True)) if lines else []
    return tuple(LineQuantity(line_id=line.line_id, quantity=draw(_up_to(left(line)))) for line in chosen)


@st.composite
def wishes(draw: st.DrawFn, order: Order) -> tuple[RefundWish, ...]:
    wanted = [
        RefundWish(line_id=each.line_id, quantity=each.quantity)
        for each in draw(units(order, lambda line: line.quantity - line.refunded))
    ]
    for line in order.lines:
        if draw(st.booleans()) and (draw(_seldom) or line.line_id not in {each.line_id for each in wanted}):
            wanted.append(RefundWish(line_id=line.line_id, amount=draw(amounts(order))))
    return tuple(wanted)


def paying(order: Order) -> st.SearchStrategy[Any]:
    references = st.sampled_from(["", "", "pay_1", "pay_2", "pay_3"])
    currency = st.sampled_from(["", order.currency, order.currency, order.currency, "EUR"])
    about = {"payment_method": st.just("card"), "payment_reference": references}
    some = amounts(order)
    promised = _numbers(each.payment_id for each in order.payments if each.capturable)
    any_of_them = st.just(0) | _numbers(each.payment_id for each in order.payments)
    return st.one_of(
        st.builds(c.PayOrder, amount=st.just(order.due) | some, currency=currency, **KEY, **about),
        st.builds(c.AuthorisePayment, amount=st.just(order.due) | some, currency=currency, **KEY, **about),
        st.builds(c.PayFromAccount, amount=NONE | some, **KEY),
        st.builds(c.CapturePayment, payment_id=promised, amount=NONE | some, reference=references, by=MOVERS, **KEY),
        st.builds(c.CapturePayment, payment_id=promised, by=MOVERS, **KEY),
        st.builds(c.VoidPayment, payment_id=promised, reason=REASONS, **KEY),
        st.builds(
            c.RecordPaymentFailure, payment_id=any_of_them, amount=some, reason=REASONS, by=MOVERS, **KEY, **about
        ),
        st.builds(c.WriteOff, reason=REASONS, amount=NONE | some, **KEY),
    )


def sending(order: Order) -> st.SearchStrategy[Any]:
    parcels = _numbers(each.shipment_id for each in order.shipments if not each.delivered)
    returnable = units(order, lambda line: line.shipped - line.returned - order.in_return(line.line_id))
    asked = _numbers(each.return_id for each in order.returns if each.status is ReturnStatus.REQUESTED)
    coming = _numbers(each.return_id for each in order.returns if each.status is ReturnStatus.APPROVED)
    came = units(order, lambda line: order.in_return(line.line_id))
    return st.one_of(
        st.builds(c.ShipOrder, **KEY),
        st.builds(c.ShipLines, lines=units(order, lambda line: line.open if line.is_goods else 0), **KEY),
        st.builds(c.ConfirmDelivery, shipment_id=parcels, **KEY),
        st.builds(c.RequestReturn, lines=returnable, reason=st.sampled_from(ReturnReason), **KEY),
        st.builds(c.ApproveReturn, return_id=asked, **KEY),
        st.builds(c.DeclineReturn, return_id=asked | coming, reason=REASONS, **KEY),
        st.builds(c.ReceiveReturn, return_id=coming, restocked=came, **KEY),
        st.builds(c.ReceiveReturn, return_id=coming, restocked=st.just(()) | came, damaged=came, **KEY),
    )


def refunding(order: Order) -> st.SearchStrategy[Any]:
    wish = {"reason": REASONS, "by": _PEOPLE, "to_account": st.booleans(), **KEY}
    return st.one_of(
        st.builds(c.RequestRefund, amount=NONE | amounts(order), **wish),
        st.builds(c.RequestRefund, lines=wishes(order), **wish),
    )


def refund_decisions(order: Order) -> st.SearchStrategy[Any]:
    asked, approved, failed = (
        _numbers(each.refund_id for each in order.refunds if each.status is status)
        for status in (RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.FAILED)
    )
    return st.one_of(
        st.builds(c.ApproveRefund, refund_id=asked, by=_PEOPLE, **KEY),
        st.builds(c.DeclineRefund, refund_id=asked | failed, reason=REASONS, **KEY),
        st.builds(c.SettleRefund, refund_id=approved, by=MOVERS, **KEY),
        st.builds(c.FailRefund, refund_id=approved, reason=REASONS, by=MOVERS, **KEY),
        st.builds(c.RetryRefund, refund_id=failed, **KEY),
    )


def calling_off(order: Order) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(c.CancelOrder, reason=REASONS, **KEY),
        st.builds(c.CancelLines, lines=units(order, lambda line: line.open), reason=REASONS, **KEY),
        st.builds(c.CancelLines, lines=units(order, lambda line: line.open), reason=REASONS, **KEY),
        st.builds(c.ExpireOrder, days=st.just(14), **KEY),
    )


def keeping(order: Order) -> st.SearchStrategy[Any]:
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


def _numbers(right: Iterable[int]) -> st.SearchStrategy[int]:
    """Of a payment, a parcel …: one that fits or, seldom, another."""
    fitting = list(right)
    return st.sampled_from([*fitting * 6, 1, 7])


def _up_to(left: int) -> st.SearchStrategy[int]:
    """Seldom one too many: a limit shows where it is passed."""
    some = st.integers(1, min(left, 4))
    return st.one_of(some, some, st.just(left), st.just(left), st.just(left + 1))
