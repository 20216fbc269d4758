"""A client generated from docs/openapi.yml takes an order from its creation to the refund."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group

from ordersite.models import User
from ordersite.roles import BACK_OFFICE, write_roles
from tests.support.running import ROOT

PACKAGE = "generated_shop"


class Generated:
    """The generated package: operations by id, models by name."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.open: list[Any] = []
        self.models = importlib.import_module(f"{PACKAGE}.models")
        self.client = importlib.import_module(f"{PACKAGE}.client")

    def operation(self, tag: str, name: str) -> Callable[..., Any]:
        module = importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")
        call: Callable[..., Any] = module.sync_detailed
        return call

    def log_in(self, username: str, password: str) -> Any:
        """Return a client with a user's token."""
        anonymous = self._opened(self.client.Client(base_url=self.site))
        credentials = self.models.CredentialsRequest(username=username, password=password)
        answer = self.operation("tokens", "login")(client=anonymous, body=credentials)
        assert answer.status_code == 200, answer.content
        return self._opened(self.client.AuthenticatedClient(base_url=self.site, token=answer.parsed.token))

    def _opened(self, client: Any) -> Any:
        self.open.append(client)
        return client

    def close(self) -> None:
        """Close the connections: while they are open, so are the server's connections to the database."""
        for client in self.open:
            client.get_httpx_client().close()


@pytest.fixture(scope="module")
def _package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("client")
    generator = Path(sys.executable).with_name("openapi-python-client")
    described = ("--path", str(ROOT / "docs" / "openapi.yml"), "--meta", "none", "--output-path", str(folder / PACKAGE))
    done = subprocess.run([generator, "generate", *described], capture_output=True, text=True, check=True, cwd=folder)
    left_out = [line for line in done.stdout.splitlines() if "cannot" in line.lower() or "unable" in line.lower()]
    assert not left_out, done.stdout
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def shop(_package: Path, projecting: None, live_server: Any) -> Iterator[Generated]:
    User.objects.create_user("ada", "ada@example.com", "secret-1", first_name="Ada", customer_id=uuid4())
    write_roles()
    for name in ("anna", "ben"):
        user = User.objects.create_user(name, password="secret-1", is_staff=True)
        user.groups.set(Group.objects.filter(name=BACK_OFFICE))
    generated = Generated(live_server.url)
    yield generated
    generated.close()


class Order:
    """An order and its latest version: each command sends the version from the previous answer."""

    def __init__(self, shop: Generated, order_id: UUID, etag: str) -> None:
        self.shop, self.order_id, self.etag = shop, order_id, etag

    def send(self, client: Any, tag: str, operation: str, body: Any, *, expected: int = 200) -> Any:
        answer = self.shop.operation(tag, operation)(
            self.order_id, client=client, body=body, idempotency_key=str(uuid4()), if_match=self.etag
        )
        assert answer.status_code == expected, answer.content
        self.etag = answer.headers.get("ETag", self.etag)
        return answer.parsed

    def staff(self, client: Any, command: str, body: Any, *, expected: int = 200) -> Any:
        return self.send(client, "back_office", f"back_office_{command}", body, expected=expected)


def place(shop: Generated, ada: Any) -> Order:
    m = shop.models
    order = m.CreateOrderRequest(
        currency="GBP",
        country="United Kingdom",
        shipping_address="12 Harbour Lane\nBristol",
        lines=[
            m.NewLineRequest(
                sku="MUG-201", name="Stoneware mug", quantity=3, unit_price="9.95", tax_rate="20"
            ),
            m.NewLineRequest(sku="LNT-014", name="Lantern", quantity=1, unit_price="24.50", tax_rate="20"),
        ],
        shipping=[m.NewShippingRequest(name="Standard", price="4.90", tax_rate="20")],
        discounts=[m.NewDiscountRequest(name="WELCOME-5", amount="5.00")],
    )  # fmt: skip
    key = str(uuid4())
    create = shop.operation("orders", "order_create")
    placed, again = (create(client=ada, body=order, idempotency_key=key) for _ in range(2))
    assert (placed.status_code, again.status_code) == (201, 201)
    assert (again.parsed, again.headers["Idempotency-Replayed"]) == (placed.parsed, "true")
    return Order(shop, placed.parsed.order_id, placed.headers["ETag"])


