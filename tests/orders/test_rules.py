"""The rules of an order, each as a sentence."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.commands import CancelOrder, ExpireOrder, NewLine, PayOrder, RestoreOrder, ShipOrder
from tests.orders.examples import (
    CANCELLED,
    CANCELLED_AFTER_PAYMENT,
    CREATE,
    CREATED,
    MUGS,
    ORDER,
    PAID,
    RESTORED,
    RESTORED_AFTER_PAYMENT,
    SHIPPED,
)
from tests.spec import given

PAY = PayOrder(order_id=ORDER, amount=Decimal("25.00"), payment_method="card", payment_reference="pay_1")
SHIP = ShipOrder(order_id=ORDER, carrier="DHL", tracking_code="JD01")
CANCEL = CancelOrder(order_id=ORDER, reason="Ordered twice")


def with_line(**changes: object) -> object:
    return replace(CREATE, lines=(replace(MUGS, **changes),))  # type: ignore[arg-type]  # names come from the tests


def test_a_new_order_is_created_with_its_lines_numbered_and_its_total_equal_to_theirs() -> None:
    given().when(CREATE).then(CREATED)


def test_an_order_is_created_once() -> None:
    given(CREATED).when(CREATE).refused("order_exists")


def test_an_order_must_have_lines() -> None:
    given().when(replace(CREATE, lines=())).refused("no_lines")


@pytest.mark.parametrize("quantity", [0, -1])
def test_quantities_are_positive(quantity: int) -> None:
    given().when(with_line(quantity=quantity)).refused("quantity_not_positive", "line 1")


@pytest.mark.parametrize("price", ["-0.01", "NaN", "Infinity"])
def test_a_price_is_a_number_and_not_negative(price: str) -> None:
    given().when(with_line(unit_price=Decimal(price))).refused("price_negative", "line 1")


@pytest.mark.parametrize(("quantity", "price"), [(10**9, "999999999999.99"), (1, "1000000000000")])
def test_no_line_is_worth_more_than_the_books_can_add_up(quantity: int, price: str) -> None:
    given().when(with_line(quantity=quantity, unit_price=Decimal(price))).refused("amount_too_large", "line 1")


def test_no_order_is_worth_more_than_the_books_can_add_up() -> None:
    line = replace(MUGS, quantity=1, unit_price=Decimal(999999999999))
    given().when(replace(CREATE, lines=(line, line))).refused("amount_too_large", "the order")


def test_a_price_is_kept_without_the_zeros_somebody_padded_it_with() -> None:
    line = replace(CREATED.lines[0], unit_price=Decimal("7.5"))
    padded = replace(CREATE, lines=(replace(MUGS, unit_price=Decimal("7.500000")),))
    given().when(padded).then(replace(CREATED, lines=(line,), total=Decimal("15.00")))


def test_a_line_names_its_sku() -> None:
    given().when(with_line(sku=" ")).refused("no_sku")


@pytest.mark.parametrize("currency", ["", "gbp", "XXX", "EURO", "XAU"])
def test_an_order_has_one_real_currency(currency: str) -> None:
    given().when(replace(CREATE, currency=currency)).refused("unknown_currency")


def test_the_same_sku_may_stand_twice_in_one_order() -> None:
    lines = (MUGS, MUGS)
    first, second = CREATED.lines[0], replace(CREATED.lines[0], line_id=2)
    created = replace(CREATED, lines=(first, second), total=Decimal("30.00"))
    given().when(replace(CREATE, lines=lines)).then(created)


def test_a_price_finer_than_a_penny_is_rounded_once_per_line_half_up() -> None:
    line = NewLine(sku="PIN", name="Pin", quantity=5, unit_price=Decimal("0.001"))
    sold = replace(
        CREATED.lines[0], sku="PIN", name="Pin", quantity=5, unit_price=Decimal("0.001"), amount=Decimal("0.01")
    )
    given().when(replace(CREATE, lines=(line,))).then(replace(CREATED, lines=(sold,), total=Decimal("0.01")))


def test_yen_have_no_decimals_and_dinars_have_three() -> None:
    yen = replace(CREATE, currency="JPY", lines=(replace(MUGS, quantity=3, unit_price=Decimal("0.5")),))
    dinars = replace(CREATE, currency="BHD", lines=(replace(MUGS, quantity=1, unit_price=Decimal("0.1235")),))
    for command, total in ((yen, "2"), (dinars, "0.124")):
        line = replace(
            CREATED.lines[0],
            quantity=command.lines[0].quantity,
            unit_price=command.lines[0].unit_price,
            amount=Decimal(total),
        )
        given().when(command).then(replace(CREATED, currency=command.currency, lines=(line,), total=Decimal(total)))


def test_a_created_order_is_paid_with_exactly_what_is_due() -> None:
    given(CREATED).when(PAY).then(PAID)


@pytest.mark.parametrize("amount", ["24.99", "25.01", "0", "-25.00"])
def test_any_other_amount_is_refused_and_the_due_amount_is_named(amount: str) -> None:
    given(CREATED).when(replace(PAY, amount=Decimal(amount))).refused("amount_differs", r"25\.00 GBP is due")


def test_a_payment_finer_than_a_penny_is_refused() -> None:
    given(CREATED).when(replace(PAY, amount=Decimal("25.001"))).refused("amount_not_exact")


def test_a_payment_in_another_currency_is_refused() -> None:
    given(CREATED).when(replace(PAY, currency="EUR")).refused("currency_differs", "in GBP, not in EUR")


@pytest.mark.parametrize("later", [(PAID,), (PAID, SHIPPED), (CANCELLED,)], ids=["paid", "shipped", "cancelled"])
def test_only_a_created_order_can_be_paid(later: tuple[object, ...]) -> None:
    given(CREATED, *later).when(PAY).refused("not_payable")


def test_a_free_order_needs_no_payment_and_takes_none() -> None:
    free = replace(CREATED, total=Decimal("0.00"))
    given(free).when(replace(PAY, amount=Decimal(0))).refused("nothing_due")
    given(free).when(SHIP).then(SHIPPED)


def test_a_paid_order_ships() -> None:
    given(CREATED, PAID).when(SHIP).then(SHIPPED)


def test_an_unpaid_order_does_not_ship() -> None:
    given(CREATED).when(SHIP).refused("not_paid", r"25\.00 GBP")


@pytest.mark.parametrize("last", [(PAID, SHIPPED), (CANCELLED,)], ids=["shipped", "cancelled"])
def test_a_shipped_or_cancelled_order_does_not_ship(last: tuple[object, ...]) -> None:
    given(CREATED, *last).when(SHIP).refused("not_shippable")


def test_an_unpaid_order_is_cancelled_and_nothing_is_due_back() -> None:
    given(CREATED).when(CANCEL).then(CANCELLED)


def test_a_cancelled_paid_order_leaves_its_money_due_back() -> None:
    given(CREATED, PAID).when(CANCEL).then(CANCELLED_AFTER_PAYMENT)


@pytest.mark.parametrize("last", [(PAID, SHIPPED), (CANCELLED,)], ids=["shipped", "cancelled"])
def test_a_shipped_or_cancelled_order_is_not_cancelled(last: tuple[object, ...]) -> None:
    given(CREATED, *last).when(CANCEL).refused("not_cancellable")


def test_a_cancellation_says_why() -> None:
    given(CREATED).when(replace(CANCEL, reason=" ")).refused("no_reason")


@pytest.mark.parametrize("command", [PAY, SHIP, CANCEL], ids=["pay", "ship", "cancel"])
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


EXPIRE = ExpireOrder(order_id=ORDER, days=14)


def test_an_unpaid_order_expires_and_says_after_how_long() -> None:
    given(CREATED).when(EXPIRE).then(replace(CANCELLED, reason="Not paid within 14 days"))


@pytest.mark.parametrize("past", [(CREATED, PAID), (CREATED, PAID, SHIPPED), (CREATED, CANCELLED)])
def test_only_an_unpaid_order_expires(past: tuple[object, ...]) -> None:
    given(*past).when(EXPIRE).refused("not_unpaid")


def test_an_order_that_costs_nothing_does_not_expire() -> None:
    free = replace(CREATED, total=Decimal("0.00"))
    given(free).when(EXPIRE).refused("not_unpaid")


def test_only_an_order_that_exists_expires() -> None:
    given().when(EXPIRE).refused("order_not_found")


RESTORE = RestoreOrder(order_id=ORDER, version=1, reason="Cancelled by mistake")


def test_a_cancelled_order_is_restored_to_what_it_was() -> None:
    given(CREATED, CANCELLED).when(RESTORE).then(RESTORED)


def test_a_paid_order_that_was_cancelled_is_paid_again_and_nothing_is_owed_back() -> None:
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT).when(replace(RESTORE, version=2)).then(RESTORED_AFTER_PAYMENT)


def test_a_restored_order_goes_on_as_if_it_had_not_been_cancelled() -> None:
    given(CREATED, CANCELLED, RESTORED).when(PAY).then(PAID)
    given(CREATED, PAID, CANCELLED_AFTER_PAYMENT, RESTORED_AFTER_PAYMENT).when(SHIP).then(SHIPPED)


def test_a_restoration_can_itself_be_undone() -> None:
    back = replace(RESTORE, version=2, reason="It was right after all")
    given(CREATED, CANCELLED, RESTORED).when(back).then(
        replace(
            RESTORED,
            version=2,
            reason="It was right after all",
            status="cancelled",
            sold_again=Decimal("-25.00"),
            due=Decimal(0),
        )
    )


@pytest.mark.parametrize(
    ("past", "code", "words"),
    [
        ((CREATED, PAID), "money_moved", "since version 1 25.00 GBP was paid by card: that happened in the world"),
        (
            (CREATED, PAID, CANCELLED_AFTER_PAYMENT),
            "money_moved",
            "25.00 GBP was paid by card",
        ),
        (
            (CREATED, PAID, SHIPPED),
            "money_moved",
            "25.00 GBP was paid by card and the goods were shipped with DHL",
        ),
        ((replace(CREATED, total=Decimal("0.00")), SHIPPED), "goods_shipped", "the goods were shipped with DHL"),
        ((CREATED, CANCELLED, RESTORED), "already_so", "as it was at version 1 already"),
        ((CREATED,), "no_earlier_version", "1 is no earlier version; the current one is 1"),
    ],
)
def test_what_happened_in_the_world_cannot_be_restored_away(past: tuple[object, ...], code: str, words: str) -> None:
    given(*past).when(RESTORE).refused(code, words)


@pytest.mark.parametrize("version", [0, -1, 2, 99])
def test_only_an_earlier_version_is_restored(version: int) -> None:
    given(CREATED, CANCELLED).when(replace(RESTORE, version=version)).refused("no_earlier_version")


def test_a_restoration_says_why() -> None:
    given(CREATED, CANCELLED).when(replace(RESTORE, reason=" ")).refused("no_reason")


def test_only_an_order_that_exists_is_restored() -> None:
    given().when(RESTORE).refused("order_not_found")
