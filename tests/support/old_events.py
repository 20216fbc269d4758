"""Events as earlier releases stored them: in an older schema, with texts in the clear that are personal today."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from eventstore.ids import new_id
from eventstore.messages import EVENTS, OF_AGGREGATE, EventType
from eventstore.personal_data import encryption
from eventstore.personal_data.texts import change_texts
from eventstore.sql import cursor

SAMPLES = Path(__file__).parents[1] / "samples"
POSSIBLE = ("address_changed", "held", "released", "paid", "cancelled", "restored", "shipped")
"""Events of version 1 that can follow each other in an order, after it was created."""
POSSIBLE_LINE: dict[str, Any] = {
    "line_id": 1, "sku": "MUG", "name": "Mug", "quantity": 1, "unit_price": "1.50", "amount": "1.50", "kind": "goods",
    "discount": "0.00", "discount_terms": None, "discount_share": "0.00", "held_share": None, "tax_rate": "0",
    "tax": "0.00", "total": "1.50",
}  # fmt: skip
POSSIBLE_CREATED: dict[str, Any] = {
    "currency": "GBP",
    "lines": [POSSIBLE_LINE],
    "discounts": [],
    "tax": "0.00",
    "total": "1.50",
}
"""What makes the sample of `order.created` version 3 an order that can have been."""


def older_samples(kind: str) -> Iterator[tuple[str, int]]:
    """Yield the type and the version of each stored sample of an older schema, of one aggregate type."""
    for path in sorted(SAMPLES.glob(f"{kind}.*.json")):
        event_type, _, version = path.stem.rpartition(".v")
        if int(version) < EVENTS[event_type].schema_version:
            yield event_type, int(version)


class OldLog:
    """Writes old events of one customer, with a word of its own in each text that is personal today."""

    def __init__(self, customer_id: UUID, *, mark: str = "old") -> None:
        self.customer_id = customer_id
        self.mark = mark
        self.words: dict[str, str] = {}
        self._numbers = count()

    def possible_order(self) -> UUID:
        """Write an order of version 1 that was changed, paid, cancelled, restored and shipped; return its id."""
        return self.order("order.created", 1, [(f"order.{name}", 1) for name in POSSIBLE])

    def order(
        self, created: str, version: int, later: list[tuple[str, int]], *, guest: bool = False, **changes: Any
    ) -> UUID:
        """Write an order with these events; return its id. A guest typed neither name nor address.

        `changes` are fields that every event gets which has them.
        """
        order_id = new_id()
        ids: dict[str, Any] = {"order_id": str(order_id), "customer_id": str(self.customer_id), **changes}
        if guest:
            ids |= {"customer_id": None, "customer_name": "", "customer_email": ""}
        for number, (event_type, schema_version) in enumerate([(created, version), *later], start=1):
            self._write(order_id, number, event_type, schema_version, ids)
        return order_id

    def account(self) -> UUID:
        """Write an account with each old event of accounts; return its id."""
        account_id = new_id()
        ids = {"account_id": str(account_id), "customer_id": str(self.customer_id)}
        for number, (event_type, version) in enumerate([("account.opened", 1), *older_samples("account")], start=1):
            self._write(account_id, number, event_type, version, ids)
        return account_id

    def _write(
        self, aggregate_id: UUID, version: int, event_type: str, schema_version: int, ids: dict[str, Any]
    ) -> None:
        data = json.loads((SAMPLES / f"{event_type}.v{schema_version}.json").read_text())
        data |= {name: value for name, value in ids.items() if name in data}
        declared, event_id = EVENTS[event_type], new_id()
        change_texts(declared, data, lambda path, text: self._word(f"{event_type} v{schema_version} {path}"))
        encrypted = {name for name in _encrypted_then(declared, schema_version) if data.get(name)}
        subject_id = self.customer_id if encrypted else None
        if subject_id:
            encrypt = encryption.text_encryptor(event_id, encryption.keys_of([subject_id])[subject_id])
            data |= {name: encrypt(name, data[name]) for name in encrypted}
        metadata = {"actor": "staff:anna", "command_id": str(new_id()), "correlation_id": str(new_id())}
        named = [event_id, aggregate_id, event_type.partition(".")[0], event_type, schema_version]
        values = [*named, json.dumps(data), json.dumps(metadata), version, subject_id]
        with cursor() as opened:
            opened.execute(
                "INSERT INTO events (event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data,"
                " metadata, version, subject_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                values,
            )

    def _word(self, where: str) -> str:
        word = f"zq{next(self._numbers):03}{self.mark}"
        self.words[word] = where
        return word

    def found_in(self, text: Any) -> dict[str, str]:
        """Return the words that are in a text, with where they were written."""
        return {word: where for word, where in self.words.items() if word in str(text)}


def _encrypted_then(declared: EventType, schema_version: int) -> set[str]:
    """Return the fields that were encrypted in this schema version already."""
    if declared.subject == OF_AGGREGATE:
        return set()
    return {text.name for text in declared.personal if declared.since.get(text.name, 0) <= schema_version}
