"""After an erasure, nothing that the person typed, or that staff typed about them, is anywhere in the two servers.

Every free text of every operation for customers, and of every command, is typed as a word of its own. A field that
neither test types fails `test_every_text_...`: add it to the story below.
"""

import io
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
import yaml
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from eventstore import snapshots
from eventstore.dispatch import Context, current_state, dispatch
from eventstore.models import ConsumerParkedEvent, Snapshot
from eventstore.queue import worker
from orders import commands as c
from orders.accounts.commands import AccountCommand, WithdrawMoney
from orders.accounts.identity import account_of
from orders.commands import OrderCommand
from orders.commands.placing import NewLine
from orders.order import ORDER
from orders.values import LineQuantity
from ordersite.models import User
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.projection import PROJECTIONS
from projections.rebuild.run import rebuild
from projections.staff.orders import StaffOrder
from tests.support.api import ORDERS, send
from tests.support.dump import found_in_servers
from tests.support.operations import operations
from tests.support.site import client_of, make_customer

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = "staff:anna"
ONE = (LineQuantity(line_id=1, quantity=1),)


class Typist:
    """Types a word of its own into each text, and remembers the words and where they were typed."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self.sent: list[object] = []
        self.bodies: set[tuple[str, str]] = set()

    def word(self, where: str) -> str:
        word = f"zq{len(self.words):03}vx"
        self.words[word] = where
        return word

    def body(self, operation: str, template: Any, path: str = "") -> Any:
        """Return a body with a word in place of each `...`."""
        match template:
            case dict():
                return {
                    name: self.body(operation, value, f"{path}.{name}" if path else name)
                    for name, value in template.items()
                }
            case list():
                return [self.body(operation, each, path) for each in template]
            case _ if template is ...:
                self.bodies.add((operation, path))
                return self.word(f"{operation} {path}")
            case _:
                return template

    def do(self, cls: Any, **values: Any) -> None:
        """Send a command as staff, with a word in place of each `...`."""
        for name, value in values.items():
            if value is ...:
                values[name] = self.word(f"{cls.__name__}.{name}")
        self.sent.append(cls(**values))
        dispatch(self.sent[-1], Context(actor=STAFF))

    def line(self) -> NewLine:
        return NewLine(sku=self.word("line.sku"), name=self.word("line.name"), quantity=4, unit_price=Decimal(5))


def typed_by_the_customer(typist: Typist, api: APIClient) -> UUID:
    """Do every operation in which a customer writes a text. Return the id of an order."""

    def post(operation: str, path: str, template: Any, method: str = "post") -> Any:
        answer = send(api, path, typist.body(operation, template), method=method)
        assert answer.status_code in (200, 201), (operation, answer.json())
        return answer.json()

    line = {"sku": ..., "name": ..., "quantity": 2, "unit_price": "5"}
    order = {
        "currency": "GBP",
        "reference": ...,
        "country": ...,
        "shipping_address": ...,
        "billing_address": ...,
        "lines": [line],
        "shipping": [{"name": ..., "price": "1", "code": ...}],
        "discounts": [{"name": ..., "amount": "1"}],
    }
    order_id = post("order_create", ORDERS, order)["order_id"]
    post("order_edit", f"{ORDERS}/{order_id}/edits", {"added": [line]})
    address = {"shipping_address": ..., "country": ...}
    post("order_change_address", f"{ORDERS}/{order_id}/shipping-address", address, "patch")
    payment = {"amount": "20", "payment_method": ..., "payment_reference": ...}
    post("order_pay", f"{ORDERS}/{order_id}/payments", payment)
    typist.do(c.ShipOrder, order_id=UUID(order_id), carrier=..., tracking_code=...)
    returned = {"lines": [{"line_id": 1, "quantity": 1}], "reason": "other", "comment": ...}
    post("order_return", f"{ORDERS}/{order_id}/returns", returned)
    other = post("order_create", ORDERS, order)["order_id"]
    post("order_cancel", f"{ORDERS}/{other}/cancel", {"reason": ...})
    deposit = {"currency": "GBP", "amount": "3", "method": ..., "reference": ...}
    post("account_deposit", "/api/v1/account/deposits", deposit)
    hook = {"url": "http://127.0.0.1/zqhookvx", "description": ...}
    typist.words["zqhookvx"] = "webhook url"
    post("webhook_create", "/api/v1/webhook-endpoints", hook)
    send(api, f"{ORDERS}/{other}/cancel", {"reason": typist.word("queued")}, Prefer="respond-async")
    worker.run()
    return UUID(order_id)


def typed_by_staff(typist: Typist, order_id: UUID, customer: User) -> None:
    """Send every command with a text in which staff write about a customer."""
    assert customer.customer_id
    typist.sent.append(
        c.CreateOrder(
            order_id=UUID(int=7),
            customer_id=customer.customer_id,
            customer_name=typist.word("name"),
            customer_email=typist.word("email"),
            currency="GBP",
            lines=(typist.line(), typist.line(), typist.line()),
            shipping_address=typist.word("shipping address"),
            billing_address=typist.word("billing address"),
            country=typist.word("country"),
            reference=typist.word("reference"),
        )
    )
    dispatch(typist.sent[-1], Context(actor=STAFF))
    key = {"order_id": UUID(int=7)}
    do = typist.do
    do(c.AddNote, **key, text=...)
    do(c.HoldOrder, **key, reason=...)
    do(c.ReleaseOrder, **key, reason=...)
    do(c.StageEdit, **key, added=(typist.line(),))
    do(c.DiscardEdit, **key)
    do(c.EditOrder, **key, added=(typist.line(),))
    do(c.StageEdit, **key, added=(typist.line(),))
    do(c.ChangeAddress, **key, shipping_address=..., country=...)
    do(c.CancelLines, **key, lines=(LineQuantity(line_id=2, quantity=1),), reason=...)
    do(c.RestoreOrder, **key, version=9, reason=...)
    do(c.RecordPaymentFailure, **key, amount=Decimal(1), payment_method=..., payment_reference=..., reason=...)
    do(c.AuthorisePayment, **key, amount=Decimal(50), payment_method=..., payment_reference=...)
    do(c.CapturePayment, **key, payment_id=2, amount=Decimal(40), reference=...)
    do(c.VoidPayment, **key, payment_id=2, reason=...)
    do(c.WriteOff, **key, amount=Decimal(1), reason=...)
    do(c.PayOrder, **key, amount=_due(), payment_method=..., payment_reference=...)
    do(c.ShipLines, **key, lines=ONE, carrier=..., tracking_code=...)
    do(c.CorrectTracking, **key, shipment_id=1, carrier=..., tracking_code=...)
    for _ in range(3):
        do(c.RequestRefund, **key, amount=Decimal(1), reason=..., by=STAFF)
    for refund_id in (1, 2):
        do(c.ApproveRefund, **key, refund_id=refund_id, by="staff:ben")
    do(c.SettleRefund, **key, refund_id=1, reference=...)
    do(c.FailRefund, **key, refund_id=2, reason=...)
    do(c.DeclineRefund, **key, refund_id=3, reason=...)
    do(c.RequestReturn, **key, lines=ONE, comment=...)
    do(c.DeclineReturn, **key, return_id=1, reason=...)
    do(c.DeclineReturn, order_id=order_id, return_id=1, reason=...)
    account = account_of(customer.customer_id, "GBP")
    do(WithdrawMoney, account_id=account, amount=Decimal(3), reason=..., reference=...)
    do(c.CancelOrder, **key, reason=...)


def _due() -> Decimal:
    """Return what the second order still owes."""
    return current_state(ORDER, UUID(int=7)).due


def leave_texts_beside_the_log(typist: Typist, order_id: UUID) -> None:
    """Let operators' and staff's tables quote the person too: a parked event, the admin's log, a snapshot."""
    snapshots.take("order", str(order_id))
    ParkedEvent.objects.create(
        projection="staff",
        space=LIVE,
        position=10**9,
        aggregate_id=order_id,
        event_type="order.created",
        error=f"ValueError: {typist.word('parked error')}",
        parked_at=timezone.now(),
    )
    SkippedEvent.objects.create(
        projection="staff",
        position=10**9,
        aggregate_id=order_id,
        event_type="order.created",
        error=typist.word("skipped error"),
        reason=typist.word("why it was skipped"),
        skipped_by="operator",
        skipped_at=timezone.now(),
    )
    ConsumerParkedEvent.objects.create(
        consumer="mails",
        position=10**9,
        aggregate_id=order_id,
        event_type="order.created",
        status=ConsumerParkedEvent.Status.LEFT_OUT,
        error=typist.word("consumer's error"),
        reason=typist.word("why a consumer leaves it out"),
        parked_at=timezone.now(),
    )
    staff = User.objects.create_user("anna", password="secret-1", is_staff=True)
    content_type = ContentType.objects.get_for_model(StaffOrder)
    LogEntry.objects.create(
        user=staff,
        content_type=content_type,
        object_id=str(order_id),
        object_repr=typist.word("object_repr"),
        action_flag=CHANGE,
    )


