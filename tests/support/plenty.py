"""Fill a site with a number of each kind of row, and one row of each kind with that number of parts."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from eventstore.dispatch import Context, dispatch
from eventstore.followers import causality, process_managers
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, ConsumerParkedEvent, Event, PlannedCommand, QueuedCommand, Seal
from eventstore.seals import chain
from orders.accounts.commands import DepositMoney
from orders.accounts.identity import account_of
from orders.commands import AddNote, CapturePayment, RefundWish, RequestRefund, RequestReturn, ShipLines
from orders.http.access import SERVICE_PERMISSIONS
from orders.http.approvals import WaitsForApproval
from orders.http.approvals import send as dispatch_or_ask
from orders.values import LineQuantity, ReturnReason
from ordersite import service_accounts
from ordersite.logins import records
from ordersite.models import LoginRecord, ServiceAccount, ServiceToken, User, WaitingApproval
from projections.accounting.balances import AccountMoney, AccountMoneyEntry
from projections.accounting.journal import AccountingDay, AccountingEntry, AccountingOrder
from projections.engine.checkpoints import Checkpoint, DriftFlag, ParkedEvent, SkippedEvent
from projections.rebuild.models import Build
from projections.staff.orders import StaffOrder
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.accounts import deposit
from tests.support.api import BODY, ORDERS, place, send
from tests.support.order_stories import shop
from tests.support.site import make_customer
from tests.support.webhooks import ENDPOINTS, subscribe

CURRENCIES = ("GBP", "EUR", "USD", "JPY", "NOK")
AT_MOST = len(CURRENCIES)


def fill(api: APIClient, user: User, number: int) -> dict[str, str]:
    """Create `number` more of everything. Returns ids of this customer, by the name of an API path's parameter."""
    process_managers.run()  # its first run starts at the end of the log
    order_id = _order(api, number)
    for _ in range(1, number):
        place(api)
    for currency in CURRENCIES[:number]:
        for _ in range(number):
            deposit(api, currency=currency, amount="10", reference=str(new_id()))
    commands = [send(api, ORDERS, BODY, Prefer="respond-async").json()["command_id"] for _ in range(number)]
    endpoint_id = _webhooks(api, number)
    for _ in range(number):
        chain.seal_settled()
        place(api)
        make_customer(f"bea{User.objects.count()}")
        AuthToken.objects.create(user)
        Group.objects.create(name=f"Group {Group.objects.count()}").permissions.set(Permission.objects.all()[:number])
    process_managers.run()
    causality.correlate()
    _programs(number)
    _entries_of_admin(user, number)
    _operator_rows(number)
    approvals = [ask_for_approval() for _ in range(number)]
    return {
        "order_id": order_id,
        "command_id": commands[0],
        "endpoint_id": endpoint_id,
        "approval_id": approvals[0],
    }


def ask_for_approval() -> str:
    """Ask for a deposit that needs a second person, and return the request's id."""
    customer = new_id()
    asked = DepositMoney(
        account_id=account_of(customer, "GBP"),
        customer_id=customer,
        currency="GBP",
        amount=Decimal(1000),
        method="card",
    )
    with shop(approval_limits={"GBP": Decimal(20)}):
        try:
            dispatch_or_ask(asked, Context(actor="staff:anna"))
        except WaitsForApproval as waits:
            return str(waits.approval_id)
    raise AssertionError("a deposit over the limit was done")


def page_of_each(names: Mapping[str, str]) -> dict[type[Model], object]:
    """Return, by model, the key of the row whose page is requested."""
    order_id = names["order_id"]
    last = {
        model: model._default_manager.values_list("pk", flat=True).order_by("pk").last()
        for model in (
            *(PlannedCommand, QueuedCommand, ConsumerCheckpoint, ConsumerParkedEvent, Seal, AccountingDay),
            *(AccountingEntry, AccountMoney),
            *(AccountMoneyEntry, WebhookDelivery, Checkpoint, Build, ParkedEvent, SkippedEvent),
            *(Group, AuthToken, LoginRecord, LogEntry, ServiceAccount, ServiceToken),
        )
    }
    assert None not in last.values(), f"no rows: {last}"
    return {
        **last,
        Event: Event.objects.filter(aggregate_id=order_id).latest("version").pk,
        User: User.objects.filter(service_id__isnull=True).latest("pk").pk,
        WaitingApproval: Event.objects.get(aggregate_id=names["approval_id"], version=1).pk,
        StaffOrder: order_id,
        AccountingOrder: order_id,
        WebhookEndpoint: names["endpoint_id"],
    }


