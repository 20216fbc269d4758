"""One order as its customer is answered: made once, kept in Valkey, ready to be sent."""

from collections.abc import Collection
from hashlib import blake2b
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from projections.customer.orders import CustomerOrder
from projections.customer.queries import own_order
from projections.order_serializers import EXPANDABLE_PARTS, order_body
from projections.reading import row_cache

PROJECTION = "customer"
_EXPANDED = [part for part in EXPANDABLE_PARTS if part != "lines"]


class CachedOrder(msgspec.Struct, frozen=True):
    """`order` is JSON, with its lines; `parts` are what else can be asked for of it, each as JSON by itself."""

    owner: UUID | None
    version: int
    etag: str
    order: bytes
    parts: dict[str, bytes]

    def body(self, parts: Collection[str]) -> bytes:
        """The order with these parts, as JSON; its lines always are there."""
        more = [b',"%s":%s' % (name.encode(), self.parts[name]) for name in self.parts if name in parts]
        return b"%s%s}" % (self.order[:-1], b"".join(more)) if more else self.order


def read(
    customer_id: UUID, order_id: UUID, *, min_version: int, lease: row_cache.Lease | None = None
) -> CachedOrder | None:
    """The order, once it shows `min_version`: from the cache, or read and kept there. Raises NotYetVisible.

    None where this customer has none of that id. `lease` is what was found of it when the request came.
    """
    lease = lease or row_cache.look_up(PROJECTION, order_id)
    kept = from_cache(lease, customer_id, min_version=min_version)
    if kept is not None:
        return kept
    order = own_order(customer_id, order_id, min_version=min_version)
    if order is None:
        return None
    hot = _made(order)
    row_cache.store(lease, order.version, msgspec.msgpack.encode(hot))
    return hot


def from_cache(lease: row_cache.Lease, customer_id: UUID | None, *, min_version: int) -> CachedOrder | None:
    """What is kept, where it is this customer's and shows `min_version`."""
    if lease.body is None:
        return None
    try:
        kept = msgspec.msgpack.decode(lease.body, type=CachedOrder)
    except msgspec.DecodeError:
        return None  # another release keeps it in another form, for a few seconds
    return kept if kept.owner is not None and kept.owner == customer_id and kept.version >= min_version else None


def _made(order: CustomerOrder) -> CachedOrder:
    whole = order_body(order)
    parts = {name: msgspec.json.encode(whole.pop(name)) for name in _EXPANDED}
    body = msgspec.json.encode(whole)
    return CachedOrder(
        owner=order.customer_id, version=order.version, etag=_tag(order.version, body), order=body, parts=parts
    )


def _tag(version: int, body: bytes) -> str:
    """Not the version alone: what was expanded differs, and a rebuild after a release may show it otherwise."""
    return f'"{version}.{blake2b(body, digest_size=6).hexdigest()}"'


def respond(request: HttpRequest, hot: CachedOrder, parts: Collection[str] = ()) -> HttpResponse:
    """The order; 304 where the client has this very answer, 412 where it named another with `If-Match`."""
    body = hot.body(parts)
    etag = hot.etag if body is hot.order else _tag(hot.version, body)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    whole = HttpResponse(body, content_type="application/json", headers=headers)
    told = get_conditional_response(request, etag=etag, response=whole)
    return told if isinstance(told, HttpResponse) else whole
