"""Rate limits of the API: requests are counted in Valkey by address, by user and by account name.

Every answer carries the limits in `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers defines
them. A window starts with a client's first request and has a fixed length: docs/decisions/21-rate-limits.md says why.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from math import ceil
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from eventstore.wakeups import valkey
from orders.http.client_address import address_of
from orders.http.i18n import translate_plural
from orders.http.request import is_api
from ordersite.api.authentication import token_in
from ordersite.api.problems import problem
from ordersite.middleware import known_devices
from ordersite.names import plain_name

log = logging.getLogger(__name__)

PERIODS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
TOKEN_SECONDS = 3600  # how long Valkey remembers the owner of a token
_KEY = "ordersite:rate:"

COUNT_SCRIPT = """
local function count_request()
  local counts, limits = {}, tonumber(ARGV[1])
  local function count(key, window)
    local number, left = redis.call('INCR', key), redis.call('PTTL', key)
    if left < 0 then
      redis.call('PEXPIRE', key, window)
      left = tonumber(window)
    end
    counts[#counts + 1] = {number, left}
  end
  for limit = 1, limits do count(KEYS[limit], ARGV[limit + 1]) end
  local token = ARGV[limits + 2]
  if token ~= '' then
    local owner = redis.call('GET', token)
    if owner then count(ARGV[limits + 3] .. owner, ARGV[limits + 4]) end
  end
  return counts
end
"""
"""Defines the Lua function `count_request`, which counts a request under every limit in one round trip.

It reads KEYS and ARGV as `Counting` prepares them: a number of keys, the window of each in milliseconds, then where
Valkey may remember the owner of the request's token, the prefix of the owner's key and the owner's window. It returns
a number and the milliseconds left for each limit. A longer script may include it and use the KEYS that follow.
"""
_COUNT = COUNT_SCRIPT + "return count_request()"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests in `window` seconds."""

    name: str
    quota: int
    window: int

    @property
    def header(self) -> str:
        """Return this policy as an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.quota};w={self.window}'


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a policy's quota a client has used, and the seconds until its next window."""

    policy: Policy
    count: int
    seconds: int

    @property
    def is_exceeded(self) -> bool:
        """Return whether the counted request is over the quota."""
        return self.count > self.policy.quota

    @property
    def header(self) -> str:
        """Return this usage as an item of `RateLimit`."""
        return f'"{self.policy.name}";r={max(self.policy.quota - self.count, 0)};t={self.seconds}'


@dataclass(frozen=True, slots=True)
class Counting:
    """KEYS and ARGV of COUNT_SCRIPT, and the policies that its results belong to, in the same order."""

    keys: list[str]
    args: list[str | int]
    policies: list[Policy]

    def usages(self, counts: Sequence[Any]) -> list[Usage]:
        """Return what the script counted. The last policy has no count while its token's owner is unknown."""
        return [
            Usage(policy, number, ceil(left / 1000))
            for policy, (number, left) in zip(self.policies, counts, strict=False)
        ]


@cache
def parse_rate(name: str, rate: str) -> Policy:
    """Parse a rate such as `600/min`. Raises ValueError."""
    quota, _, period = rate.partition("/")
    if period not in PERIODS or not quota.isdecimal():
        raise ValueError(f"{rate!r} is not a rate such as 600/min; the periods are {', '.join(PERIODS)}")
    return Policy(name, int(quota), PERIODS[period])


def prepare_count(clients: Sequence[tuple[Policy, str]], *, token: str = "", owner: Policy | None = None) -> Counting:
    """Prepare to count a request for each client, and under `owner` for the owner of `token`, if Valkey knows them."""
    args: list[str | int] = [len(clients), *(policy.window * 1000 for policy, _ in clients)]
    args += [_key("token", token), f"{_KEY}{owner.name}:", owner.window * 1000] if owner and token else [""]
    policies = [policy for policy, _ in clients] + ([owner] if owner else [])
    return Counting([_key(policy.name, name) for policy, name in clients], args, policies)


def count(counting: Counting) -> list[Usage]:
    """Count a request. Without Valkey the list is empty: the request goes through, and the log has a warning."""
    try:
        counts = valkey.client().register_script(_COUNT)(keys=counting.keys, args=counting.args)
    except RedisError as error:
        warn_uncounted(error)
        return []
    return counting.usages(counts)


def warn_uncounted(error: RedisError) -> None:
    """Log that Valkey failed, so that rate limits do not apply."""
    log.warning("requests are not counted, rate limits do not apply: %s", error)


def _key(kind: str, name: str) -> str:
    return f"{_KEY}{kind}:{_digest(name)}"


def _digest(name: str) -> str:
    """Hash a name: Valkey must not hold addresses, account names or tokens."""
    return blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()


class RateLimits:
    """Count each request to the API before any other work, and refuse it when a limit is exceeded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if not is_api(request):
            return self.get_response(request)
        user, address = parse_rate("user", settings.API_RATE_USER), parse_rate("address", settings.API_RATE_ADDRESS)
        # The token, not the header: spaces and the name of the scheme make no other client.
        token = token_in(request.headers.get("Authorization", "")) or ""
        usages = self.count(request, prepare_count([(address, address_of(request))], token=token, owner=user))
        request.rates = usages  # type: ignore[attr-defined]  # a view's throttles add their own
        seconds = seconds_to_wait(usages)
        response = refuse(request, seconds) if seconds else self.get_response(request)
        if usages and not seconds:
            self._remember_owner(request, response, token, user, usages)
        policies = dict.fromkeys([user, address, *(usage.policy for usage in usages)])
        response["RateLimit-Policy"] = ", ".join(policy.header for policy in policies)
        if usages:
            response["RateLimit"] = ", ".join(usage.header for usage in sorted(usages, key=_requests_left))
        return response

    def count(self, request: HttpRequest, counting: Counting) -> list[Usage]:
        """Count the request. A subclass may override this to ask Valkey for more in the same round trip."""
        return count(counting)

    @staticmethod
    def _remember_owner(
        request: HttpRequest, response: HttpResponse, token: str, user: Policy, usages: list[Usage]
    ) -> None:
        """Remember a new token's owner once a request has authenticated it; forget a token that was refused."""
        was_known = any(usage.policy == user for usage in usages)
        owner = getattr(getattr(request, "auth", None), "user_id", None)
        try:
            if was_known and response.status_code == 401:
                valkey.client().delete(_key("token", token))
            elif owner is not None and not was_known:
                valkey.client().set(_key("token", token), _digest(str(owner)), ex=TOKEN_SECONDS)
                usages.extend(count(prepare_count([(user, str(owner))])))
        except RedisError as error:
            warn_uncounted(error)


def _requests_left(usage: Usage) -> int:
    """Sort key: the limit closest to its quota comes first, for clients that read only one."""
    return usage.policy.quota - usage.count


def seconds_to_wait(usages: Sequence[Usage]) -> int:
    """Return the seconds until no limit is exceeded any more; 0 if none is."""
    return max((max(usage.seconds, 1) for usage in usages if usage.is_exceeded), default=0)


def refuse(request: HttpRequest, seconds: int) -> HttpResponse:
    """Answer 429 with `Retry-After`."""
    response = problem(request, 429, "throttled", wait_text(seconds))
    response["Retry-After"] = str(seconds)
    return response


def wait_text(seconds: int) -> str:
    """Return the text that asks a client to wait."""
    return translate_plural(
        "too many requests: send it again in {number} second",
        "too many requests: send it again in {number} seconds",
        number=seconds,
    )


def count_login_attempt(request: HttpRequest | Request, account: str | None) -> list[Usage]:
    """Count an attempt to log in at LOGIN_RATE.

    A device that the account has logged in from before is counted by itself: wrong passwords of others never keep it
    out. Any other attempt counts for its address, for its address and account name, and for its account name from all
    unknown devices. One address has half of the attempts of a name, so it cannot use up all of them.
    docs/decisions/68-known-devices.md says why. Capitals and surrounding white space make no other account name.
    """
    by_address = parse_rate("login", settings.LOGIN_RATE)
    address = (by_address, address_of(request))
    if account is None:
        return count(prepare_count([address]))
    of_account = Policy("account", by_address.quota, by_address.window)
    if device := known_devices.cookie_device(request, account):
        return count(prepare_count([(of_account, device)]))
    if known_devices.is_known_address(account, address[1]):
        return count(prepare_count([address, (of_account, f"{plain_name(account)} {address[1]}")]))
    of_address = Policy("account", ceil(by_address.quota / 2), by_address.window)
    usages = count(prepare_count([address, (of_address, f"{plain_name(account)} {address[1]}")]))
    if seconds_to_wait(usages):
        return usages
    return [*usages[:1], *count(prepare_count([(of_account, plain_name(account))]))]


class LoginThrottle(BaseThrottle):
    """Limit attempts to log in through the API: by the name in the body, or by the user who is logged in already.

    A user who is logged in is counted apart from attempts to log in with the user's name, which anybody can make.
    """

    seconds = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the attempt, and return whether it is within the limits."""
        usages = _count_attempt(request, guesses=getattr(view, "guesses_password", False))
        getattr(request._request, "rates", []).extend(usages)
        self.seconds = seconds_to_wait(usages)
        return not self.seconds

    def wait(self) -> float | None:
        """Return the seconds to wait, for DRF's `Retry-After`."""
        return float(self.seconds)


def _count_attempt(request: Request, *, guesses: bool) -> list[Usage]:
    """Count the request. Without a user it counts for a name only if it may guess the password of that name."""
    if not request.user.is_authenticated:
        return count_login_attempt(request, _account_name(request) if guesses else None)
    by_address = parse_rate("login", settings.LOGIN_RATE)
    of_user = Policy("account", by_address.quota, by_address.window)
    return count(prepare_count([(by_address, address_of(request)), (of_user, f"user {request.user.pk}")]))


def _account_name(request: Request) -> str | None:
    """Return the name of the account that the request tries to use."""
    name = request.data.get("username") if isinstance(request.data, dict) else None
    return name if isinstance(name, str) else None  # other names are refused, and no account has them
