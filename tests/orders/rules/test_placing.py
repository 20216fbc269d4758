"""The rule of placing: prices, names and tax are snapshots, and totals add up exactly."""

from dataclasses import replace
from decimal import Decimal

import hypothesis
import pytest

from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.events import OrderCreated
from orders.money import smallest
from orders.values import LineKind
from tests.support.decider_spec import given
from tests.support.order_examples import CREATE, CREATED, MUGS, THROW
from tests.support.order_lives import creations
from tests.support.order_stories import last


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
def test_a_line_must_cost_less_than_the_limit(quantity: int, price: str) -> None:
    given().when(with_line(quantity=quantity, unit_price=Decimal(price))).refused("amount_too_large", "line 1")


def test_an_order_must_cost_less_than_the_limit() -> None:
    line = replace(MUGS, quantity=1, unit_price=Decimal(999999999999))
    given().when(replace(CREATE, lines=(line, line))).refused("amount_too_large", "the order")


def test_a_price_is_stored_without_trailing_zeros() -> None:
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
        CREATED.lines[0],
        sku="PIN",
        name="Pin",
        quantity=5,
        unit_price=Decimal("0.001"),
        amount=Decimal("0.01"),
        total=Decimal("0.01"),
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
            total=Decimal(total),
        )
        given().when(command).then(replace(CREATED, currency=command.currency, lines=(line,), total=Decimal(total)))


def test_a_line_has_a_largest_quantity() -> None:
    free = Decimal(0)
    given().when(with_line(quantity=10**9 + 1, unit_price=free)).refused("quantity_too_large", "1,000,000,000")
    assert placed(replace(CREATE, lines=(replace(MUGS, quantity=10**9, unit_price=free),))).total == 0


def placed(command: CreateOrder) -> OrderCreated:
    event = last(command)
    assert isinstance(event, OrderCreated)
    return event


def figures(event: OrderCreated) -> list[tuple[str, ...]]:
    """Return the discounts, the tax and the total of each line."""
    return [(str(line.discount + line.discount_share), str(line.tax), str(line.total)) for line in event.lines]


AT_20 = replace(MUGS, tax_rate=Decimal(20))
AT_5 = replace(THROW, tax_rate=Decimal(5))


def test_included_tax_is_computed_from_the_price() -> None:
    event = placed(replace(CREATE, lines=(AT_20, AT_5)))
    assert figures(event) == [("0.00", "2.50", "15.00"), ("0.00", "0.48", "10.00")]
    assert (event.tax, event.total) == (Decimal("2.98"), Decimal("25.00"))


def test_excluded_tax_is_added_to_the_price() -> None:
    event = placed(replace(CREATE, lines=(AT_20, AT_5), prices_include_tax=False))
    assert figures(event) == [("0.00", "3.00", "18.00"), ("0.00", "0.50", "10.50")]
    assert (event.tax, event.total) == (Decimal("3.50"), Decimal("28.50"))


def test_tax_is_rounded_once_per_line_a_half_up() -> None:
    pin = NewLine(sku="PIN", name="Pin", quantity=3, unit_price=Decimal("0.11"), tax_rate=Decimal("7.7"))
    assert figures(placed(replace(CREATE, lines=(pin, pin)))) == [("0.00", "0.02", "0.33")] * 2
    half = replace(pin, quantity=1, unit_price=Decimal("0.10"), tax_rate=Decimal(5))
    assert placed(replace(CREATE, lines=(half,), prices_include_tax=False)).tax == Decimal("0.01")


@pytest.mark.parametrize("rate", ["-1", "100.01", "NaN"])
def test_a_tax_rate_is_between_0_and_100_per_cent(rate: str) -> None:
    given().when(with_line(tax_rate=Decimal(rate))).refused("tax_rate_wrong", "line 1")


def test_a_discount_on_a_line_is_taken_off_before_tax() -> None:
    event = placed(replace(CREATE, lines=(replace(AT_20, discount=Decimal("3.00")),), prices_include_tax=False))
    assert figures(event) == [("3.00", "2.40", "14.40")]


def test_a_discount_on_the_order_is_spread_by_largest_remainder_without_a_rest() -> None:
    one = replace(MUGS, quantity=1, unit_price=Decimal("10.00"))
    dear = replace(one, unit_price=Decimal("20.01"))
    off = NewDiscount(name="SPRING", amount=Decimal("10.00"))
    equal = placed(replace(CREATE, lines=(one, one, one), discounts=(off,)))
    assert [str(line.discount_share) for line in equal.lines] == ["3.34", "3.33", "3.33"]
    uneven = placed(replace(CREATE, lines=(one, dear, one), discounts=(off,)))
    assert [str(line.discount_share) for line in uneven.lines] == ["2.50", "5.00", "2.50"]
    assert (equal.total, uneven.total) == (Decimal("20.00"), Decimal("30.01"))
    assert equal.discounts[0].amount == sum(line.discount_share for line in equal.lines)


def test_shipping_is_a_line_with_its_own_tax_and_without_discount() -> None:
    way = NewShipping(name="Standard delivery", price=Decimal("3.95"), tax_rate=Decimal(20))
    off = NewDiscount(name="SPRING", amount=Decimal("5.00"))
    event = placed(replace(CREATE, lines=(AT_20,), shipping=(way,), discounts=(off,)))
    assert figures(event) == [("5.00", "1.67", "10.00"), ("0.00", "0.66", "3.95")]
    assert event.lines[1].kind is LineKind.SHIPPING
    assert (event.tax, event.total) == (Decimal("2.33"), Decimal("13.95"))


def test_a_discount_is_at_most_the_price() -> None:
    everything = placed(replace(CREATE, discounts=(NewDiscount(name="GIFT", amount=Decimal("25.00")),)))
    assert everything.total == 0
    more = (NewDiscount(name="GIFT", amount=Decimal("25.01")),)
    given().when(replace(CREATE, discounts=more)).refused("discount_too_large", "more than the price of the lines")
    given().when(with_line(discount=Decimal("15.01"))).refused("discount_too_large", "line 1")


@pytest.mark.parametrize(("amount", "code"), [("-1", "discount_wrong"), ("NaN", "discount_wrong")])
def test_a_negative_discount_is_refused(amount: str, code: str) -> None:
    given().when(with_line(discount=Decimal(amount))).refused(code)
    given().when(replace(CREATE, discounts=(NewDiscount(name="X", amount=Decimal(amount)),))).refused(code)


def test_a_discount_finer_than_a_penny_is_refused() -> None:
    given().when(with_line(discount=Decimal("0.001"))).refused("amount_not_exact")


def test_a_guest_has_no_customer() -> None:
    given().when(replace(CREATE, customer_id=None)).then(replace(CREATED, customer_id=None))


@hypothesis.given(creations())
def test_for_random_orders_lines_add_up_to_the_total_and_shares_to_the_discount(
    command: CreateOrder,
) -> None:
    event = placed(command)
    unit = smallest(event.currency)
    assert event.total == sum(line.total for line in event.lines)
    assert event.tax == sum(line.tax for line in event.lines)
    assert sum(each.amount for each in event.discounts) == sum(line.discount_share for line in event.lines)
    for line in event.lines:
        assert abs(line.amount - line.quantity * line.unit_price) <= unit / 2
        net = line.amount - line.discount - line.discount_share
        assert line.total == (net if event.prices_include_tax else net + line.tax)
        assert line.total >= line.tax >= 0
        assert abs(line.tax - line.total * line.tax_rate / (100 + line.tax_rate)) <= unit
        assert all(number % unit == 0 for number in (line.amount, line.discount_share, line.tax, line.total))
