"""The demo shop: about 300 orders of the last 60 days, in every state, created by real commands.

For a given day the result is always the same. The demo exists because real orders cannot be part of the project. It is
refused if the settings allow no demo accounts.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.crypto import salted_hmac
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS

from eventstore.dispatch import Context, dispatch_batch
from eventstore.errors import CommandRefused, IdempotencyConflict
from eventstore.ids import id_at
from eventstore.models import Event
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping, OrderCommand
from orders.money import rounded
from orders.order import ORDER
from ordersite.access.recording import unrecorded
from ordersite.demo.goods import GOODS, PEOPLE, RATES
from ordersite.demo.life import NAMES, Life, NotYet
from ordersite.demo.stories import FRESH, GROWN, shuffled
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE, OPERATORS

ORDERS, DAYS, FRESH_DAYS = 300, 60, 8
BATCH = 500  # commands of one batch
TAXED, TAX = "United Kingdom", Decimal(20)  # the country whose orders have tax, and the rate in per cent
_SEED = 20101201


LOGINS = (  # username, password, full name, group
    ("staff", "demo-staff", "Robin Ashworth", BACK_OFFICE),
    ("operator", "demo-operator", "Sam Okafor", OPERATORS),
    ("accountant", "demo-accountant", "Priya Raman", ACCOUNTANTS),
    ("customer", "demo-customer", PEOPLE[0][0], None),
)


class NoDemoHere(Exception):
    """The settings allow no demo accounts. Use the development settings, and a separate database."""


def load(now: datetime, progress: Callable[[int], None] = lambda orders: None) -> int:
    """Create the logins and, if there are no orders, the orders. Return how many orders. Raises NoDemoHere.

    `progress` is called now and then with the number of orders so far. All orders are created, or none.
    """
    if not settings.DEMO_ACCOUNTS:
        raise NoDemoHere("the demo shop is refused: DEMO_ACCOUNTS is off in these settings")
    with unrecorded():  # their passwords are public, and no other site has them
        for login in LOGINS:
            _make_login(*login)
    if Event.objects.filter(aggregate_type=ORDER.aggregate_type).exists():
        return 0
    commands = [command for number in range(ORDERS) for command in _commands_of_order(number, now)]
    commands.sort(key=lambda command: command[1].occurred_at or now)
    orders = 0
    with transaction.atomic():  # a later start finds any orders and adds none, so half a shop would stay
        for start in range(0, len(commands), BATCH):
            batch = commands[start : start + BATCH]
            for answer in dispatch_batch(batch):
                if isinstance(answer, CommandRefused | IdempotencyConflict):
                    raise answer  # a mistake in the demo: it breaks a rule of the shop
            orders += sum(isinstance(command, CreateOrder) for command, _ in batch)
            progress(orders)
    return orders


def token_of(username: str) -> str:
    """Return the API token of a demo account. It is derived from the site's secret, so it is always the same."""
    token = salted_hmac("demo-token", username).hexdigest() + salted_hmac("demo-token-2", username).hexdigest()[:24]
    user = User.objects.get(username=username, is_demo=True)
    AuthToken.objects.get_or_create(
        digest=hash_token(token), defaults={"user": user, "token_key": token[: CONSTANTS.TOKEN_KEY_LENGTH]}
    )
    return token


def _make_login(username: str, password: str, name: str, group: str | None) -> None:
    first, _, last = name.partition(" ")
    user, created = User.objects.get_or_create(
        username=username,
        defaults={
            "first_name": first,
            "last_name": last,
            "email": _email(name),
            "is_staff": group is not None,
            "customer_id": None if group else _customer_id(name),
            "is_demo": True,
        },
    )
    if created:
        user.set_password(password)
        user.save()
        user.groups.set(Group.objects.filter(name=group))  # none if an administrator renamed or deleted it


def _commands_of_order(number: int, now: datetime) -> list[tuple[OrderCommand, Context]]:
    """Return the commands of one order, from placing it to its story's end. Older orders have longer stories."""
    random = Random(_SEED + number)  # noqa: S311 - the same shop every time is the point
    name, country, currency, address = PEOPLE[0] if number % 12 == 0 else random.choice(PEOPLE)
    age = DAYS * (ORDERS - number) / ORDERS  # days
    at = now - timedelta(days=age) - timedelta(seconds=random.randrange(20_000) + 60)
    guest = number % 12 != 0 and random.random() < 0.15
    customer = "customer:guest" if guest else f"customer:{_customer_id(name)}"
    life = Life(order_id=id_at(at, f"demo/{number}"), customer=customer, at=at, now=now, random=random)
    life.do(
        CreateOrder,
        timedelta(0),
        customer,
        customer_id=None if guest else _customer_id(name),
        customer_name=name,
        customer_email=_email(name),
        shipping_address=f"{name}\n{address}",
        billing_address=f"{name}\n{address}" if random.random() < 0.4 else "",
        country=country,
        currency=currency,
        reference=f"W-{10_000 + number}",
        **_basket(random, currency, taxed=country == TAXED),
    )
    stories = shuffled(FRESH if age < FRESH_DAYS else GROWN, _SEED)
    with suppress(NotYet):
        stories[number % len(stories)](life)
    return life.commands


def _basket(random: Random, currency: str, *, taxed: bool) -> dict[str, Any]:
    """Return the lines of a new order, and sometimes shipping and a discount."""
    rate = TAX if taxed else Decimal(0)

    def price(pounds: str) -> Decimal:
        return rounded(Decimal(pounds) * RATES[currency], currency)

    lines = [
        NewLine(
            sku=sku,
            name=name,
            quantity=random.choice((1, 1, 1, 2, 2, 3, 6, 12)),
            unit_price=price(pounds),
            discount=price(pounds) / 10 if currency != "JPY" and random.random() < 0.08 else Decimal(0),
            tax_rate=rate,
        )
        for sku, name, pounds in random.sample(GOODS, random.randint(1, 6))
    ]
    name, pounds = random.choice((("Standard delivery", "4.90"), ("Express delivery", "9.50")))
    has_shipping = random.random() < 0.8
    voucher = random.random() < 0.12
    return {
        "lines": tuple(replace(line, discount=rounded(line.discount, currency)) for line in lines),
        "shipping": (NewShipping(name=name, price=price(pounds), tax_rate=rate, code="POST"),) if has_shipping else (),
        "discounts": (NewDiscount(name="WELCOME", amount=price("3.00")),) if voucher else (),
    }


def _customer_id(name: str) -> UUID:
    return uuid5(NAMES, name)


def _email(name: str) -> str:
    ascii_name = name.lower().translate(str.maketrans("ńłćíęøæäå", "nlciaoaaa"))
    return ".".join(ascii_name.replace("-", " ").split()) + "@example.com"
