"""Laws of finding tax rates: an amount of tax comes out again to the cent, or is refused."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.money import rounded
from ordersite.importing.layouts.fields import BadOrder
from ordersite.importing.layouts.taxes import prices_of, rate_for, tax_of, with_tax

CENTS = st.integers(1, 500_000).map(lambda cents: Decimal(cents) / 100)
RATES = st.sampled_from(["5", "7", "8.875", "19", "20", "21", "25.5"]).map(Decimal)


@given(base=CENTS, rate=RATES, is_included=st.booleans())
def test_the_rate_of_a_tax_gives_this_tax_again(base: Decimal, rate: Decimal, is_included: bool) -> None:
    tax = tax_of(base, rate, "EUR", is_included=is_included)
    found = rate_for(base, tax, "EUR", is_included=is_included)
    assert tax_of(base, found, "EUR", is_included=is_included) == tax
    assert int(found.as_tuple().exponent) >= int(rate.as_tuple().exponent), (
        "not more decimals than the rate that was charged"
    )


@given(
    prices=st.lists(CENTS, min_size=1, max_size=6),
    shipping=CENTS,
    rate=RATES,
    is_included=st.booleans(),
    on_shipping=st.booleans(),
    is_named=st.booleans(),
    at_once=st.booleans(),
    off=st.integers(0, 100),
)
def test_the_tax_of_an_order_is_divided_so_that_it_adds_up(
    *,
    prices: list[Decimal],
    shipping: Decimal,
    rate: Decimal,
    is_included: bool,
    on_shipping: bool,
    is_named: bool,
    at_once: bool,
    off: int,
) -> None:
    """Shops round the tax of each line, or that of the whole order at once."""
    discount = min(Decimal(off) / 100, sum(prices))
    order = CreateOrder(
        order_id=UUID(int=1),
        customer_id=None,
        customer_name="",
        customer_email="",
        currency="EUR",
        lines=tuple(NewLine(sku="A", name="A", quantity=1, unit_price=price) for price in prices),
        shipping=(NewShipping(name="Post", price=shipping),),
        discounts=(NewDiscount(name="Off", amount=discount),) if discount else (),
        prices_include_tax=is_included,
    )
    bases = [line.total for line in prices_of(order)]
    taxed = bases if on_shipping else bases[:-1]
    taxes = [tax_of(base, rate, "EUR", is_included=is_included) for base in taxed]
    tax = (
        rounded(tax_of(sum(taxed, Decimal(0)), rate, "EUR", is_included=is_included), "EUR") if at_once else sum(taxes)
    )
    try:
        found = with_tax(order, Decimal(tax), taxable=[True] * len(prices), named=rate if is_named else Decimal(0))
    except BadOrder:
        assert at_once, "what was rounded line by line has a rate"
        return
    assert sum(line.tax for line in prices_of(found)) == tax
    if is_named and not at_once:
        assert {line.tax_rate for line in found.lines} <= {rate, 0}
