"""What counts as money that a person moves or gives away by hand: attempts of one clerk, and daily work."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from eventstore import store
from eventstore.dispatch import current_state, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import account_of
from orders.accounts.rules import ACCOUNT
from orders.approvals.movements import MOVING
from orders.commands import (
    ApproveRefund,
    ApproveReturn,
    AuthorisePayment,
    CancelLines,
    CancelOrder,
    CapturePayment,
    CommitEdit,
    EditOrder,
    NewDiscount,
    NewLine,
    NewShipping,
    PayFromAccount,
    PayOrder,
    ReceiveReturn,
    RequestRefund,
    RequestReturn,
    ShipOrder,
    StageEdit,
    WriteOff,
)
from orders.http.approvals import waiting
from orders.values import LineQuantity, ReturnReason
from tests.support.by_hand import ACCOUNT_ID, ANNA, BEN, CUSTOMER, approved_by, ask, by, deposit, order
from tests.support.order_examples import CREATE
from tests.support.order_stories import shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """A shop where a person moves at most 20 pounds alone; the example order costs 25."""
    with shop(approval_limits={"GBP": Decimal(20)}):
        yield


def balance() -> Decimal:
    return current_state(ACCOUNT, ACCOUNT_ID).balance


def write_off() -> object:
    return WriteOff(order_id=order(), reason="Lost")


def pay() -> object:
    return PayOrder(order_id=order(), amount=Decimal(25), payment_method="transfer")


def capture() -> object:
    order_id = order()
    dispatch(AuthorisePayment(order_id=order_id, amount=Decimal(25), payment_method="card"), by(ANNA))
    return CapturePayment(order_id=order_id, payment_id=1)


def withdraw() -> object:
    dispatch(deposit("50"), by(f"customer:{CUSTOMER}"))
    return WithdrawMoney(account_id=ACCOUNT_ID, amount=Decimal(25), reason="Paid out")


def from_account() -> object:
    dispatch(deposit("50"), by(f"customer:{CUSTOMER}"))
    return PayFromAccount(order_id=order())


def discounted() -> object:
    return replace(CREATE, order_id=new_id(), discounts=(NewDiscount(name="Goodwill", amount=Decimal("20.01")),))


def edited() -> object:
    line = NewLine(sku="GIFT", name="Gift", quantity=1, unit_price=Decimal(30), discount=Decimal(30))
    return EditOrder(order_id=order(), added=(line,))


def goods(price: str, sku: str = "THR", quantity: int = 1, **more: Any) -> NewLine:
    return NewLine(sku=sku, name="Goods", quantity=quantity, unit_price=Decimal(price), **more)


def only(*added: NewLine) -> dict[str, Any]:
    """Replace both lines of the example order by these."""
    return {"quantities": (LineQuantity(line_id=1, quantity=0), LineQuantity(line_id=2, quantity=0)), "added": added}


def replaced_for_a_penny() -> object:
    return EditOrder(order_id=order(), **only(goods("0.01", sku="OTHER")))


def replaced_for_a_penny_when_prepared() -> object:
    order_id = order()
    dispatch(StageEdit(order_id=order_id, **only(goods("0.01", sku="OTHER"))), by(ANNA))
    return CommitEdit(order_id=order_id)


def cancelled_and_added_for_a_penny() -> object:
    order_id = order()
    cancelled = (LineQuantity(line_id=1, quantity=2), LineQuantity(line_id=2, quantity=1))
    dispatch(EditOrder(order_id=order_id, added=(goods("1", sku="BAG"),)), by(ANNA))
    dispatch(CancelLines(order_id=order_id, lines=cancelled, reason="Not wanted"), by(ANNA))
    return EditOrder(order_id=order_id, added=(goods("0.01", sku=" mug", quantity=2), goods("0.01", sku="thr")))


def more_added_for_a_penny() -> object:
    return EditOrder(order_id=order(), added=(goods("0.01", quantity=3),))


def shipping_fee_cancelled() -> object:
    created = replace(CREATE, order_id=new_id(), shipping=(NewShipping(name="Express", price=Decimal("20.01")),))
    dispatch(created, by(f"customer:{CUSTOMER}"))
    cancelled = (LineQuantity(line_id=3, quantity=1),)
    return CancelLines(order_id=created.order_id, lines=cancelled, reason="A favour")


def credit_used() -> object:
    """A paid order loses a mug and a throw, and what is owed for them pays for goods that are added."""
    order_id = order()
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), by(f"customer:{CUSTOMER}"))
    fewer = (LineQuantity(line_id=1, quantity=0), LineQuantity(line_id=2, quantity=0))
    dispatch(EditOrder(order_id=order_id, quantities=fewer, added=(goods("1", sku="BAG"),)), by(ANNA))
    return EditOrder(order_id=order_id, added=(goods("24", sku="SOFA"),))


def returned_unpaid() -> object:
    """Goods that were shipped and not paid are said to have come back."""
    with shop(paid_before_shipped=False):
        order_id = order()
        dispatch(ShipOrder(order_id=order_id, carrier="DHL", tracking_code="JD01"), by(ANNA))
    both = (LineQuantity(line_id=1, quantity=2), LineQuantity(line_id=2, quantity=1))
    dispatch(RequestReturn(order_id=order_id, lines=both, reason=ReturnReason.OTHER, comment=""), by(ANNA))
    dispatch(ApproveReturn(order_id=order_id, return_id=1), by(ANNA))
    return ReceiveReturn(order_id=order_id, return_id=1, restocked=both)


def refund_that_no_person_requested() -> object:
    order_id = order()
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), by(f"customer:{CUSTOMER}"))
    dispatch(RequestRefund(order_id=order_id, amount=Decimal(25), reason="Late", by="service:erp"), by("service:erp"))
    return ApproveRefund(order_id=order_id, refund_id=1, by=ANNA)


MOVES = (
    write_off,
    pay,
    capture,
    withdraw,
    from_account,
    discounted,
    edited,
    lambda: deposit("20.01"),
    replaced_for_a_penny,
    replaced_for_a_penny_when_prepared,
    cancelled_and_added_for_a_penny,
    more_added_for_a_penny,
    shipping_fee_cancelled,
    credit_used,
    returned_unpaid,
    refund_that_no_person_requested,
)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_every_movement_by_hand_over_the_limit_needs_a_second_person(move: Callable[[], object]) -> None:
    command = move()
    with pytest.raises(CommandRefused) as refused:
        dispatch(command, by(ANNA))
    assert refused.value.code == "approval_needed"


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_the_api_says_of_every_such_command_that_it_may_wait(move: Callable[[], object]) -> None:
    assert isinstance(move(), (*MOVING, DepositMoney, WithdrawMoney))


@pytest.mark.parametrize("actor", [f"customer:{CUSTOMER}", "service:erp", "service:account-payments"])
@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_customers_and_programs_have_no_such_limit(move: Callable[[], object], actor: str) -> None:
    dispatch(move(), by(actor))


def fewer_prepared() -> object:
    order_id = order()
    fewer = (LineQuantity(line_id=1, quantity=0),)
    return StageEdit(order_id=order_id, quantities=fewer)


def cancelled() -> object:
    return CancelOrder(order_id=order(), reason="Ordered twice")


def lines_cancelled() -> object:
    lines = (LineQuantity(line_id=1, quantity=2), LineQuantity(line_id=2, quantity=1))
    return CancelLines(order_id=order(), lines=lines, reason="Ordered twice")


def exchanged() -> object:
    """Both articles of a paid order are exchanged for one of the same price."""
    order_id = order()
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), by(f"customer:{CUSTOMER}"))
    return EditOrder(order_id=order_id, **only(goods("25", sku="OTHER")))


def more_sold() -> object:
    return EditOrder(order_id=order(), quantities=(LineQuantity(line_id=1, quantity=200),), added=(goods("10"),))


def expensive() -> object:
    return replace(CREATE, order_id=new_id(), lines=(goods("5000"),))


HONEST = (fewer_prepared, cancelled, lines_cancelled, exchanged, more_sold, expensive)


@pytest.mark.parametrize("work", HONEST, ids=lambda work: work.__name__)
def test_daily_work_that_gives_nothing_away_counts_nothing(work: Callable[[], object]) -> None:
    dispatch(work(), by(ANNA))
    dispatch(deposit("20"), by(ANNA))


def test_what_an_edit_gives_away_counts_once() -> None:
    order_id = order()
    dispatch(EditOrder(order_id=order_id, quantities=(LineQuantity(line_id=1, quantity=1),)), by(ANNA))  # 7.50 less
    dispatch(deposit("12.50"), by(ANNA))
    with pytest.raises(CommandRefused, match=r"20\.01 GBP alone"):
        dispatch(deposit("0.01"), by(ANNA))


def test_a_paid_order_made_cheaper_counts_when_its_money_leaves() -> None:
    order_id = order()
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), by(f"customer:{CUSTOMER}"))
    dispatch(EditOrder(order_id=order_id, **only(goods("0.50", sku="OTHER"))), by(ANNA))
    dispatch(RequestRefund(order_id=order_id, reason="Cheaper", by=ANNA), by(ANNA))
    with pytest.raises(CommandRefused) as refused:
        dispatch(ApproveRefund(order_id=order_id, refund_id=1, by=ANNA), by(ANNA))
    assert refused.value.code == "second_person_needed"
    dispatch(ApproveRefund(order_id=order_id, refund_id=1, by=BEN), by(BEN))


def test_a_refund_that_a_program_requested_waits_for_a_second_person() -> None:
    approval_id = ask(refund_that_no_person_requested())
    approved_by(BEN, approval_id)
    assert waiting().count() == 0


def test_tax_of_prices_without_tax_is_a_part_of_the_price() -> None:
    line = NewLine(sku="TEA", name="Tea", quantity=1, unit_price=Decimal(200), tax_rate=Decimal(20))
    created = replace(CREATE, order_id=new_id(), customer_id=CUSTOMER, lines=(line,), prices_include_tax=False)
    dispatch(created, by(f"customer:{CUSTOMER}"))
    with pytest.raises(CommandRefused, match=r"these 40\.00 GBP"):
        dispatch(EditOrder(order_id=created.order_id, added=(goods("200", sku="tea"),)), by(ANNA))


def test_splitting_does_not_help_across_kinds_and_customers() -> None:
    for _ in range(4):
        dispatch(deposit("5", account_id=account_of(customer := new_id(), "GBP"), customer_id=customer), by(ANNA))
    for command in (deposit("0.01"), WriteOff(order_id=order(), reason="Lost", amount=Decimal("0.01"))):
        with pytest.raises(CommandRefused, match=r"20\.01 GBP alone in 24 hours"):
            dispatch(command, by(ANNA))
        with pytest.raises(CommandRefused, match="alone in 24 hours"):
            dispatch(command, by("staff:ANNA"))
    dispatch(deposit("20"), by(BEN))


def test_a_currency_without_a_limit_always_needs_a_second_person() -> None:
    euros = deposit("0.01", account_id=account_of(CUSTOMER, "EUR"), currency="EUR")
    with pytest.raises(CommandRefused, match=r"0\.00 EUR is the most"):
        dispatch(euros, by(ANNA))


def test_what_is_refused_counts_nothing_and_leaves_nothing() -> None:
    before = store.latest_position()
    with pytest.raises(CommandRefused):
        dispatch(deposit("21"), by(ANNA))
    assert store.latest_position() == before
    dispatch(deposit("20"), by(ANNA))
    assert balance() == 20


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_pass_the_limit_together_only_once() -> None:
    def attempt(_: int) -> bool:
        try:
            dispatch(deposit("6", account_id=account_of(customer := new_id(), "GBP"), customer_id=customer), by(ANNA))
        except CommandRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 3
