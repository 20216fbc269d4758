"""The demo shop: about 300 orders over the last 60 days in every state, through the real commands.

Deterministic for a given day: the same people buy the same things. Needed because real orders cannot be shipped with
the project, and refused where the settings allow no demo accounts.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.crypto import salted_hmac
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import CONSTANTS

from eventstore import store
from eventstore.dispatch import Context, dispatch_batch
from eventstore.errors import CommandRefused, IdempotencyConflict
from eventstore.ids import id_at
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping, OrderCommand
from orders.money import rounded
from ordersite.demo.goods import GOODS, PEOPLE, RATES
from ordersite.demo.life import NAMES, Life, NotYet
from ordersite.demo.stories import FRESH, GROWN, told
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE

ORDERS, DAYS, FRESH_DAYS = 300, 60, 8
TAXED, TAX = "United Kingdom", Decimal(20)  # per cent
_SEED = 20101201


LOGINS = (  # username, password, full name, group
    ("staff", "demo-staff", "Robin Ashworth", BACK_OFFICE),
    ("accountant", "demo-accountant", "Priya Raman", ACCOUNTANTS),
    ("customer", "demo-customer", PEOPLE[0][0], None),
)


class NoDemoHere(Exception):
    """These settings allow no demo accounts. Use the development settings and a database of their own."""


def load(now: datetime) -> int:
    """Make the logins and, where the log is empty, the orders; returns how many. Raises NoDemoHere."""
    if not settings.DEMO_ACCOUNTS:
        raise NoDemoHere("the demo shop is refused: DEMO_ACCOUNTS is off in these settings")
    for login in LOGINS:
        _make_login(*login)
    if not store.is_empty():
        return 0
    commands = [step for number in range(ORDERS) for step in _life_of_order(number, now)]
    commands.sort(key=lambda step: step[1].occurred_at or now)
    for answer in dispatch_batch(commands):
        if isinstance(answer, CommandRefused | IdempotencyConflict):
            raise answer  # the demo breaks one of the shop's own rules
    return ORDERS


def token_of(username: str) -> str:
    """The demo customer's API token: the same every time, made from this site's secret."""
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
        if group:
            user.groups.add(Group.objects.get(name=group))


def _life_of_order(number: int, now: datetime) -> list[tuple[OrderCommand, Context]]:
    """An order and what became of it; older ones have come further."""
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
    stories = told(FRESH if age < FRESH_DAYS else GROWN, _SEED)
    with suppress(NotYet):
        stories[number % len(stories)](life)
    return life.steps


def _basket(random: Random, currency: str, *, taxed: bool) -> dict[str, Any]:
    """Lines, a way of sending them, and now and then something taken off."""
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
    sent = random.random() < 0.8
    voucher = random.random() < 0.12
    return {
        "lines": tuple(replace(line, discount=rounded(line.discount, currency)) for line in lines),
        "shipping": (NewShipping(name=name, price=price(pounds), tax_rate=rate, code="POST"),) if sent else (),
        "discounts": (NewDiscount(name="WELCOME", amount=price("3.00")),) if voucher else (),
    }


def _customer_id(name: str) -> UUID:
    return uuid5(NAMES, name)


def _email(name: str) -> str:
    ascii_name = name.lower().translate(str.maketrans("ńłćíęøæäå", "nlciaoaaa"))
    return ".".join(ascii_name.replace("-", " ").split()) + "@example.com"
