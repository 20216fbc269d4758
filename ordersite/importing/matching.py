"""Which earlier purchases a line of a credit note takes back.

The file names only customer, sku, units and price; which order it means is found by rule. The rule sees only what stood
before in the file, so that one pass is enough and a second one says the same.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from orders.money import rounded, spread
from orders.values import ZERO
from ordersite.importing.commands import Way
from ordersite.importing.purchase_store import Remembered
from ordersite.importing.sales import CURRENCY, Purchase, Sale

SHIPPING = frozenset(("POST", "DOT", "C2", "C3"))
ALLOWANCES = SHIPPING | {"D", "M"}
"""Skus that stand for money alone: what no purchase explains is taken off the customer's earlier orders."""


class NoMatch(ValueError):
    """A line that takes back what the file never sold; the message is its reason, as the report counts it."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A line of a credit note: `units` is above zero, `price` is the note's own."""

    customer: str
    code: str
    units: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return rounded(self.units * self.price, CURRENCY)


@dataclass(frozen=True, slots=True)
class Match:
    """A share of a credit line; of an allowance, it has no units.

    `amount` is what is given back; where the note's price differs from the purchase's it is the note's.
    """

    way: Way
    purchase: Purchase
    units: int
    amount: Decimal


@dataclass(slots=True)
class Matcher:
    """Takes back what each customer bought and has not taken back: never more than was bought.

    Purchases and sales stand in the order of the file, so the last is the latest.
    """

    remembered: Remembered

    def sold(self, sale: Sale) -> None:
        """Remember an order that was placed and paid. A guest's is forgotten: nothing could name it again."""
        if sale.customer:
            self.remembered.add(sale)

    def meant(self, lines: Sequence[Credit]) -> Sale | None:
        """The order that a customer's credit note points at: it has the most of the note's lines at their price.

        Among several, one that is worth exactly the note; then the latest. None if no order has any.
        """
        has: Counter[Sale] = Counter()
        for line in lines:
            enough = (one for one in self._bought(line) if one.price == line.price and one.units >= line.units)
            has.update({purchase.sale for purchase in enough})
        if not has:
            return None
        most, worth = max(has.values()), sum((line.amount for line in lines), ZERO)
        best = [sale for sale in reversed(self._sales(lines[0].customer)) if has[sale] == most]
        return next((sale for sale in best if sale.money == worth), best[0])

    def match(self, line: Credit, meant: Sale | None) -> list[Match]:
        """The shares of `line`, in the order they were found; together exactly its units and its amount.

        `meant` is the order that the whole credit note points at. A line is taken whole or not at all. Raises NoMatch.
        """
        if not line.customer:
            raise NoMatch("cancellation without a customer")
        if not self._sales(line.customer):
            raise NoMatch("cancellation by a customer without an earlier order in the file")
        try:
            return self._applied(self._of_purchases(line, meant), line)
        except NoMatch:
            if line.code not in ALLOWANCES:
                raise
            return self._applied((), line)

    def _bought(self, line: Credit) -> Sequence[Purchase]:
        return self.remembered.customer(line.customer).bought(line.code)

    def _sales(self, customer: str) -> Sequence[Sale]:
        return self.remembered.customer(customer).sales

    def _of_purchases(self, line: Credit, meant: Sale | None) -> list[Match]:
        """Its price first; one that is enough alone; the order that is meant; just these units; the latest."""
        purchases = self._bought(line)
        if not purchases:
            raise NoMatch("cancellation of a purchase that is not in the file")
        bought = [purchase for purchase in reversed(purchases) if purchase.units]
        if not bought:
            raise NoMatch("cancellation of what was taken back already")
        if sum(purchase.units for purchase in bought) < line.units:
            raise NoMatch("cancellation of more than is left of the purchases")
        bought.sort(
            key=lambda purchase: (
                purchase.price != line.price,
                purchase.units < line.units,
                purchase.sale is not meant,
                purchase.units != line.units,
            )
        )
        return _shared_out(line, bought)

    def _applied(self, wanted: Sequence[Match], line: Credit) -> list[Match]:
        """`wanted`, each with as much money as its purchase has left; the rest as allowances. Raises NoMatch."""
        done: list[Match] = []
        for match in wanted:
            done.append(replace(match, amount=min(match.amount, match.purchase.money)))
            match.purchase.take(match.units, done[-1].amount)
        rest = line.amount - sum((match.amount for match in done), ZERO)
        for sale in self._by_likelihood(line.customer, rest, {match.purchase.sale for match in done}) if rest else ():
            amount = min(rest, sale.money)
            for allowance in _spread(amount, sale):
                done.append(allowance)
                allowance.purchase.take(0, allowance.amount)
            rest -= amount
            if not rest:
                break
        if rest or not any(match.amount or match.purchase.is_goods for match in done):
            for match in done:
                match.purchase.take(-match.units, -match.amount)
            raise NoMatch("credit of more money than the customer's orders have left" if rest else "credit of nothing")
        return done

    def _by_likelihood(self, customer: str, amount: Decimal, own: Container[Sale]) -> list[Sale]:
        """The sale whose goods are credited first, then one worth exactly `amount`, one worth more, the latest."""
        sales = [sale for sale in reversed(self._sales(customer)) if sale.money]
        sales.sort(key=lambda sale: (sale not in own, sale.money != amount, sale.money < amount))
        return sales


def _shared_out(line: Credit, purchases: Sequence[Purchase]) -> list[Match]:
    """`line` over `purchases` in their order. The amounts are rounded so that they add up to the line's."""
    ends = [0]
    for purchase in purchases:
        if ends[-1] == line.units:
            break
        ends.append(min(line.units, ends[-1] + purchase.units))
    matches: list[Match] = []
    for purchase, (start, end) in zip(purchases, pairwise(ends), strict=False):
        amount = rounded(end * line.price, CURRENCY) - rounded(start * line.price, CURRENCY)
        matches.append(Match(_way(purchase), purchase, end - start, amount))
    return matches


def _way(purchase: Purchase) -> Way:
    if not purchase.is_goods:
        return Way.REFUND
    return Way.RETURN if purchase.sale.shipped else Way.CANCEL


def _spread(amount: Decimal, sale: Sale) -> list[Match]:
    """An allowance on a whole order: on its lines, in proportion to what can still be given back for each."""
    shares = spread(amount, [line.money for line in sale.lines], CURRENCY)
    return [Match(Way.ALLOWANCE, line, 0, share) for line, share in zip(sale.lines, shares, strict=True) if share]