def _order(api: APIClient, number: int) -> str:
    """Place an order with `number` lines, payments, notes, parcels, refunds and returns."""
    lines = [{"sku": f"MUG-{each}", "name": "Mug", "quantity": 3, "unit_price": "7.50"} for each in range(number)]
    order_id = str(send(api, ORDERS, BODY | {"lines": lines}).json()["order_id"])
    for _ in range(number):
        send(api, f"{ORDERS}/{order_id}/payments", {"amount": "22.50", "payment_method": "card", "capture": False})
    key, staff = UUID(order_id), "staff:anna"
    for each in range(1, number + 1):
        dispatch(CapturePayment(order_id=key, payment_id=each), Context(actor=staff))
    for each in range(1, number + 1):
        units = (LineQuantity(line_id=each, quantity=2),)
        wish = (RefundWish(line_id=each, amount=Decimal("1.00")),)
        for command in (
            AddNote(order_id=key, text="Wrap it", visible=True),
            ShipLines(order_id=key, lines=units, carrier="DHL", tracking_code=f"JD{each}"),
            RequestReturn(order_id=key, lines=units, reason=ReturnReason.UNWANTED, comment=""),
            RequestRefund(order_id=key, lines=wish, reason="Late", by=staff),
        ):
            dispatch(command, Context(actor=staff))
    return order_id


def _webhooks(api: APIClient, number: int) -> str:
    """Create `number` endpoints, and as many deliveries to the last one."""
    existing = WebhookEndpoint.objects.count()
    ids = [subscribe(api, f"http://127.0.0.1:9/hooks/{existing + each}")["id"] for each in range(number)]
    for _ in range(number):
        api.post(f"{ENDPOINTS}/{ids[-1]}/test")
    return str(ids[-1])


def _programs(number: int) -> None:
    """Create `number` service accounts, and as many tokens of the last one."""
    for _ in range(number):
        name = f"program-{ServiceAccount.objects.count()}"
        account = service_accounts.create(name, tuple(SERVICE_PERMISSIONS)[:number])
    for _ in range(number):
        service_accounts.create_token(account)


def _entries_of_admin(user: User, number: int) -> None:
    """Write entries into the lists of log-ins and of what was changed in the admin."""
    kind = ContentType.objects.get_for_model(User)
    entry = {"content_type": kind, "object_id": str(user.pk), "object_repr": user.username, "action_flag": CHANGE}
    for _ in range(number):
        records.note(None, LoginRecord.Kind.FAILED, user.username, user)
        LogEntry.objects.create(user=user, **entry)


def _operator_rows(number: int) -> None:
    """Create parked and skipped events, drift flags and builds, which a sound site does not have."""
    event = {"projection": "staff", "event_type": "order.paid", "aggregate_id": new_id()}
    for _ in range(number):
        position = ParkedEvent.objects.count() + 1
        ParkedEvent.objects.create(**event, position=position, parked_at=timezone.now(), error="ValueError: no")
        SkippedEvent.objects.create(**event, position=position, skipped_at=timezone.now(), reason="A test")
        ConsumerParkedEvent.objects.create(
            consumer="webhooks",
            event_type="order.paid",
            aggregate_id=new_id(),
            position=position,
            status=ConsumerParkedEvent.Status.FAILED,
            error="ValueError: no",
            parked_at=timezone.now(),
        )
        DriftFlag.objects.create(projection="staff", where=f"row {position}", words="differs")
        build = {"kind": Build.Kind.AS_OF, "state": Build.State.DONE, "started_by": "staff:anna"}
        Build.objects.create(projection="staff", space=f"as_of_{position}", **build)
