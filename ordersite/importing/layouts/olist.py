"""The layout of Olist's public data set of Brazilian orders: several tables, joined by the number of the order."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewLine, NewShipping
from orders.values import ZERO
from ordersite.importing.commands import Quarantined, Unused
from ordersite.importing.layouts.fields import BadOrder, Fields, require_readable
from ordersite.importing.layouts.grouping import RowStore, join_rows
from ordersite.importing.layouts.history import OrderHistory, customer_id_of
from ordersite.importing.layouts.layout import Layout, Result
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.errors import UnreadableFile
from ordersite.importing.sources.tables import RawLine, Reader, Table

CURRENCY = "BRL"
ORDERS = TableKind(
    "olist-orders",
    (
        Column("order_id"),
        Column("customer_id"),
        Column("order_status"),
        Column("order_purchase_timestamp", content=Content.DATE),
        Column("order_approved_at", content=Content.DATE),
        Column("order_delivered_carrier_date", content=Content.DATE),
        Column("order_delivered_customer_date", content=Content.DATE),
    ),
    CURRENCY,
)
ITEMS = TableKind(
    "olist-items",
    (
        Column("order_id"),
        Column("order_item_id", content=Content.NUMBER),
        Column("product_id"),
        Column("price", content=Content.MONEY),
        Column("freight_value", content=Content.MONEY),
    ),
    CURRENCY,
)
PAYMENTS = TableKind(
    "olist-payments",
    (
        Column("order_id"),
        Column("payment_sequential", content=Content.NUMBER),
        Column("payment_type"),
        Column("payment_value", content=Content.MONEY),
    ),
    CURRENCY,
)
CUSTOMERS = TableKind(
    "olist-customers",
    (
        Column("customer_id"),
        Column("customer_unique_id"),
        Column("customer_zip_code_prefix"),
        Column("customer_city"),
        Column("customer_state"),
    ),
)
PRODUCTS = TableKind(
    "olist-products", (Column("product_id"), Column("product_category_name"), Column("product_weight_g"))
)
_DATES = ("order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date")
_OF_ORDER, _OF_CUSTOMER = "order/", "customer/"
PRODUCT = "a product, looked up for the names of lines"
NO_ORDER = "a customer without an order in these files"
PAID_RULE = "paid when ordered: the file has no date"
CANCELLED_RULE = "cancelled at the last date of the order: the file has no date"
HELD_RULE = "put on hold at the last date of the order: the file has no date"
_STATUSES = {"created", "approved", "invoiced", "processing", "shipped", "delivered", "canceled", "unavailable"}


class Olist(Layout):
    """An order is a row of the orders table, with its items, its payments and its customer."""

    name = "olist"
    title = "Olist: tables of orders, items, payments, customers and products"
    kinds = (ORDERS, ITEMS, PAYMENTS, CUSTOMERS, PRODUCTS)

    def __init__(self) -> None:
        self._store = RowStore()
        self._products: dict[str, str] = {}

    def require_tables(self, tables: Sequence[Table]) -> None:
        """Raise UnreadableFile if a table is missing without which no order is complete."""
        missing = [kind for kind in (ORDERS, ITEMS, PAYMENTS, CUSTOMERS) if kind not in {each.kind for each in tables}]
        if missing:
            columns = "; ".join(", ".join(column.name for column in kind.columns) for kind in missing)
            raise UnreadableFile(
                f"an order of Olist needs all its tables, so import them together. There is no table with: {columns}"
            )

    def results(self, tables: Sequence[Table], read: Reader) -> Iterator[Result]:
        """Yield the commands of all orders in the order of time, and the rows that are not imported."""
        for table in sorted(tables, key=lambda table: table.kind is not PRODUCTS):
            for raw in read(table):
                yield from self._keep(raw)
        with_order: set[str] = set()
        for key in self._store.keys(_OF_ORDER):
            rows = self._store.rows(key)
            for customer in {_customer_of(raw) for raw in rows if raw.origin.kind is ORDERS}:
                if customer not in with_order:
                    with_order.add(customer)
                    rows += self._store.rows(customer)
            yield from self._order(rows)
        for key in self._store.keys(_OF_CUSTOMER):
            if key not in with_order:
                yield from (Unused(raw, NO_ORDER) for raw in self._store.rows(key))

    def _keep(self, raw: RawLine) -> Iterator[Result]:
        """Keep a row for its order or its customer, or a product's name."""
        key = raw.values[0].strip()
        kind = raw.origin.kind
        if not key or "\0" in key:
            yield Quarantined(raw, raw.problem or f"no {kind.columns[0].name}")
        elif kind is PRODUCTS and raw.problem:
            yield Quarantined(raw, raw.problem)
        elif kind is PRODUCTS:
            self._products[key] = raw.values[1].strip()
            yield Unused(raw, PRODUCT)
        elif kind is CUSTOMERS:
            self._store.add(f"{_OF_CUSTOMER}{key}", raw)
        else:
            at = None
            with suppress(BadOrder):
                at = Fields([raw]).moment(_DATES[0]) if kind is ORDERS else None
            self._store.add(f"{_OF_ORDER}{key}", raw, at)

    def _order(self, rows: Sequence[RawLine]) -> Iterator[Result]:
        kept, others = join_rows(rows)
        yield from others
        if not kept:
            return
        try:
            require_readable(kept)
            yield from self._history(kept).commands
        except BadOrder as bad:
            yield from bad.quarantined(kept)

    def _history(self, rows: Sequence[RawLine]) -> OrderHistory:
        parts: dict[TableKind, list[RawLine]] = {kind: [] for kind in self.kinds}
        for raw in rows:
            parts[raw.origin.kind].append(raw)
        for kind in (ORDERS, ITEMS, PAYMENTS, CUSTOMERS):
            if not parts[kind]:
                raise BadOrder(f"no row of the table {kind.name} belongs to this order")
        head, customer = Fields(parts[ORDERS]), Fields(parts[CUSTOMERS])
        placed = head.moment(_DATES[0])
        if placed is None:
            raise BadOrder(f"no {_DATES[0]}")
        payments = [_Payment(Fields([raw])) for raw in parts[PAYMENTS]]
        order = self._create(head.text("order_id"), placed, customer, [Fields([raw]) for raw in parts[ITEMS]])
        history = OrderHistory(f"{self.name}/{order.reference}", rows)
        history.place(order, placed, total=sum((each.amount for each in payments), ZERO))
        _tell(history, head, placed, sorted(payments, key=lambda each: each.number))
        return history

    def _create(self, number: str, placed: datetime, customer: Fields, items: Sequence[Fields]) -> CreateOrder:
        freight = sum((item.number("freight_value", CURRENCY) for item in items), ZERO)
        unique = customer.text("customer_unique_id")
        place = [customer.text(name) for name in ("customer_zip_code_prefix", "customer_city", "customer_state")]
        return CreateOrder(
            order_id=id_at(placed, f"{self.name}/{number}"),
            customer_id=customer_id_of(self.name, unique),
            customer_name=f"Customer {unique}",
            customer_email="",
            currency=CURRENCY,
            lines=tuple(self._line(item) for item in sorted(items, key=lambda item: item.number("order_item_id"))),
            shipping=(NewShipping(name="Freight", price=freight, code="FREIGHT"),) if freight else (),
            shipping_address=" ".join(filter(None, place)),
            country="Brazil",
            reference=number,
        )

    def _line(self, item: Fields) -> NewLine:
        product = item.text("product_id")
        price = item.number("price", CURRENCY)
        return NewLine(sku=product, name=self._products.get(product) or product, quantity=1, unit_price=price)


