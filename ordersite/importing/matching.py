"""Find the earlier purchases that a line of a credit note takes back.

A line names customer, sku, units and price, but not the order. Rules find the order. They use only earlier lines of the
file, so one pass is enough, and a second pass gives the same result.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from orders.money import rounded, spread
from orders.values import ZERO
from ordersite.importing.commands import Outcome
from ordersite.importing.purchase_store import PurchaseStore
from ordersite.importing.sales import CURRENCY, Purchase, Sale

SHIPPING = frozenset(("POST", "DOT", "C2", "C3"))
ALLOWANCES = SHIPPING | {"D", "M"}
"""Skus that mean money only. If no purchase matches them, the money is taken off the customer's earlier orders."""


class NoMatch(ValueError):
    """No purchase matches a line of a credit note. The message is the reason, as the report counts it."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A line of a credit note, with positive units and the price on the note."""

    customer: str
    code: str
    units: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """Return units times price, rounded to the penny."""
        return rounded(self.units * self.price, CURRENCY)


@dataclass(frozen=True, slots=True)
class Match:
    """The part of a credit line that one purchase takes. An allowance has no units.

    `amount` is the money that is given back, at the price on the note.
    """

    outcome: Outcome
    purchase: Purchase
    units: int
    amount: Decimal


@dataclass(slots=True)
class Matcher:
    """Matches credit lines with purchases, and never takes back more than a customer bought.

    Purchases and sales are in the order of the file, so the last one is the latest.
    """

    purchases: PurchaseStore

    def add_sale(self, sale: Sale) -> None:
        """Keep an order that was placed and paid. A guest's order is not kept: no credit note can mean it."""
        if sale.customer:
            self.purchases.add(sale)

    def find_order(self, lines: Sequence[Credit]) -> Sale | None:
        """Return the order that a credit note most likely means, or None if no order has any of its lines.

        It is the order with the most of the note's lines at their price; if several have as many, the one worth exactly
        the note's amount, then the latest.
        """
        matching_lines: Counter[Sale] = Counter()
        for line in lines:
            enough = (one for one in self._bought(line) if one.price == line.price and one.units >= line.units)
            matching_lines.update({purchase.sale for purchase in enough})
        if not matching_lines:
            return None
        most, amount = max(matching_lines.values()), sum((line.amount for line in lines), ZERO)
        best = [sale for sale in reversed(self._sales(lines[0].customer)) if matching_lines[sale] == most]
        return next((sale for sale in best if sale.money == amount), best[0])

    def match(self, line: Credit, likely_order: Sale | None) -> list[Match]:
        """Return the matches of a line; together they have exactly its units and its amount.

        `likely_order` is the order that the whole note most likely means. A line is matched as a whole or not at all.
        Raises NoMatch.
        """
        if not line.customer:
            raise NoMatch("cancellation without a customer")
        if not self._sales(line.customer):
            raise NoMatch("cancellation by a customer without an earlier order in the file")
        try:
            return self._take(self._match_purchases(line, likely_order), line)
        except NoMatch:
            if line.code not in ALLOWANCES:
                raise
            return self._take((), line)

    def _bought(self, line: Credit) -> Sequence[Purchase]:
        return self.purchases.customer(line.customer).bought(line.code)

    def _sales(self, customer: str) -> Sequence[Sale]:
        return self.purchases.customer(customer).sales

    def _match_purchases(self, line: Credit, likely_order: Sale | None) -> list[Match]:
        """Match with purchases, the best first.

        Best is the same price, then enough units, the likely order, exactly these units, and the latest.
        Raises NoMatch.
        """
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
                purchase.sale is not likely_order,
                purchase.units != line.units,
            )
        )
        return _divide(line, bought)

    def _take(self, proposed: Sequence[Match], line: Credit) -> list[Match]:
        """Take units and money from the purchases of `proposed`, and the money they do not have as allowances.

        Raises NoMatch, after putting everything back, if the customer's orders do not have enough money.
        """
        taken: list[Match] = []
        for match in proposed:
            taken.append(replace(match, amount=min(match.amount, match.purchase.money)))
            match.purchase.take(match.units, taken[-1].amount)
        rest = line.amount - sum((match.amount for match in taken), ZERO)
        for sale in self._by_likelihood(line.customer, rest, {match.purchase.sale for match in taken}) if rest else ():
            amount = min(rest, sale.money)
            for allowance in _allowances(amount, sale):
                taken.append(allowance)
                allowance.purchase.take(0, allowance.amount)
            rest -= amount
            if not rest:
                break
        if rest or not any(match.amount or match.purchase.is_goods for match in taken):
            for match in taken:
                match.purchase.take(-match.units, -match.amount)
            raise NoMatch("credit of more money than the customer's orders have left" if rest else "credit of nothing")
        return taken

    def _by_likelihood(self, customer: str, amount: Decimal, credited: Container[Sale]) -> list[Sale]:
        """Return the customer's orders, the most likely to get an allowance first.

        First are orders whose goods are credited, then orders worth exactly `amount`, then worth more, then the latest.
        """
        sales = [sale for sale in reversed(self._sales(customer)) if sale.money]
        sales.sort(key=lambda sale: (sale not in credited, sale.money != amount, sale.money < amount))
        return sales


def _divide(line: Credit, purchases: Sequence[Purchase]) -> list[Match]:
    """Divide the line's units over the purchases, in their order. The rounded amounts add up to the line's amount."""
    ends = [0]
    for purchase in purchases:
        if ends[-1] == line.units:
            break
        ends.append(min(line.units, ends[-1] + purchase.units))
    matches: list[Match] = []
    for purchase, (start, end) in zip(purchases, pairwise(ends), strict=False):
        amount = rounded(end * line.price, CURRENCY) - rounded(start * line.price, CURRENCY)
        matches.append(Match(_outcome(purchase), purchase, end - start, amount))
    return matches


def _outcome(purchase: Purchase) -> Outcome:
    if not purchase.is_goods:
        return Outcome.REFUND
    return Outcome.RETURN if purchase.sale.shipped else Outcome.CANCEL


def _allowances(amount: Decimal, sale: Sale) -> list[Match]:
    """Divide an allowance on a whole order over its lines, in proportion to the money that each has left."""
    shares = spread(amount, [line.money for line in sale.lines], CURRENCY)
    return [Match(Outcome.ALLOWANCE, line, 0, share) for line, share in zip(sale.lines, shares, strict=True) if share]
