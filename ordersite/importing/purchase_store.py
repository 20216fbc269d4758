"""Keep what customers bought until the end of a file: recently used customers in memory, the others on disk.

So a long file needs no more memory than a short one. On disk is a temporary SQLite database, which is deleted when its
connection is closed.
"""

import pickle
import sqlite3
from dataclasses import dataclass, field

from ordersite.importing.sales import Purchase, Sale

IN_MEMORY = 5_000  # orders, about 2 kB each


@dataclass(slots=True)
class Customer:
    """The orders of a customer, in the order of the file. Their lines are indexed when they are first needed."""

    sales: list[Sale] = field(default_factory=list)
    is_complete: bool = False  # whether none of the sales are on disk
    _by_code: dict[str, list[Purchase]] = field(default_factory=dict)
    _indexed: int = 0  # sales whose lines are in _by_code

    def bought(self, code: str) -> list[Purchase]:
        """Return the customer's purchases of the article with this code."""
        for sale in self.sales[self._indexed :]:
            for purchase, line_code in zip(sale.lines, sale.sold.codes, strict=True):
                self._by_code.setdefault(line_code, []).append(purchase)
        self._indexed = len(self.sales)
        return self._by_code.get(code, [])


class PurchaseStore:
    """All customers with their purchases, and the numbers of all invoices."""

    def __init__(self) -> None:
        self._count = 0
        self._limit = IN_MEMORY  # above this number of orders in memory, some are moved to disk
        self._memory: dict[str, Customer] = {}  # the most recently used customer is last
        # Only one thread at a time uses the connection, but not always the same thread.
        self._disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._disk.execute("PRAGMA journal_mode = off")
        self._disk.execute("CREATE TABLE bought (number INTEGER PRIMARY KEY, customer TEXT, sales BLOB)")
        self._disk.execute("CREATE INDEX bought_customer ON bought (customer)")
        self._disk.execute("CREATE TABLE invoices (number TEXT PRIMARY KEY) WITHOUT ROWID")

    def is_new_invoice(self, number: str) -> bool:
        """Record an invoice number. Return whether it was not recorded before."""
        return self._disk.execute("INSERT OR IGNORE INTO invoices VALUES (?)", (number,)).rowcount > 0

    def add(self, sale: Sale) -> None:
        """Add an order to its customer, and move orders to disk if there are too many in memory."""
        customer = self._memory.pop(sale.customer, None) or Customer()
        customer.sales.append(sale)
        self._memory[sale.customer] = customer
        self._count += 1
        if self._count > self._limit:
            self._move_to_disk()
            self._limit = max(IN_MEMORY, self._count + IN_MEMORY // 10)

    def customer(self, name: str) -> Customer:
        """Return the customer with all orders so far; without any orders if there are none."""
        customer = self._memory.pop(name, None) or Customer()
        if not customer.is_complete:
            earlier = self._load_from_disk(name)
            self._count += len(earlier)
            customer = Customer(earlier + customer.sales, is_complete=True)
        if customer.sales:
            self._memory[name] = customer
        return customer

    def _load_from_disk(self, name: str) -> list[Sale]:
        rows = self._disk.execute("SELECT sales FROM bought WHERE customer = ? ORDER BY number", (name,)).fetchall()
        if rows:
            self._disk.execute("DELETE FROM bought WHERE customer = ?", (name,))
        return [sale for (sales,) in rows for sale in pickle.loads(sales)]  # noqa: S301 - only this process can write it

    def _move_to_disk(self) -> None:
        """Move a tenth of the orders to disk: those of the least recently used customers without pending shipments."""
        for name, customer in list(self._memory.items()):
            if all(sale.shipped or not sale.unsent for sale in customer.sales):
                self._disk.execute(
                    "INSERT INTO bought (customer, sales) VALUES (?, ?)", (name, pickle.dumps(customer.sales))
                )
                self._count -= len(self._memory.pop(name).sales)
                for sale in customer.sales:
                    sale.drop_lines()
                if self._count <= IN_MEMORY * 0.9:
                    return
