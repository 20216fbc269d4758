"""Serve cached single-order GETs from a middleware, before routing, sessions and DRF.

Fast path: the middleware instead of `GetOwnOrder`, at half the cost; measured in docs/decisions/34-cached-orders.md.
Fast path: `CountAndLookUp` counts a request and looks its order up in one script instead of two. The saved round trip
to Valkey made a cached GET 13 % faster (890 instead of 1,020 microseconds in process, 304 the same; median of 60
rounds).
"""

import re
from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from eventstore.wakeups import valkey
from ordersite.api.authentication import may_log_in, token_in, token_owner
from ordersite.middleware.rate_limits import COUNT_SCRIPT, Counting, RateLimits, Usage, warn_uncounted
from projections.customer.api import cached_order
from projections.reading import row_cache

_ORDER_PATH = re.compile(r"/api/v1/orders/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_QUERY = re.compile(r"(?:min_version=([0-9]{1,9}))?")
_ACCEPT = ("", "*/*", "application/json")
_ALLOW = "GET, HEAD, OPTIONS"

# The last two KEYS are those of the cached row; KEYS and ARGV before them are the rate limiter's.
_COUNT_AND_LOOK_UP = (
    COUNT_SCRIPT + row_cache.LOOKUP_SCRIPT + "return {count_request(), look(KEYS[#KEYS - 1], KEYS[#KEYS])}"
)


def requested_order(request: HttpRequest) -> UUID | None:
    """Return the id of the single order that a GET asks for, if it asks for one."""
    match = _ORDER_PATH.fullmatch(request.path_info) if request.method == "GET" else None
    return UUID(match[1]) if match else None


class CountAndLookUp(RateLimits):
    """Rate limits that also look up a requested order in the cache, in the same round trip to Valkey.

    The result is `request.order_lease`; `CachedOrders` and `GetOwnOrder` read it. With plain `RateLimits` in its place
    every answer is the same, and only the view reads the cache.
    """

    def count(self, request: HttpRequest, counting: Counting) -> list[Usage]:
        """Count the request, and look its order up if it asks for one."""
        order_id = requested_order(request)
        if order_id is None:
            return super().count(request, counting)
        keys = counting.keys + row_cache.keys_of(cached_order.PROJECTION, order_id)
        try:
            counts, row = valkey.client().register_script(_COUNT_AND_LOOK_UP)(keys=keys, args=counting.args)
        except RedisError as error:
            warn_uncounted(error)
            usages, lease = [], row_cache.Lease(cached_order.PROJECTION, order_id, asked=False)
        else:
            usages, lease = counting.usages(counts), row_cache.lease_from(cached_order.PROJECTION, order_id, row)
        request.order_lease = lease  # type: ignore[attr-defined]
        return usages


class CachedOrders:
    """Answer a customer's GET of an own order from the cache, exactly as `GetOwnOrder` would.

    Everything else is left to the view: refusals, orders that are not cached, unusual requests. It runs after the
    middleware that counts and checks requests and writes headers, and before the middleware that only pages need.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        lease: row_cache.Lease | None = getattr(request, "order_lease", None)  # set by CountAndLookUp
        cached = self._cached_answer(request, lease) if lease and lease.body is not None else None
        return cached or self.get_response(request)

    @staticmethod
    def _cached_answer(request: HttpRequest, lease: row_cache.Lease) -> HttpResponse | None:
        meta = request.META
        query = _QUERY.fullmatch(meta.get("QUERY_STRING", ""))
        token = token_in(meta.get("HTTP_AUTHORIZATION", ""))
        is_plain = meta.get("HTTP_ACCEPT", "") in _ACCEPT and "HTTP_IF_MATCH" not in meta
        owner = token_owner(token) if query and is_plain and token else None
        if not query or not owner or not may_log_in(owner[0]):
            return None
        request.user, request.auth = owner  # type: ignore[attr-defined]  # as DRF does; RateLimits reads `auth`
        order = cached_order.from_cache(lease, owner[0].customer_id, min_version=int(query[1] or 0))
        if order is None:
            return None
        response = cached_order.respond(request, order)
        response["Allow"] = _ALLOW
        return response
