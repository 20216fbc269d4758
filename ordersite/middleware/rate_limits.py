"""How often a client may ask: counted in Valkey by address, by person and by account name, and told with each answer.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers. A window begins with a client's
first request and ends whole: docs/decisions/21-rate-limits.md says why.
"""

import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from math import ceil
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from eventstore.wakeups import valkey
from orders.http.i18n import translate_plural
from orders.http.request import API
from ordersite.api.problems import problem
from ordersite.middleware.cached_orders import requested_order
from projections.customer.api import cached_order
from projections.reading import row_cache

log = logging.getLogger(__name__)

PERIODS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
TOKEN_SECONDS = 3600  # how long Valkey remembers whose a token is
_KEY = "ordersite:rate:"

# The first ARGV[1] of KEYS are counted, each in its window (ARGV, milliseconds). The last three of ARGV: where the
# owner of the request's token may be remembered, and what to put before their name to count them too. Two more KEYS are
# those of a row that is looked for. One round trip, and nothing between.
_COUNT = (
    row_cache.LOOKUP_SCRIPT
    + """
local taken, counted = {}, tonumber(ARGV[1])
local function take(key, window)
  local count, left = redis.call('INCR', key), redis.call('PTTL', key)
  if left < 0 then
    redis.call('PEXPIRE', key, window)
    left = tonumber(window)
  end
  taken[#taken + 1] = {count, left}
end
for number = 1, counted do take(KEYS[number], ARGV[number + 1]) end
local token = ARGV[counted + 2]
if token ~= '' then
  local owner = redis.call('GET', token)
  if owner then take(ARGV[counted + 3] .. owner, ARGV[counted + 4]) end
end
return {taken, #KEYS > counted and look(KEYS[counted + 1], KEYS[counted + 2])}
"""
)


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests in `window` seconds."""

    name: str
    quota: int
    window: int

    @property
    def header(self) -> str:
        return f'"{self.name}";q={self.quota};w={self.window}'


@dataclass(frozen=True, slots=True)
class Taken:
    """One request counted under a policy: which one of its window it was, and the seconds until the next begins."""

    policy: Policy
    count: int
    seconds: int

    @property
    def is_too_many(self) -> bool:
        return self.count > self.policy.quota

    @property
    def header(self) -> str:
        return f'"{self.policy.name}";r={max(self.policy.quota - self.count, 0)};t={self.seconds}'


@cache
def parse_rate(name: str, rate: str) -> Policy:
    """`600/min` as a policy. Raises ValueError."""
    quota, _, period = rate.partition("/")
    if period not in PERIODS or not quota.isdecimal():
        raise ValueError(f"{rate!r} is no rate such as 600/min; the periods are {', '.join(PERIODS)}")
    return Policy(name, int(quota), PERIODS[period])


def address_of(request: HttpRequest | Request) -> str:
    """Where a request comes from, as far as NUM_PROXIES allows belief. Of IPv6 the network: a client has all of it."""
    given: str = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # asks for nothing but META
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:  # as a socket that listens to both writes IPv4: these would all be one network
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def count(who: Sequence[tuple[Policy, str]]) -> list[Taken]:
    """Count a request under each policy. Empty where nobody can count: then it goes through, and the log says so."""
    return arrive(who)[0]


def arrive(
    who: Sequence[tuple[Policy, str]], *, token: str = "", owner: Policy | None = None, order: UUID | None = None
) -> tuple[list[Taken], row_cache.Lease | None]:
    """As `count`, and under `owner` if it is known whose `token` it came with; and what is kept of `order`."""
    keys = [_key(policy.name, name) for policy, name in who]
    asked: list[str | int] = [len(keys), *(policy.window * 1000 for policy, _ in who)]
    asked += [_key("token", token), f"{_KEY}{owner.name}:", owner.window * 1000] if owner and token else [""]
    keys += row_cache.keys_of(cached_order.PROJECTION, order) if order else []
    try:
        found, kept = valkey.client().register_script(_COUNT)(keys=keys, args=asked)
    except RedisError as error:
        log.warning("requests are not being counted: %s", error)
        return [], row_cache.Lease(cached_order.PROJECTION, order, asked=False) if order else None
    policies = [policy for policy, _ in who] + ([owner] if owner else [])
    taken = [Taken(policy, number, ceil(left / 1000)) for policy, (number, left) in zip(policies, found, strict=False)]
    return taken, row_cache.lease_from(cached_order.PROJECTION, order, kept) if order else None


def _key(kind: str, name: str) -> str:
    return f"{_KEY}{kind}:{_digest(name)}"


def _digest(name: str) -> str:
    """No address, name or token stands in Valkey."""
    return blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()


class RateLimits:
    """Counts each request to the API before anything else is done for it; refuses those that are too many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API):
            return self.get_response(request)
        user, address = parse_rate("user", settings.API_RATE_USER), parse_rate("address", settings.API_RATE_ADDRESS)
        token = request.headers.get("Authorization", "")
        where, order = [(address, address_of(request))], requested_order(request)
        taken, lease = arrive(where, token=token, owner=user, order=order)
        request.rates = taken  # type: ignore[attr-defined]  # throttles of a view add theirs
        request.order_lease = lease  # type: ignore[attr-defined]  # HotOrders and the view read on from there
        seconds = seconds_to_wait(taken)
        response = too_many(request, seconds) if seconds else self.get_response(request)
        if taken and not seconds:
            self._remember(request, response, token, user, taken)
        policies = dict.fromkeys([user, address, *(each.policy for each in taken)])
        response["RateLimit-Policy"] = ", ".join(each.header for each in policies)
        if taken:
            response["RateLimit"] = ", ".join(each.header for each in sorted(taken, key=_left))
        return response

    @staticmethod
    def _remember(request: HttpRequest, response: HttpResponse, token: str, user: Policy, taken: list[Taken]) -> None:
        """Whose a token is becomes known when its first request is answered; one that is revoked is forgotten."""
        was_known = any(each.policy == user for each in taken)
        owner = getattr(getattr(request, "auth", None), "user_id", None)
        try:
            if was_known and response.status_code == 401:
                valkey.client().delete(_key("token", token))
            elif owner is not None and not was_known:
                valkey.client().set(_key("token", token), _digest(str(owner)), ex=TOKEN_SECONDS)
                taken.extend(count([(user, str(owner))]))
        except RedisError as error:
            log.warning("requests are not being counted: %s", error)


