"""The layout of Shopify's export of orders: a row is a line, and the first row of an order has all that it states once.

The export does not say whether prices include tax, nor what a discount is taken off. Both follow from its sums: they
have to add up to the order's total.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from eventstore.ids import id_at
from orders.commands import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.money import rounded
from orders.values import ZERO, LineKind
from ordersite.importing.layouts.fields import BadOrder, Fields
from ordersite.importing.layouts.history import OrderHistory, customer_id_of, exact
from ordersite.importing.layouts.one_table import OneTable
from ordersite.importing.layouts.taxes import TAX_RULE, with_tax
from ordersite.importing.sources.columns import Column, Content, TableKind
from ordersite.importing.sources.tables import RawLine

_MONEY, _DATE = Content.MONEY, Content.DATE
_TAXES = range(1, 6)


def _optional(*names: str, content: Content = Content.TEXT) -> Iterator[Column]:
    return (Column(name, content=content, is_required=False) for name in names)


def _address(of: str) -> Iterator[Column]:
    parts = ("Name", "Company", "Address1", "Address2", "Zip", "City", "Province", "Country")
    return _optional(*(f"{of} {part}" for part in parts))


KIND = TableKind(
    "shopify",
    (
        Column("Name"),
        Column("Email"),
        Column("Financial Status"),
        Column("Paid at", content=_DATE),
        Column("Fulfillment Status"),
        Column("Fulfilled at", content=_DATE),
        Column("Currency"),
        Column("Subtotal", content=_MONEY),
        Column("Shipping", content=_MONEY),
        Column("Taxes", content=_MONEY),
        Column("Total", content=_MONEY),
        Column("Discount Code"),
        Column("Discount Amount", content=_MONEY),
        Column("Shipping Method"),
        Column("Created at", content=_DATE),
        Column("Lineitem quantity", content=Content.NUMBER),
        Column("Lineitem name"),
        Column("Lineitem price", content=_MONEY),
        Column("Lineitem sku"),
        *_optional("Lineitem requires shipping", "Lineitem taxable", "Lineitem fulfillment status"),
        *_optional("Lineitem discount", content=_MONEY),
        *_address("Billing"),
        *_address("Shipping"),
        *_optional("Cancelled at", content=_DATE),
        *_optional("Payment Method", "Payment Reference", "Id"),
        *_optional("Refunded Amount", "Outstanding Balance", "Duties", content=_MONEY),
        *_optional(*(f"Tax {number} Name" for number in _TAXES)),
        *_optional(*(f"Tax {number} Value" for number in _TAXES), content=_MONEY),
    ),
)
_RATE = re.compile(r"(\d+(?:[.,]\d+)?) ?%", re.ASCII)
PAID_RULE = "paid when ordered: the file has no date"
SHIPPED_RULE = "shipped when paid or ordered: the file has no date"
REFUNDED_RULE = "refunded at the last date of the order: the file has no date"
AUTHORISED_RULE = "authorised when ordered: the file has no date"
VOIDED_RULE = "voided at the last date of the order: the file has no date"
_PAID = {"paid", "partially_refunded", "refunded"}
_PAYMENTS = {"", "pending", "expired", "authorized", "voided", "partially_paid", *_PAID}
_FULFILMENTS = {"", "unfulfilled", "restocked", "pending", "partial", "fulfilled"}
_MOST_IN_SKU = 64  # characters


class Shopify(OneTable):
    """The rows of an order have the same `Name`. What it states once may stand in any of them."""

    name = "shopify"
    title = "Shopify: the export of orders, a row for each line"
    kinds = (KIND,)
    date = "Created at"

    def history(self, rows: Sequence[RawLine]) -> OrderHistory:
        """Return the history of one order. Raises BadOrder."""
        head, lines = Fields(rows), [Fields([raw]) for raw in rows]
        number, placed = head.identifier("Id") or head.text("Name"), head.moment("Created at")
        if placed is None:
            raise BadOrder("no Created at")
        if not head.text("Total"):
            raise BadOrder("no row of the order has its Total: is its first row missing?")
        sums = _Sums(head, lines)
        order = replace(_order(head, lines, sums), order_id=id_at(placed, f"{self.name}/{number}"))
        taxable = [line.text("Lineitem taxable").lower() != "false" for line in lines]
        taxable += [False] * (len(order.lines) - len(taxable))
        order = with_tax(order, sums.tax, taxable=taxable, named=_named_rate(head))
        history = OrderHistory(f"{self.name}/{number}", rows)
        history.place(order, placed, total=sums.total, tax=sums.tax, guess=TAX_RULE if sums.tax else "")
        _tell(history, head, lines, placed)
        return history


class _Sums:
    """The sums of an order, and what follows from them: it has to add up in one of the ways in which Shopify writes it.

    `off` is the part of the discount that is taken off the whole order, and `shipping` is what shipping costs after its
    own discount. Raises BadOrder if the order does not add up.
    """

    def __init__(self, head: Fields, lines: Sequence[Fields]) -> None:
        self.currency = head.text("Currency")
        names = ("Subtotal", "Shipping", "Taxes", "Total", "Discount Amount", "Duties")
        amounts = [amount_of(head, name, self.currency) for name in names]
        subtotal, shipping, self.tax, self.total, discount, self.duties = amounts
        if min(amounts) < 0:
            raise BadOrder(f"{names[amounts.index(min(amounts))]} is below zero")
        prices = [
            rounded(line.units("Lineitem quantity") * line.number("Lineitem price", self.currency), self.currency)
            for line in lines
        ]
        own = sum((amount_of(line, "Lineitem discount", self.currency) for line in lines), ZERO)
        self.off = sum(prices, ZERO) - own - subtotal
        if not 0 <= self.off <= discount:
            expected = sum(prices, ZERO) - own
            raise BadOrder(
                f"the Subtotal is {subtotal} {self.currency}, and the lines are worth {expected} before a discount of"
                f" at most {discount}: a difference of {-self.off if self.off < 0 else self.off - discount}"
            )
        for_shipping = {rest for rest in (discount - self.off, discount - self.off - own) if 0 < rest <= shipping}
        self._find_way(subtotal + self.duties, [shipping, *(shipping - rest for rest in sorted(for_shipping))])

    def _find_way(self, goods: Decimal, shippings: Sequence[Decimal]) -> None:
        """Find whether tax is included, and the price of shipping."""
        for self.shipping in shippings:
            for self.is_included in (True, False):
                if goods + self.shipping + (ZERO if self.is_included else self.tax) == self.total:
                    return
        added, included = goods + shippings[0] + self.tax, goods + shippings[0]
        nearest = min(abs(self.total - added), abs(self.total - included))
        raise BadOrder(
            f"the Total is {self.total} {self.currency}. Subtotal, Shipping and Taxes add up to {added}, or to"
            f" {included} with taxes included: a difference of {nearest}"
        )


def amount_of(fields: Fields, name: str, currency: str) -> Decimal:
    """Return an amount with the currency's decimals. Raises BadOrder."""
    return exact(fields.number(name, currency), currency, name)


