"""Stories of returns and refunds. Each story is a function that adds commands."""

from typing import Any

from orders import commands as c
from orders.values import LineQuantity, ReturnReason
from ordersite.demo.life import COLLEAGUE, DAYS, HOURS, STAFF, Life
from ordersite.demo.selling import cancelled_after_payment, delivered


def _request_return(life: Life, **fields: Any) -> int:
    life.do(
        c.RequestReturn,
        life.random.uniform(1, 6) * DAYS,
        life.customer,
        lines=life.first_with(lambda line: line.shipped - line.returned),
        **fields,
    )
    return life.order.returns[-1].return_id


def return_asked(life: Life) -> None:
    """The customer requests a return."""
    delivered(life)
    _request_return(life, reason=ReturnReason.UNWANTED, comment="It is lovely, but too large for the shelf.")


def return_on_its_way(life: Life) -> None:
    """A return is approved and not received yet."""
    delivered(life)
    life.do(c.ApproveReturn, 5 * HOURS, return_id=_request_return(life, reason=ReturnReason.NOT_AS_DESCRIBED))


def return_declined(life: Life) -> None:
    """A requested return is declined."""
    delivered(life)
    number = _request_return(life, reason=ReturnReason.OTHER)
    life.do(c.DeclineReturn, 8 * HOURS, return_id=number, reason="It was used for a month")


def _receive_return(life: Life) -> None:
    return_on_its_way(life)
    last = life.order.returns[-1]
    life.do(c.ReceiveReturn, life.random.uniform(2, 5) * DAYS, return_id=last.return_id, restocked=last.outstanding)


def came_back(life: Life) -> None:
    """A return is received; the refund comes later."""
    _receive_return(life)


def all_came_back(life: Life) -> None:
    """All goods are returned and refunded."""
    delivered(life)
    everything = tuple(
        LineQuantity(line_id=line.line_id, quantity=line.shipped) for line in life.order.goods if line.shipped
    )
    life.do(c.RequestReturn, 2 * DAYS, life.customer, lines=everything, reason=ReturnReason.WRONG_ARTICLE)
    life.do(c.ApproveReturn, 5 * HOURS, return_id=1)
    life.do(c.ReceiveReturn, 3 * DAYS, return_id=1, restocked=everything)
    _refund(life, "Everything came back")
    _settle(life)


def came_back_damaged(life: Life) -> None:
    """A return is received damaged, and a refund of it is requested."""
    delivered(life)
    life.do(c.ApproveReturn, 5 * HOURS, return_id=_request_return(life, reason=ReturnReason.DAMAGED))
    last = life.order.returns[-1]
    life.do(c.ReceiveReturn, 3 * DAYS, return_id=last.return_id, damaged=last.outstanding)
    line = last.lines[0]
    wish = c.RefundWish(line_id=line.line_id, quantity=line.quantity)
    _refund(life, "Broke on its way to the customer", lines=(wish,))


def _refund(life: Life, reason: str, by: str = COLLEAGUE, **fields: Any) -> int:
    life.do(c.RequestRefund, 4 * HOURS, by, reason=reason, by=by, **fields)
    return life.order.refunds[-1].refund_id


def _approve(life: Life) -> int:
    number = life.order.refunds[-1].refund_id
    life.do(c.ApproveRefund, 3 * HOURS, STAFF, refund_id=number, by=STAFF)
    return number


def _settle(life: Life) -> None:
    life.do(c.SettleRefund, DAYS, "service:payments", refund_id=_approve(life), reference=life.reference("ref"))


def refund_asked(life: Life) -> None:
    """A refund of the cancelled order is requested."""
    cancelled_after_payment(life)
    _refund(life, "The order was cancelled")


def own_refund_asked(life: Life) -> None:
    """A refund is requested by the staff login, who cannot approve it if it is above the limit."""
    cancelled_after_payment(life)
    _refund(life, "The order was cancelled", by=STAFF)


def refund_approved(life: Life) -> None:
    """A refund is approved and not paid out yet."""
    _receive_return(life)
    _refund(life, "The goods came back")
    _approve(life)


def refunded_in_part(life: Life) -> None:
    """One line is returned and refunded."""
    _receive_return(life)
    _refund(life, "The goods came back")
    _settle(life)


def refunded(life: Life) -> None:
    """The cancelled order is refunded."""
    cancelled_after_payment(life)
    _refund(life, "The order was cancelled")
    _settle(life)


def refund_failed(life: Life) -> None:
    """The payout of a refund fails."""
    _receive_return(life)
    _refund(life, "The goods came back")
    life.do(c.FailRefund, DAYS, "service:payments", refund_id=_approve(life), reason="The card was closed")


def refund_tried_again(life: Life) -> None:
    """A refund that failed is tried again."""
    refund_failed(life)
    life.do(c.RetryRefund, 5 * HOURS, refund_id=life.order.refunds[-1].refund_id)


def refund_declined(life: Life) -> None:
    """A requested refund is declined."""
    delivered(life)
    number = _refund(life, "Says that the colour is wrong", amount=life.share(life.order.charged, per_cent=20))
    life.do(c.DeclineRefund, 6 * HOURS, refund_id=number, reason="The picture shows the very colour")


def allowed_for(life: Life) -> None:
    """The customer keeps damaged goods and gets a part of the price back."""
    delivered(life)
    _refund(life, "A scratch; the customer keeps it", amount=life.share(life.order.charged, per_cent=15))
    _settle(life)
