"""The allowed actions of an order are exactly the commands that the rules accept."""

from decimal import Decimal
from typing import get_args

import pytest

from orders.actions import CUSTOMER_COMMANDS, allowed_actions, name_of
from orders.commands import CreateOrder, ExpireOrder, HoldOrder, OrderCommand, ShipOrder
from orders.state import Order
from tests.support.order_examples import CANCEL, CREATE, ORDER, PAY, SHIP
from tests.support.order_stories import after, approve, ask_refund, authorise, come_back, fail, settle, shop

ALWAYS = {"authorise_payment", "record_payment_failure", "add_note", "hold"}


def test_commands_have_short_names() -> None:
    assert name_of(ShipOrder) == "ship"


def test_an_order_that_does_not_exist_accepts_nothing() -> None:
    assert allowed_actions(Order()) == []


NAMED = ALWAYS | {
    *("pay", "pay_from_account", "write_off", "cancel", "cancel_lines", "edit", "stage_edit", "change_address", "ship"),
    *("ship_lines", "request_refund", "confirm_delivery", "request_return", "approve_return", "decline_return"),
    *("approve_refund", "decline_refund", "settle_refund", "fail_refund", "retry_refund"),
}
"""The commands that the table below speaks of. A new command need not be added to it."""


@pytest.mark.parametrize(
    ("past", "actions"),
    [
        (
            (),
            {"pay", "pay_from_account", "write_off", "cancel", "cancel_lines", "edit", "stage_edit", "change_address"},
        ),
        (
            (PAY,),
            {
                "ship",
                "ship_lines",
                "cancel",
                "cancel_lines",
                "edit",
                "stage_edit",
                "change_address",
                "request_refund",
            },
        ),
        ((PAY, SHIP), {"confirm_delivery", "request_refund", "request_return"}),
        (
            (PAY, SHIP, *come_back(_1=2)[:1]),
            {"confirm_delivery", "request_refund", "request_return"} | {"approve_return", "decline_return"},
        ),
        ((PAY, CANCEL), {"request_refund"}),
        ((PAY, CANCEL, ask_refund()), {"approve_refund", "decline_refund"}),
        ((PAY, CANCEL, ask_refund(), approve()), {"settle_refund", "fail_refund"}),
        ((PAY, CANCEL, ask_refund(), approve(), fail()), {"request_refund", "retry_refund", "decline_refund"}),
        ((PAY, CANCEL, ask_refund(), approve(), settle()), set()),
    ],
    ids=["new", "paid", "shipped", "to come back", "cancelled", "asked", "approved", "failed", "refunded"],
)
def test_an_order_names_exactly_the_commands_that_it_would_accept(past: tuple[object, ...], actions: set[str]) -> None:
    order = after(CREATE, *past)
    usual = ALWAYS - {"authorise_payment"} if order.is_cancelled else ALWAYS
    assert set(allowed_actions(order)) & NAMED == usual | actions


def test_customers_see_only_their_own_commands() -> None:
    assert allowed_actions(after(CREATE, PAY, SHIP), CUSTOMER_COMMANDS) == ["request_return"]
    assert allowed_actions(after(CREATE, CANCEL), CUSTOMER_COMMANDS) == []


def test_a_held_order_can_be_released_but_not_shipped() -> None:
    actions = allowed_actions(after(CREATE, PAY, HoldOrder(order_id=ORDER, reason="Fraud")))
    assert "release" in actions
    assert not {"hold", "ship", "ship_lines"} & set(actions)


def test_an_authorised_payment_can_be_captured_or_voided() -> None:
    assert {"capture_payment", "void_payment"} <= set(allowed_actions(after(CREATE, authorise("25.00"))))


def test_a_refund_that_one_person_may_not_approve_alone_can_be_approved_by_another() -> None:
    with shop(approval_limits={"GBP": Decimal(5)}):
        order = after(CREATE, PAY, CANCEL, ask_refund(by="staff:anna"))
        assert "approve_refund" in allowed_actions(order)
        assert "approve_refund" in allowed_actions(order, by="staff:ben")
        assert "approve_refund" not in allowed_actions(order, by="staff:anna")
        assert "approve_refund" not in allowed_actions(order, by="service:robot")


def test_every_command_except_create_and_expire_has_an_example() -> None:
    orders = [after(CREATE, PAY, SHIP, *come_back(_1=1)[:steps], ask_refund("1.00")) for steps in (1, 2)]
    orders += [after(CREATE, PAY, *more) for more in ((ask_refund("1.00"), approve()),)]
    orders += [after(CREATE, PAY, ask_refund("1.00"), approve(), fail())]
    commands: tuple[type[OrderCommand], ...] = get_args(OrderCommand)
    tried = {type(example) for order in orders for command in commands for example in command.examples(order)}
    assert tried == set(commands) - {CreateOrder, ExpireOrder}
