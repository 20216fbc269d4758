"""A seeded walk over the API and the admin that sends hostile values, and notes each answer with a status of 500.

A server error that means "not now", such as 503, is not a fault. The seed decides every request but for the ids of the
rows, which are new each time.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.test import Client
from rest_framework.test import APIClient

from ordersite.models import User
from tests.support.pages import pages
from tests.support.site import client_of

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
LEFT_OUT = ("/events/stream",)
"""It answers for as long as the client listens."""

TEXTS = (
    "", " ", "0", "-1", "1.5", "1e400", "-1e400", "NaN", "Infinity", "9" * 19, "9" * 30, "9" * 5_005, "1E-999999",
    "\0", "a\0b", "\u202e\u2066x", "\u0663", "\u00a0", "x" * 200_000, "[" * 5_000, '{"a":' * 2_000, "{}", "[]", "null",
    "true", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999-12:00", "2031-02-30", "2031-03-31T02:30", "%00",
    "../../etc/passwd", "'; DROP TABLE events; --", "{0.__class__}", "{{ 7|add:7 }}", "%(x)s", "\r\nX-Y: z",
    "00000000-0000-0000-0000-00000000abcd", "GBP", "card", "\ud800", "\U0001f468\u200d\U0001f469",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e300, -0.0, 1.5)
RAW = (b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 2_000, b'{"amount": 1e400}', b'{"amount": NaN}')
ADMIN_PARAMETERS = (
    *("q", "o", "p", "e", "all", "_facets", "_popup", "_to_field", "_changelist_filters", "version", "at", "kept"),
    *("order", "id__exact", "status__exact", "created_at__gte", "position__gte", "next"),
)
FIELD = re.compile(r'<(?:input|textarea|select)[^>]*?\bname="([^"]+)"[^>]*?(?:value="([^"]*)")?[^>]*>')
FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)


@dataclass
class HostileWalk:
    """Sends requests, and counts them by status. `broken` describes those that were answered with 500."""

    seed: int
    description: dict[str, Any]
    """The parsed description of the API."""
    names: dict[str, str]
    """Ids of rows, by the names of the API's path parameters."""
    users: tuple[User, User]
    """A customer and a member of staff. What they send may log them out or close their account: both are undone."""
    answers: "Counter[int]" = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.admin = Client(raise_request_exception=False)
        self.admin_pages = [url for name, url in pages(self.names) if name not in ("logout", "password_change")]
        self.clients = [*map(client_of, self.users), APIClient()]
        for client in self.clients:
            client.raise_request_exception = False

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        return self.answers.total()

    def walk(self, is_over: Callable[[int], bool]) -> None:
        """Send requests to the API and the admin in turn, until `is_over(requests)`."""
        while not is_over(self.requests):
            self.call_api()
            self.use_admin()

    def call_api(self) -> None:
        """Send one request to an operation of the API, or with a method that it does not have."""
        path = self.chance.choice([each for each in self.description["paths"] if not each.endswith(LEFT_OUT)])
        address = re.sub(r"\{(\w+)\}", lambda part: self._id(part[1]), path)
        if self.chance.random() < 0.5:
            address += f"?{self._parameter(path)}={self._quoted()}"
        method = self.chance.choice(METHODS)
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        if self.chance.random() < 0.3:
            name = self.chance.choice(("Idempotency-Key", "If-Match", "If-None-Match", "Prefer", "Accept-Language"))
            headers[name] = self._text()[:5_000].encode(errors="replace").decode("latin-1")
        body = self._body() if method not in ("get", "head", "options") else b""
        usual = 1 if "/back-office/" in path else 0
        number = usual if self.chance.random() < 0.9 else self.chance.randrange(len(self.clients))
        client: Any = self.clients[number]
        answer = client.generic(method.upper(), address, body, content_type="application/json", headers=headers)
        self._note(f"{method} {address[:120]} {headers} {body[:120]!r}", answer.status_code)
        if answer.status_code == 401 and number < len(self.users):
            self._log_in_again(number)

    def _log_in_again(self, number: int) -> None:
        """Give a user another token, after one was revoked or the account was closed."""
        user = self.users[number]
        User.objects.filter(pk=user.pk).update(is_active=True, is_staff=user.is_staff, password=user.password)
        self.clients[number] = client_of(user)
        self.clients[number].raise_request_exception = False

    def use_admin(self) -> None:
        """Open a page of the admin with a hostile parameter, and send one of its forms with hostile values."""
        root, _ = User.objects.get_or_create(username="root", defaults={"is_staff": True})
        User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True, is_active=True)
        self.admin.force_login(root)
        url = self.chance.choice(self.admin_pages)
        asked = f"{url}{'&' if '?' in url else '?'}{self._admin_parameter()}={self._quoted()}"
        self._note(f"GET {asked[:160]}", self.admin.get(asked).status_code)
        page = self.admin.get(url)
        self._note(f"GET {url}", page.status_code)
        if page.streaming or "html" not in page.headers.get("Content-Type", ""):
            return
        forms = [form for form in FORM.findall(page.content.decode()) if "logout" not in form[:300]]
        filled = self._filled(self.chance.choice(forms)) if forms else {"action": "x", "_selected_action": "1"}
        answer = self.admin.post(url, filled)
        self._note(f"POST {url} { {name: str(value)[:40] for name, value in filled.items()} }", answer.status_code)

    def _filled(self, form: str) -> dict[str, Any]:
        """Return the fields of a form as the page has them, one to three of them with a hostile value."""
        fields: dict[str, Any] = {}
        for name, value in FIELD.findall(form):
            fields.setdefault(unescape(name), []).append(unescape(value))
        if "action" in fields:
            actions = re.findall(r'<option value="(\w+)"', form)
            fields["action"] = self.chance.choice([*actions, "x"])
        for name in self.chance.sample(sorted(fields), min(len(fields), self.chance.randint(1, 3))):
            if not self._is_of_a_person(name):
                fields[name] = [self._text() for _ in range(self.chance.choice((1, 1, 2)))]
        # A browser sends bytes: half a surrogate pair arrives as bytes that are no UTF-8.
        return {
            name: [each.encode(errors="surrogatepass") for each in values] if isinstance(values, list) else values
            for name, values in fields.items()
        }

    @staticmethod
    def _is_of_a_person(name: str) -> bool:
        return name == "csrfmiddlewaretoken"

    def _id(self, name: str) -> str:
        known = self.names.get(name, str(self.chance.randint(1, 3)))
        return known if self.chance.random() < 0.8 else quote(self._text()[:3_000], errors="surrogatepass") or "-"

    def _parameter(self, path: str) -> str:
        stated = self.description["paths"][path].get("get", {}).get("parameters", [])
        names = [each["name"] for each in stated if each.get("in") == "query"]
        return str(self.chance.choice([*names, "unknown"]))

    def _admin_parameter(self) -> str:
        return str(self.chance.choice(ADMIN_PARAMETERS))

    def _text(self) -> str:
        return self.chance.choice(TEXTS)

    def _quoted(self) -> str:
        return quote(self._text()[:20_000], errors="surrogatepass")

    def _body(self) -> bytes:
        if self.chance.random() < 0.2:
            return self.chance.choice(RAW)
        return json.dumps(self._damaged(self._example())).encode()

    def _example(self) -> dict[str, Any]:
        """Return a body that some operation takes, so that what is damaged in it reaches the rules."""
        found = []
        for methods in self.description["paths"].values():
            content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
            found += [each["value"] for each in content.get("examples", {}).values() if isinstance(each["value"], dict)]
        return dict(self.chance.choice(found)) if found else {"reason": "x"}

    def _damaged(self, value: Any) -> Any:
        """Return the value with one hostile value somewhere in it."""
        match value:
            case dict() if value and self.chance.random() < 0.9:
                name = self.chance.choice(sorted(value))
                return value | {name: self._damaged(value[name])}
            case list() if value and self.chance.random() < 0.7:
                return [self._damaged(value[0]), *value[1:]]
            case _:
                return self.chance.choice(
                    (self._text(), self.chance.choice(NUMBERS), None, True, [], {}, [[]], {"a": 1})
                )

    def _note(self, request: str, status: int) -> None:
        self.answers[status] += 1
        if status == 500:
            self.broken.append(request.encode(errors="backslashreplace").decode())