def level() -> None:
    for projection in PROJECTIONS.values():
        catch_up(projection)


def test_no_word_of_an_erased_person_is_left_in_either_server() -> None:
    customer, typist = make_customer(), Typist()
    assert customer.customer_id
    customer.first_name = typist.word("first name")
    customer.save()
    order_id = typed_by_the_customer(typist, client_of(customer))
    typed_by_staff(typist, order_id, customer)
    level()
    leave_texts_beside_the_log(typist, order_id)
    rebuild(PROJECTIONS["accounting"])
    ParkedEvent.objects.filter(position__lt=10**9).delete()
    assert Snapshot.objects.exists()
    in_read_models = found_in_servers(typist.words)
    assert len(in_read_models) > len(typist.words) * 2 / 3, "the search finds what is there"

    call_command("erase_subject", str(customer.customer_id), stdout=io.StringIO())
    level()

    assert found_in_servers(typist.words) == {}
    ParkedEvent.objects.all().delete()
    for projection in PROJECTIONS.values():
        differing = [table for table in rebuild(projection).differences if not table.identical]
        assert not differing, projection.name
    assert found_in_servers(typist.words) == {}
    require_all_typed(typist)


EXEMPT = {"currency", "by", "customer_name", "customer_email"}
"""Texts of commands that are no free texts, or that are typed elsewhere: a code, an actor, the customer's own name."""


