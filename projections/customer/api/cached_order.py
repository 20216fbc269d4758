"""The answer to a customer's request for one order: encoded once, cached in Valkey, sent as it is.

Fast path: encoded JSON from Valkey instead of a database row and DRF serializers; measured in
docs/decisions/34-cached-orders.md and docs/performance.md.
"""

from collections.abc import Collection
from hashlib import blake2b
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from projections.customer.orders import CustomerOrder
from projections.customer.queries import own_order
from projections.order_body import EXPANDABLE_PARTS, order_body
from projections.reading import row_cache

PROJECTION = "customer"
_EXPANDED = [part for part in EXPANDABLE_PARTS if part != "lines"]


class CachedOrder(msgspec.Struct, frozen=True):
    """An encoded order. `order` is its JSON with the lines; `parts` has the JSON of each other part, by name."""

    owner: UUID | None
    version: int
    etag: str
    order: bytes
    parts: dict[str, bytes]

    def body(self, parts: Collection[str]) -> bytes:
        """Return the JSON of the order with these parts. The lines are always included."""
        extra = [b',"%s":%s' % (name.encode(), self.parts[name]) for name in self.parts if name in parts]
        return b"%s%s}" % (self.order[:-1], b"".join(extra)) if extra else self.order


def read(
    customer_id: UUID, order_id: UUID, *, min_version: int, lease: row_cache.Lease | None = None
) -> CachedOrder | None:
    """Return the order once it shows `min_version`, or None if the customer has no order with this id.

    Reads the cache first; an order that is read from the database is cached. `lease` is the result of the cache lookup,
    if the caller has made it. Raises NotYetVisible.
    """
    lease = lease or row_cache.look_up(PROJECTION, order_id)
    cached = from_cache(lease, customer_id, min_version=min_version)
    if cached is not None:
        return cached
    order = own_order(customer_id, order_id, min_version=min_version)
    if order is None:
        return None
    encoded = _encode(order)
    if order._state.adding:
        return encoded  # made from the log: only what the table holds is cached
    row_cache.store(lease, order.version, msgspec.msgpack.encode(encoded))
    return encoded


def from_cache(lease: row_cache.Lease, customer_id: UUID | None, *, min_version: int) -> CachedOrder | None:
    """Return the cached order if it belongs to this customer and shows `min_version`, else None."""
    if lease.body is None:
        return None
    try:
        cached = msgspec.msgpack.decode(lease.body, type=CachedOrder)
    except msgspec.DecodeError:
        return None  # during a deployment, another release may have cached it in another format
    is_own = cached.owner is not None and cached.owner == customer_id
    return cached if is_own and cached.version >= min_version else None


def _encode(order: CustomerOrder) -> CachedOrder:
    content = order_body(order)
    parts = {name: msgspec.json.encode(content.pop(name)) for name in _EXPANDED}
    body = msgspec.json.encode(content)
    return CachedOrder(
        owner=order.customer_id, version=order.version, etag=_etag(order.version, body), order=body, parts=parts
    )


def _etag(version: int, body: bytes) -> str:
    """Return the version with a hash of the body.

    The version alone is not enough: requests expand different parts, and a new release may show the same version
    differently.
    """
    return f'"{version}.{blake2b(body, digest_size=6).hexdigest()}"'


def respond(request: HttpRequest, order: CachedOrder, parts: Collection[str] = ()) -> HttpResponse:
    """Return the response with the order; 304 if `If-None-Match` matches its ETag, 412 if `If-Match` does not."""
    body = order.body(parts)
    etag = order.etag if body is order.order else _etag(order.version, body)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    full = HttpResponse(body, content_type="application/json", headers=headers)
    response = get_conditional_response(request, etag=etag, response=full)
    return response if isinstance(response, HttpResponse) else full
