"""What is left of an order after the person whom it is about was erased."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from eventstore import codec
from eventstore.messages import ERASED
from eventstore.personal_data.texts import change_texts
from orders.accounts import references
from orders.erasing import erased_method, erased_reference, without_personal_texts
from orders.events import (
    EditStaged,
    PaymentAuthorised,
    PaymentCaptured,
    RefundRequested,
    RefundSettled,
    evolve,
)
from orders.state import Order
from orders.values import Discount, DiscountKind, DiscountTerms
from tests.support.order_examples import CREATED, ORDER, SHIPPED

PAYMENT: dict[str, Any] = {"order_id": ORDER, "payment_id": 1, "amount": Decimal(25), "currency": "GBP"}
REFUND: dict[str, Any] = {"order_id": ORDER, "refund_id": 1, "amount": Decimal(1), "currency": "GBP"}
TERMS = DiscountTerms(kind=DiscountKind.FIXED, amount=Decimal(0))


def test_the_state_without_personal_texts_is_the_state_of_erased_events() -> None:
    """So a row that an erasure changed equals the row that a rebuild makes from the unreadable events."""
    read, erased = Order(), Order()
    for event in (
        replace(CREATED, discounts=(Discount(name="Ada's own", amount=Decimal(0), terms=TERMS),)),
        PaymentAuthorised(**PAYMENT, method="Ada's card", reference="Ada 1", account_id=None),
        PaymentCaptured(**PAYMENT, method="Ada's card", reference="Ada 2"),
        SHIPPED,
        EditStaged(
            order_id=CREATED.order_id, lines=CREATED.lines, discounts=None, difference=Decimal(0), currency="GBP"
        ),
        RefundRequested(**REFUND, lines=(), reason="Ada", account_id=None, requested_by="staff:anna"),
        RefundSettled(**REFUND, reference="Ada 3"),
    ):
        data = msgspec.to_builtins(event)
        change_texts(codec.type_of(event), data, lambda path, text: ERASED)
        read, erased = evolve(read, event), evolve(erased, msgspec.convert(data, type(event)))
    assert without_personal_texts(read) == erased != read
    assert "Ada" not in repr(erased)


def test_a_known_payment_method_and_a_reference_of_the_shop_name_no_person_and_stay() -> None:
    assert [erased_method(text) for text in ("card", "Bank-transfer", "", "Ada's card")] == [
        "card",
        "Bank-transfer",
        "",
        ERASED,
    ]
    made = [
        references.of_payment(ORDER, 1),
        references.of_refund(ORDER, 1, retried_at=7),
        references.of_returned(ORDER, 2),
        references.of_taken_back(references.of_refund(ORDER, 1)),
    ]
    assert [erased_reference(text) for text in (*made, "", "Ada", f"{made[0]} Ada")] == [*made, "", ERASED, ERASED]