class _Payment:
    """A row of the payments."""

    def __init__(self, row: Fields) -> None:
        self.number = row.number("payment_sequential")
        self.method = row.text("payment_type")
        self.amount = row.number("payment_value", CURRENCY)
        self.reference = f"{row.text('order_id')}/{row.text('payment_sequential')}"


def _tell(history: OrderHistory, head: Fields, placed: datetime, payments: Sequence[_Payment]) -> None:
    """Add what became of the order. Raises BadOrder."""
    status = head.text("order_status")
    if status not in _STATUSES:
        raise BadOrder(f"the status {status!r} is not known. Known are {', '.join(sorted(_STATUSES))}")
    approved, sent = head.moment(_DATES[1]), head.moment(_DATES[2])
    delivered = head.moment("order_delivered_customer_date")
    guess = "" if approved else PAID_RULE
    if approved or status not in {"created", "canceled", "unavailable"}:
        for each in payments:
            history.pay(each.amount, approved or placed, method=each.method, reference=each.reference, guess=guess)
    if status in {"shipped", "delivered"} and sent is None:
        raise BadOrder(f"{status}, but without {_DATES[2]}")
    if status == "delivered" and delivered is None:
        raise BadOrder("delivered, but without order_delivered_customer_date")
    if sent:
        history.ship(sent)
    if delivered:
        history.deliver(delivered)
    last = max(moment for moment in (placed, approved, sent, delivered) if moment)
    if status == "canceled":
        history.cancel(last, reason="Cancelled in Olist", guess=CANCELLED_RULE)
    elif status == "unavailable":
        history.hold(last, reason="Unavailable in Olist", guess=HELD_RULE)


def _customer_of(raw: RawLine) -> str:
    return f"{_OF_CUSTOMER}{raw.values[ORDERS.index('customer_id')].strip()}"
