"""The demo shop: about 300 orders over the last 60 days in every state, through the real commands.

Deterministic for a given day: the same people buy the same things. Needed because real orders cannot be shipped with
the project, and refused where the settings allow no demo accounts.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
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
from orders.commands import CancelOrder, CreateOrder, NewLine, OrderCommand, PayOrder, ShipOrder
from orders.events import LineKind
from orders.money import rounded
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE

ORDERS, DAYS = 300, 60
_SEED = 20101201
_NAMES = UUID("c3a1f6de-2b1f-49f7-8b64-6c1b0f3f7a55")

# fmt: off
PEOPLE = (
    ("Ada Whitfield", "United Kingdom", "GBP"), ("Tomasz Zieliński", "Poland", "PLN"),
    ("Aoife Brennan", "Ireland", "EUR"), ("Jean-Luc Moreau", "France", "EUR"),
    ("Ingrid Solheim", "Norway", "NOK"), ("Haruto Tanaka", "Japan", "JPY"),
    ("Grace Okafor", "United Kingdom", "GBP"), ("Lukas Baumann", "Germany", "EUR"),
    ("Sofía Navarro", "Spain", "EUR"), ("Emily Carter", "United States", "USD"),
    ("Noah van Dijk", "Netherlands", "EUR"), ("Layla Haddad", "Bahrain", "BHD"),
    ("Oliver Pemberton", "United Kingdom", "GBP"), ("Mette Kjær", "Denmark", "DKK"),
    ("Chiara Ricci", "Italy", "EUR"), ("Hannah Lindqvist", "Sweden", "SEK"),
    ("Rhys Llewellyn", "United Kingdom", "GBP"), ("Urs Ammann", "Switzerland", "CHF"),
)
GOODS = (
    ("LNT-014", "Brass storm lantern", "24.50"), ("MUG-201", "Stoneware mug, oatmeal", "9.95"),
    ("MUG-202", "Stoneware mug, slate", "9.95"), ("BLK-330", "Merino throw, heather", "79.00"),
    ("CND-118", "Beeswax candle, pair", "12.40"), ("TRY-075", "Ash serving tray", "34.00"),
    ("VAS-042", "Bud vase, smoked glass", "18.25"), ("CLK-009", "Wall clock, walnut", "64.90"),
    ("NAP-510", "Linen napkins, set of 4", "22.00"), ("JUG-077", "Enamel jug, 1.5 l", "27.80"),
    ("HOT-021", "Knitted hot water bottle", "16.95"), ("TIN-603", "Tea tin, botanical", "7.49"),
    ("SOA-044", "Oat milk soap", "4.35"), ("PEN-310", "Bent-wood pencil pot", "11.20"),
    ("BAG-808", "Waxed canvas tote", "38.75"), ("KNF-016", "Bread knife, olive wood", "42.60"),
)
RATES = {currency: Decimal(rate) for currency, rate in (
    ("GBP", "1"), ("EUR", "1.17"), ("USD", "1.27"), ("JPY", "190"), ("NOK", "13.6"), ("PLN", "5.0"),
    ("BHD", "0.479"), ("DKK", "8.7"), ("SEK", "13.3"), ("CHF", "1.12"),
)}
# fmt: on
REASONS = ("Ordered twice by mistake", "Delivery would take too long", "Found it cheaper elsewhere", "Out of stock")
CARRIERS = ("Royal Mail", "DHL", "DPD", "UPS")
METHODS = ("card", "card", "card", "paypal", "transfer")

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


def _life_of_order(number: int, now: datetime) -> Iterator[tuple[OrderCommand, Context]]:
    """An order and what became of it; older ones have come further."""
    random = Random(_SEED + number)  # noqa: S311 - the same shop every time is the point
    name, country, currency = PEOPLE[0] if number % 12 == 0 else random.choice(PEOPLE)
    age = DAYS * (ORDERS - number) / ORDERS  # days
    at = now - timedelta(days=age) - timedelta(seconds=random.randrange(20_000) + 60)
    order_id = id_at(at, f"demo/{number}")
    guest = number % 12 != 0 and random.random() < 0.15
    customer = "customer:guest" if guest else f"customer:{_customer_id(name)}"

    def step(command: OrderCommand, after: timedelta, actor: str) -> tuple[OrderCommand, Context]:
        what = type(command).__name__
        moment = min(at + after, now)
        return command, Context(actor=actor, command_id=uuid5(_NAMES, f"{order_id}/{what}"), occurred_at=moment)

    lines = _lines(random, currency)
    yield step(
        CreateOrder(
            order_id=order_id,
            customer_id=None if guest else _customer_id(name),
            customer_name=name,
            customer_email=_email(name),
            country=country,
            currency=currency,
            reference=f"W-{10_000 + number}",
            lines=lines,
        ),
        timedelta(0),
        customer,
    )
    hours = timedelta(hours=1)
    fate = random.random()
    cancel = CancelOrder(order_id=order_id, reason=random.choice(REASONS))
    if fate < 0.06:
        yield step(cancel, random.uniform(1, 20) * hours, customer)
        return
    if fate < (0.12 if age > 5 else 0.35):
        return  # never paid
    total = sum((rounded(line.quantity * line.unit_price, currency) for line in lines), Decimal(0))
    method = random.choice(METHODS)
    pay = PayOrder(
        order_id=order_id, amount=total, payment_method=method, payment_reference=f"pay_{random.randrange(10**10):010}"
    )
    yield step(pay, timedelta(minutes=random.uniform(1, 50)), customer)
    if fate > 0.95:
        yield step(cancel, random.uniform(2, 24) * hours, "staff:staff")
    elif age > 4 or fate < 0.5:
        ship = ShipOrder(
            order_id=order_id, carrier=random.choice(CARRIERS), tracking_code=f"{random.randrange(10**12):012}"
        )
        yield step(ship, random.uniform(5, 70) * hours, "staff:staff")


def _lines(random: Random, currency: str) -> tuple[NewLine, ...]:
    lines = [
        NewLine(
            sku=sku,
            name=name,
            quantity=random.choice((1, 1, 1, 2, 2, 3, 6, 12)),
            unit_price=rounded(Decimal(price) * RATES[currency], currency),
        )
        for sku, name, price in random.sample(GOODS, random.randint(1, 6))
    ]
    if random.random() < 0.6:
        postage = rounded(Decimal("4.90") * RATES[currency], currency)
        lines.append(NewLine(sku="POST", name="Postage", quantity=1, unit_price=postage, kind=LineKind.CHARGE))
    return tuple(lines)


def _customer_id(name: str) -> UUID:
    return uuid5(_NAMES, name)


def _email(name: str) -> str:
    ascii_name = name.lower().translate(str.maketrans("ńłćíęøæäå", "nlciaoaaa"))
    return ".".join(ascii_name.replace("-", " ").split()) + "@example.com"