def _order(head: Fields, lines: Sequence[Fields], sums: _Sums) -> CreateOrder:
    email = head.text("Email")
    articles = [_line(line, sums.currency) for line in lines]
    if sums.duties:
        articles.append(NewLine(sku="DUTIES", name="Duties", quantity=1, unit_price=sums.duties, kind=LineKind.CHARGE))
    shipping, method = sums.shipping, head.text("Shipping Method")
    return CreateOrder(
        order_id=UUID(int=0),
        customer_id=customer_id_of("shopify", email.casefold()),
        customer_name=head.text("Billing Name") or head.text("Shipping Name"),
        customer_email=email,
        currency=sums.currency,
        lines=tuple(articles),
        shipping=(NewShipping(name=method or "Shipping", price=shipping),) if shipping or method else (),
        discounts=(NewDiscount(name=head.text("Discount Code") or "Discount", amount=sums.off),) if sums.off else (),
        prices_include_tax=sums.is_included,
        shipping_address=_address_of(head, "Shipping"),
        billing_address=_address_of(head, "Billing"),
        country=head.text("Shipping Country") or head.text("Billing Country"),
        reference=head.text("Name"),
    )


def _line(line: Fields, currency: str) -> NewLine:
    """Return a line. An article without a sku has its name as its sku; what needs no shipping is a charge."""
    name = line.text("Lineitem name")
    sku = line.identifier("Lineitem sku") or name[:_MOST_IN_SKU].strip()
    return NewLine(
        sku=sku,
        name=name or sku,
        quantity=line.units("Lineitem quantity"),
        unit_price=line.number("Lineitem price", currency),
        kind=LineKind.CHARGE if line.text("Lineitem requires shipping").lower() == "false" else LineKind.GOODS,
        discount=amount_of(line, "Lineitem discount", currency),
    )