def test_from_order_to_refund(shop: Generated) -> None:
    m = shop.models
    ada, anna, ben = (shop.log_in(name, "secret-1") for name in ("ada", "anna", "ben"))
    order = place(shop, ada)

    promise = m.NewPaymentRequest(
        amount="54.25", payment_method="card", payment_reference="pay_3141", capture=False
    )  # fmt: skip
    order.send(ada, "orders", "order_pay", promise)
    too_much = m.CapturePaymentRequest(payment_id=1, amount="60.00")
    refused = order.staff(anna, "capture_payment", too_much, expected=409)
    assert refused.code == "more_than_authorised"
    assert "capture_payment" in refused.allowed_actions
    order.staff(anna, "capture_payment", m.CapturePaymentRequest(payment_id=1, reference="cap_3141"))

    two = [m.LineQuantityRequest(line_id=1, quantity=2)]
    order.staff(anna, "ship_lines", m.ShipLinesRequest(lines=two, carrier="DHL", tracking_code="JD01"))
    order.staff(anna, "ship", m.ShipOrderRequest(carrier="DHL", tracking_code="JD02"))
    order.staff(anna, "confirm_delivery", m.ConfirmDeliveryRequest(shipment_id=1))

    one = [m.LineQuantityRequest(line_id=1, quantity=1)]
    return_request = m.RequestReturnRequest(lines=one, reason=m.ReturnReason.UNWANTED)
    order.send(ada, "orders", "order_return", return_request, expected=201)
    order.staff(anna, "approve_return", m.ApproveReturnRequest(return_id=1))
    order.staff(anna, "receive_return", m.ReceiveReturnRequest(return_id=1, restocked=one))
    order.staff(anna, "request_refund", m.RequestRefundRequest(reason="One mug came back"))
    order.staff(ben, "approve_refund", m.ApproveRefundRequest(refund_id=1))
    version = order.staff(ben, "settle_refund", m.SettleRefundRequest(refund_id=1, reference="re_2718")).version

    get = shop.operation("orders", "order_get")
    parts = [m.OrderGetExpandItem(part) for part in ("payments", "shipments", "refunds", "returns")]
    answer = get(order.order_id, client=ada, min_version=version, expand=parts)
    shown = answer.parsed
    assert (shown.status, shown.payment, shown.fulfilment, shown.return_) == (
        m.OrderStatus.COMPLETED, m.PaymentStatus.PARTIALLY_REFUNDED, m.FulfilmentStatus.FULFILLED,
        m.ReturnsStatus.PARTIAL,
    )  # fmt: skip
    assert (shown.total, shown.paid, shown.due, shown.due_back) == ("54.25", "54.25", "0.00", "0.00")
    (refund,), (line,) = shown.refunds, shown.refunds[0].lines
    assert (refund.status, refund.amount, line.line_id) == (m.RefundStatus.SETTLED, shown.refunded, 1)
    assert shown.refunded == "9.03", "a third of 29.85 less its part of the discount, 2.75, to the penny"
    still_holds = get(order.order_id, client=ada, expand=parts, if_none_match=answer.headers["ETag"])
    assert still_holds.status_code == 304

    timeline = shop.operation("orders", "order_timeline")(order.order_id, client=ada).parsed
    assert [timeline[0].event, timeline[-1].event] == ["order.created", "order.refund_settled"]
    assert timeline[-1].words == "We gave back 9.03 GBP."
    seen_by_staff = shop.operation("back_office", "back_office_order_get")(order.order_id, client=anna).parsed
    assert (seen_by_staff.refunds[0].requested_by, seen_by_staff.customer_email) == ("staff:anna", "ada@example.com")


def test_problems_are_typed_too(shop: Generated) -> None:
    m = shop.models
    ada = shop.log_in("ada", "secret-1")
    order = place(shop, ada)
    order.etag = '"7"'
    wish = m.CancellationRequest(reason="Ordered twice")
    stale = order.send(ada, "orders", "order_cancel", wish, expected=412)
    assert (stale.code, stale.status) == ("version_differs", 412)
    missing = shop.operation("orders", "order_get")(uuid4(), client=ada)
    assert (missing.status_code, missing.parsed.code) == (404, "order_not_found")
    hold = m.HoldOrderRequest(reason="So")
    assert order.staff(ada, "hold", hold, expected=404).code == "not_found"
    listed = shop.operation("orders", "order_list")(client=ada, status=m.OrderListStatus.OPEN, limit=1).parsed
    assert [each.order_id for each in listed.results] == [order.order_id]
