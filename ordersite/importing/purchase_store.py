"""What has to be remembered until the end of a file: near at hand what was needed last, the rest in a file.

So a long file takes no more memory than a short one. SQLite keeps the rest, in a database that is gone when its
connection is.
"""

import pickle
import sqlite3
from dataclasses import dataclass, field

from ordersite.importing.sales import Purchase, Sale

NEAR = 5_000  # orders that are kept in memory, about 2 kB each


@dataclass(slots=True)
class Customer:
    """What a customer bought, in the order of the file. Their orders are only looked through once somebody asks."""

    sales: list[Sale] = field(default_factory=list)
    is_whole: bool = False  # whether nothing of it is put away
    _by_code: dict[str, list[Purchase]] = field(default_factory=dict)
    _looked_through: int = 0

    def bought(self, code: str) -> list[Purchase]:
        """The purchases of what has this code."""
        for sale in self.sales[self._looked_through :]:
            for purchase, its in zip(sale.lines, sale.sold.codes, strict=True):
                self._by_code.setdefault(its, []).append(purchase)
        self._looked_through = len(self.sales)
        return self._by_code.get(code, [])


class Remembered:
    """Customers with what they bought, and names that were met."""

    def __init__(self) -> None:
        self._count = 0
        self._full = NEAR  # at how many something is put away next
        self._near: dict[str, Customer] = {}  # the one needed last stands last
        # One thread at a time uses it, not always the same one.
        self._far = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._far.execute("PRAGMA journal_mode = off")
        self._far.execute("CREATE TABLE bought (number INTEGER PRIMARY KEY, customer TEXT, sales BLOB)")
        self._far.execute("CREATE INDEX bought_customer ON bought (customer)")
        self._far.execute("CREATE TABLE met (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def meets(self, name: str) -> bool:
        """Whether this is the first time."""
        return self._far.execute("INSERT OR IGNORE INTO met VALUES (?)", (name,)).rowcount > 0

    def add(self, sale: Sale) -> None:
        customer = self._near.pop(sale.customer, None) or Customer()
        customer.sales.append(sale)
        self._near[sale.customer] = customer
        self._count += 1
        if self._count > self._full:
            self._put_away()
            self._full = max(NEAR, self._count + NEAR // 10)

    def customer(self, name: str) -> Customer:
        """Everything that this customer bought so far; without any sale where that is nothing."""
        customer = self._near.pop(name, None) or Customer()
        if not customer.is_whole:
            earlier = self._taken_back(name)
            self._count += len(earlier)
            customer = Customer(earlier + customer.sales, is_whole=True)
        if customer.sales:
            self._near[name] = customer
        return customer

    def _taken_back(self, name: str) -> list[Sale]:
        found = self._far.execute("SELECT sales FROM bought WHERE customer = ? ORDER BY number", (name,)).fetchall()
        if found:
            self._far.execute("DELETE FROM bought WHERE customer = ?", (name,))
        return [sale for (sales,) in found for sale in pickle.loads(sales)]  # noqa: S301 - nobody else can write it

    def _put_away(self) -> None:
        """A tenth of what is near, of those that were not needed for longest and have nothing still to be sent."""
        for name, customer in list(self._near.items()):
            if all(sale.shipped or not sale.unsent for sale in customer.sales):
                self._far.execute(
                    "INSERT INTO bought (customer, sales) VALUES (?, ?)", (name, pickle.dumps(customer.sales))
                )
                self._count -= len(self._near.pop(name).sales)
                for sale in customer.sales:
                    sale.let_go()
                if self._count <= NEAR * 0.9:
                    return