def _address_of(head: Fields, of: str) -> str:
    parts = [head.text(f"{of} {part}") for part in ("Name", "Company", "Address1", "Address2")]
    parts.append(f"{head.text(f'{of} Zip')} {head.text(f'{of} City')}".strip())
    parts += [head.text(f"{of} {part}") for part in ("Province", "Country")]
    return "\n".join(filter(None, parts))


def _named_rate(head: Fields) -> Decimal:
    """Return the sum of the rates that the names of the taxes state, such as `VAT 20%`."""
    names = [head.text(f"Tax {number} Name") for number in _TAXES if head.number(f"Tax {number} Value")]
    return sum((Decimal(match[1].replace(",", ".")) for name in names if (match := _RATE.search(name))), ZERO)


def _tell(history: OrderHistory, head: Fields, lines: Sequence[Fields], placed: datetime) -> None:
    """Add what became of the order. Raises BadOrder."""
    payment = _status(head, "Financial Status", _PAYMENTS)
    fulfilment = _status(head, "Fulfillment Status", _FULFILMENTS)
    paid, shipped, cancelled = (head.moment(name) for name in ("Paid at", "Fulfilled at", "Cancelled at"))
    last = max(moment for moment in (placed, paid, shipped, cancelled) if moment)
    refunded = _refunded(head, payment, history.state.currency)
    authorisation = _pay(history, head, payment, paid, placed)
    if fulfilment in {"fulfilled", "partial"}:
        line_ids = None if fulfilment == "fulfilled" else _shipped_lines(lines)
        history.ship(shipped or paid or placed, line_ids=line_ids, guess="" if shipped else SHIPPED_RULE)
    if payment == "voided" and authorisation:
        history.void(authorisation, last, reason="Voided in Shopify", guess=VOIDED_RULE)
    if cancelled:
        history.cancel(cancelled, reason="Cancelled in Shopify")
    history.refund(refunded, last, reason="Refunded in Shopify", guess=REFUNDED_RULE)


def _pay(history: OrderHistory, head: Fields, payment: str, paid: datetime | None, placed: datetime) -> int:
    """Add the payment. Return its number if it is only authorised, else 0."""
    total, currency = history.state.sold, history.state.currency
    open_amount = amount_of(head, "Outstanding Balance", currency)
    method, reference = head.text("Payment Method") or "shopify", head.text("Payment Reference")
    if payment in {"authorized", "voided"} and total:
        return history.authorise(total, placed, method=method, reference=reference, guess=AUTHORISED_RULE)
    if payment == "partially_paid" and not 0 < open_amount < total:
        raise BadOrder(f"partially paid, but the Outstanding Balance is {open_amount} of {total} {currency}")
    if payment == "paid" and open_amount > 0:
        raise BadOrder(f"paid, but the Outstanding Balance is {open_amount} {currency}")
    if payment in _PAID or payment == "partially_paid":
        amount = total - open_amount if payment == "partially_paid" else total
        history.pay(amount, paid or placed, method=method, reference=reference, guess="" if paid else PAID_RULE)
    return 0


def _refunded(head: Fields, payment: str, currency: str) -> Decimal:
    amount = amount_of(head, "Refunded Amount", currency)
    if (amount > 0) != (payment in {"refunded", "partially_refunded"}):
        raise BadOrder(f"the Refunded Amount is {amount} {currency}, and the Financial Status is {payment!r}")
    return amount


def _shipped_lines(lines: Sequence[Fields]) -> list[int]:
    statuses = [line.text("Lineitem fulfillment status").lower() for line in lines]
    if "partial" in statuses:
        raise BadOrder("some units of a line are shipped: the file does not say how many")
    if "fulfilled" not in statuses:
        raise BadOrder("the Fulfillment Status is 'partial', but no line is fulfilled")
    return [number for number, status in enumerate(statuses, start=1) if status == "fulfilled"]


def _status(head: Fields, name: str, known: Collection[str]) -> str:
    status = head.text(name).lower().replace(" ", "_")
    if status not in known:
        raise BadOrder(f"the {name} {status!r} is not known. Known are {', '.join(filter(None, sorted(known)))}")
    return status