def require_all_typed(typist: Typist) -> None:
    """Check that the story typed each text of each command of orders, and of each operation for customers."""
    typed = {(type(sent).__name__, name) for sent in typist.sent for name in texts_of(type(sent))}
    expected = {
        (cls.__name__, name)
        for cls in (*get_args(OrderCommand), c.RestoreOrder, *get_args(AccountCommand))
        for name in texts_of(cls)
    }
    through_the_api = {("DepositMoney", "method"), ("DepositMoney", "reference")}
    assert expected - typed <= through_the_api
    assert set(texts_in_the_api()) - typist.bodies == set()


def texts_of(cls: Any) -> Iterator[str]:
    """Yield the names of the text fields of a command, and of the values in it."""
    hints = get_type_hints(cls)
    for each in fields(cls):
        kinds = {hints[each.name], *get_args(hints[each.name])}
        if str in kinds and each.name not in EXEMPT:
            yield each.name
        for kind in kinds:
            if is_dataclass(kind):
                yield from (f"{each.name}.{name}" for name in texts_of(kind))


def texts_in_the_api() -> Iterator[tuple[str, str]]:
    """Yield operation and path of each free text that a customer can send about orders, accounts and webhooks."""
    schema = yaml.safe_load(Client().get("/api/v1/schema").content)

    def texts(part: dict[str, Any], path: str = "") -> Iterator[str]:
        if "$ref" in part:
            part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
        for each in (*part.get("oneOf", ()), *part.get("allOf", ()), *part.get("anyOf", ())):
            yield from texts(each, path)
        for name, inner in part.get("properties", {}).items():
            yield from texts(inner, f"{path}.{name}" if path else name)
        if "items" in part:
            yield from texts(part["items"], path)
        is_code = part.get("maxLength") == 3 or {"enum", "format", "pattern"} & part.keys()
        if part.get("type") == "string" and not is_code:
            yield path

    for _, path, operation in operations():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if path.startswith(("/api/v1/orders", "/api/v1/account")):
            yield from ((operation["operationId"], text) for text in texts(content.get("schema", {})))
