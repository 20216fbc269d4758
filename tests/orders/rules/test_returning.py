"""The rules of returns: at most the shipped units come back. Restocked units are credited, damaged ones are not."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.commands import ApproveReturn, DeclineReturn, ReceiveReturn, RequestReturn
from orders.events import ReturnApproved, ReturnDeclined, ReturnReceived, ReturnRequested
from orders.statuses import OrderStatus, PaymentStatus, ReturnsStatus, order_status, payment_status, return_status
from orders.values import LineAmount, ReturnReason
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CREATE, CREATED, MUGS, ORDER, PAID, PAY, SHIP, SHIPPED
from tests.support.order_stories import (
    after,
    approve,
    ask_refund,
    come_back,
    done,
    last,
    line_of,
    settle,
    ship,
    shop,
    some,
)

SENT = (CREATE, PAY, SHIP)
ASK = RequestReturn(order_id=ORDER, lines=some(_1=2), reason=ReturnReason.UNWANTED, comment="Too small")
ASKED = ReturnRequested(
    order_id=ORDER,
    customer_id=BUYER,
    return_id=1,
    lines=some(_1=2),
    reason=ReturnReason.UNWANTED,
    comment="Too small",
)
ALLOW = ApproveReturn(order_id=ORDER, return_id=1)
REFUSE = DeclineReturn(order_id=ORDER, return_id=1, reason="Worn")
RECEIVE = ReceiveReturn(order_id=ORDER, return_id=1, restocked=some(_1=2))
RECEIVED = ReturnReceived(
    order_id=ORDER,
    return_id=1,
    restocked=(LineAmount(line_id=1, quantity=2, amount=Decimal("15.00"), tax=Decimal(0), due_back=Decimal("15.00")),),
    damaged=(),
    amount=Decimal("15.00"),
    due_back=Decimal("15.00"),
    currency="GBP",
)


def test_a_return_is_requested_approved_and_received() -> None:
    given(CREATED, PAID, SHIPPED).when(ASK).then(ASKED)
    given(CREATED, PAID, SHIPPED, ASKED).when(ALLOW).then(ReturnApproved(order_id=ORDER, return_id=1))
    given(*done(*SENT, ASK, ALLOW)).when(RECEIVE).then(RECEIVED)
    order = after(*SENT, ASK, ALLOW, RECEIVE)
    assert (order.due_back, order.charged, line_of(order, 1).returned) == (15, 10, 2)
    assert payment_status(order) is PaymentStatus.OVERCHARGED


def test_only_shipped_units_are_returned() -> None:
    given(CREATED, PAID).when(ASK).refused("more_than_shipped", r"line 1 \(MUG\): only 0 can be returned, not 2")
    given(*done(CREATE, PAY, ship(_1=1))).when(ASK).refused("more_than_shipped", "only 1 can be returned")
    given(CREATED, PAID, SHIPPED, ASKED).when(replace(ASK, lines=some(_1=1))).refused("more_than_shipped")
    given(*done(*SENT, ASK, ALLOW, RECEIVE)).when(replace(ASK, lines=some(_1=1))).refused("more_than_shipped")


def test_declined_units_may_be_requested_again() -> None:
    given(*done(*SENT, ASK, REFUSE)).when(ASK).then(replace(ASKED, return_id=2))


def test_only_outstanding_units_are_received() -> None:
    given(*done(*SENT, ASK, ALLOW)).when(replace(RECEIVE, restocked=some(_1=3))).refused("more_than_outstanding")
    given(*done(*SENT, ASK, ALLOW)).when(replace(RECEIVE, restocked=some(_2=1))).refused("more_than_outstanding")
    both = replace(RECEIVE, restocked=some(_1=1), damaged=some(_1=2))
    given(*done(*SENT, ASK, ALLOW)).when(both).refused("more_than_outstanding")
    given(*done(*SENT, ASK, ALLOW)).when(replace(RECEIVE, restocked=())).refused("no_lines")


def test_damaged_goods_are_returned_but_not_credited() -> None:
    event = last(*SENT, ASK, ALLOW, replace(RECEIVE, restocked=some(_1=1), damaged=some(_1=1)))
    assert (event.amount, event.due_back) == (Decimal("7.50"), Decimal("7.50"))
    order = after(*SENT, ASK, ALLOW, replace(RECEIVE, restocked=(), damaged=some(_1=2)))
    assert (order.due_back, order.charged, line_of(order, 1).returned) == (0, 25, 2)
    given(*done(*SENT, ASK, ALLOW, replace(RECEIVE, restocked=(), damaged=some(_1=2)))).when(ask_refund()).refused(
        "nothing_due_back"
    )


def test_damaged_units_do_not_lower_the_credit_of_later_units() -> None:
    three = replace(CREATE, lines=(replace(MUGS, quantity=3),))
    past = (three, replace(PAY, amount=Decimal("22.50")), SHIP, replace(ASK, lines=some(_1=3)), ALLOW)
    both, one = replace(RECEIVE, restocked=some(_1=1), damaged=some(_1=1)), replace(RECEIVE, restocked=some(_1=1))
    assert [event.due_back for event in done(*past, both, one)[-2:]] == [Decimal("7.50"), Decimal("7.50")]


def test_staff_may_refund_damaged_goods() -> None:
    order = after(*SENT, ASK, ALLOW, replace(RECEIVE, restocked=(), damaged=some(_1=2)), ask_refund("15.00"))
    assert (order.refund_pending, order.charged) == (15, 10)


def test_a_return_comes_in_several_parcels() -> None:
    one = replace(RECEIVE, restocked=some(_1=1))
    order = after(*SENT, ASK, ALLOW, one)
    assert (order.in_return(1), return_status(order)) == (1, ReturnsStatus.APPROVED)
    assert return_status(after(*SENT, ASK, ALLOW, one, one)) is ReturnsStatus.PARTIAL
    given(*done(*SENT, ASK, ALLOW, one, one)).when(one).refused("return_is_otherwise", "return 1 is received")


def test_declining_an_approved_return_closes_it() -> None:
    one = replace(RECEIVE, restocked=some(_1=1))
    order = after(*SENT, ASK, ALLOW, one, REFUSE)
    assert (order.in_return(1), return_status(order)) == (0, ReturnsStatus.PARTIAL)
    given(*done(*SENT, ASK)).when(REFUSE).then(ReturnDeclined(order_id=ORDER, return_id=1, reason="Worn"))


def test_unpaid_returned_goods_are_not_due_back() -> None:
    with shop(paid_before_shipped=False):
        order = after(CREATE, SHIP, *come_back(_1=2))
    assert (order.due_back, order.due) == (0, 10)


def test_units_returned_one_by_one_add_up_to_the_line() -> None:
    pins = replace(CREATE.lines[0], quantity=3, unit_price=Decimal("3.335"), tax_rate=Decimal(20))
    sent = (replace(CREATE, lines=(pins,)), replace(PAY, amount=Decimal("10.01")), SHIP)
    ask, one = replace(ASK, lines=some(_1=3)), replace(RECEIVE, restocked=some(_1=1))
    events = done(*sent, ask, ALLOW, one, one, one)[-3:]
    assert [str(event.due_back) for event in events] == ["3.34", "3.33", "3.34"]
    assert sum(event.restocked[0].tax for event in events) == Decimal("1.67")


@pytest.mark.parametrize(
    ("past", "command"),
    [((), RECEIVE), ((ALLOW,), ALLOW), ((REFUSE,), ALLOW), ((REFUSE,), REFUSE), ((ALLOW, RECEIVE), REFUSE)],
)
def test_a_return_does_not_go_back_to_an_earlier_status(past: tuple[object, ...], command: object) -> None:
    given(*done(*SENT, ASK, *past)).when(command).refused("return_is_otherwise")


def test_the_return_status_is_that_of_the_open_return() -> None:
    everything = replace(ASK, lines=some(_1=2, _2=1))
    all_of_it = replace(RECEIVE, restocked=some(_1=2, _2=1))
    assert return_status(after(*SENT)) is ReturnsStatus.NONE
    assert return_status(after(*SENT, ASK)) is ReturnsStatus.REQUESTED
    assert return_status(after(*SENT, ASK, REFUSE)) is ReturnsStatus.DECLINED
    assert return_status(after(*SENT, ASK, ALLOW)) is ReturnsStatus.APPROVED
    assert return_status(after(*SENT, everything, ALLOW, all_of_it)) is ReturnsStatus.RETURNED
    another = replace(ASK, lines=some(_2=1))
    assert return_status(after(*SENT, ASK, ALLOW, RECEIVE, another)) is ReturnsStatus.REQUESTED


def test_an_order_is_completed_once_its_returns_and_refunds_are_closed() -> None:
    assert order_status(after(*SENT)) is OrderStatus.COMPLETED
    assert order_status(after(*SENT, ASK)) is OrderStatus.OPEN
    assert order_status(after(*SENT, ASK, ALLOW, RECEIVE)) is OrderStatus.OPEN
    refunded = (*SENT, ASK, ALLOW, RECEIVE, ask_refund(), approve(), settle())
    assert order_status(after(*refunded)) is OrderStatus.COMPLETED


@pytest.mark.parametrize("command", [ASK, ALLOW, REFUSE, RECEIVE], ids=lambda each: type(each).__name__)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


@pytest.mark.parametrize("command", [ALLOW, REFUSE, RECEIVE], ids=lambda each: type(each).__name__)
def test_only_returns_that_the_order_has_are_decided_on(command: object) -> None:
    given(CREATED, PAID, SHIPPED).when(command).refused("return_not_found", "no return 1")


def test_declining_says_why() -> None:
    given(CREATED, PAID, SHIPPED, ASKED).when(replace(REFUSE, reason=" ")).refused("no_reason")