def _left(taken: Taken) -> int:
    """The nearest limit first: what a client looks at that looks at one only."""
    return taken.policy.quota - taken.count


def seconds_to_wait(taken: Sequence[Taken]) -> int:
    """Until none of these is too many any more; 0 where none is."""
    return max((max(each.seconds, 1) for each in taken if each.is_too_many), default=0)


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    response = problem(request, 429, "throttled", wait_words(seconds))
    response["Retry-After"] = str(seconds)
    return response


def wait_words(seconds: int) -> str:
    return translate_plural(
        "too many requests: send it again in {number} second",
        "too many requests: send it again in {number} seconds",
        number=seconds,
    )


def count_login_attempt(request: HttpRequest | Request, account: str | None) -> list[Taken]:
    """Count an attempt to log in, at LOGIN_RATE: from one address, and for one account from all of them.

    White space around an account's name, and capitals, do not make it another.
    """
    by_address = parse_rate("login", settings.LOGIN_RATE)
    who = [(by_address, address_of(request))]
    if account is not None:
        who.append((Policy("account", by_address.quota, by_address.window), account.strip().casefold()))
    return count(who)


class LoginThrottle(BaseThrottle):
    """Attempts of the API's clients: the account is that of whoever is logged in, or the one that is named."""

    seconds = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        taken = count_login_attempt(request, _account_of(request))
        getattr(request._request, "rates", []).extend(taken)
        self.seconds = seconds_to_wait(taken)
        return not self.seconds

    def wait(self) -> float | None:
        return float(self.seconds)


def _account_of(request: Request) -> str | None:
    """The name of the account that is tried."""
    if request.user.is_authenticated:
        return request.user.get_username()
    name = request.data.get("username") if isinstance(request.data, dict) else None
    # The field of a log-in takes a number for its digits.
    return str(name) if isinstance(name, str | int | float) else None
