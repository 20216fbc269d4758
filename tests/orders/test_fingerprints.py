"""A repeat of a command is recognised by a release that gave the command more fields."""

from dataclasses import replace
from decimal import Decimal

from eventstore import codec
from orders.commands import NewDiscount
from orders.values import DiscountKind, OrderDiscountKind
from tests.support.order_examples import CREATE, MUGS

FIVE = NewDiscount(name="FIVE", amount=Decimal("5.00"))
DISCOUNTED = replace(CREATE, lines=(replace(MUGS, discount=Decimal("1.00")),), discounts=(FIVE,))


def test_commands_from_before_the_kinds_of_discounts_keep_their_fingerprints() -> None:
    """The digests were computed by the release before."""
    assert codec.fingerprint(CREATE).hex() == "f410b92dde621d0bb60bc9d17e5d70ebb4e6ceb4dcc02aa08c040ade9ccb3a64"
    assert codec.fingerprint(DISCOUNTED).hex() == "9a31f0034457f32baf05b5b418d125c843e939e1f688a0779e541f303e7991a8"


def test_the_kind_and_the_most_of_a_discount_are_part_of_the_fingerprint() -> None:
    others = (
        replace(DISCOUNTED, discounts=(replace(FIVE, kind=OrderDiscountKind.PERCENT),)),
        replace(DISCOUNTED, discounts=(replace(FIVE, most=Decimal("2.00")),)),
        replace(DISCOUNTED, lines=(replace(DISCOUNTED.lines[0], discount_kind=DiscountKind.PER_UNIT),)),
        replace(DISCOUNTED, lines=(replace(DISCOUNTED.lines[0], discount_most=Decimal("2.00")),)),
    )
    assert len({codec.fingerprint(each) for each in (DISCOUNTED, *others)}) == 5
