"""Below a path, such as /shop, every limit holds and every link keeps the path, whether or not a proxy removes it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from django.urls import set_script_prefix
from knox.models import AuthToken

from ordersite.middleware import request_limits
from ordersite.models import User
from ordersite.settings.base import script_name
from tests.support.api import BODY, ORDERS

pytestmark = pytest.mark.parametrize("prefix", ["/shop", ""], ids=["as it came", "removed by the proxy"])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of the WSGI application, which a web server would send."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Site:
    """The site as a web server calls it. Django's test client would not set the path of the site."""

    def __init__(self, prefix: str, token: str) -> None:
        self.prefix, self.token, self.application = prefix, token, WSGIHandler()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = b"" if body is None else msgspec.json.encode(body)
        environ = RequestFactory().generic(method, self.prefix + path, content, "application/json").environ
        environ |= {"HTTP_AUTHORIZATION": self.token, "HTTP_IDEMPOTENCY_KEY": str(uuid4()), **headers}
        environ["wsgi.input"] = io.BytesIO(content)
        begun: dict[str, Any] = {}

        def begin(status: str, headers: Any, problem: Any = None, /) -> Any:
            begun.update(status=int(status[:3]), headers=dict(headers))

        response = self.application(environ, begin)
        return Answer(body=b"".join(response), **begun)


@pytest.fixture
def site(ada: User, settings: Any, prefix: str) -> Iterator[Site]:
    settings.FORCE_SCRIPT_NAME = "/shop"
    yield Site(prefix, f"Token {AuthToken.objects.create(ada)[1]}")
    set_script_prefix("/")


def test_requests_are_counted_and_refused(site: Site, settings: Any) -> None:
    settings.API_RATE_USER, settings.API_RATE_ADDRESS = "100/min", "3/min"
    assert [site("GET", ORDERS).status for _ in range(4)] == [200, 200, 200, 429]


def test_problems_are_json_in_the_language_of_the_client(site: Site) -> None:
    missing = site("GET", "/api/v1/nowhere", HTTP_ACCEPT_LANGUAGE="ru")
    assert (missing.status, missing.headers["Content-Type"]) == (404, "application/problem+json")
    assert missing.headers["Content-Language"] == "ru"
    assert "/nowhere" in missing.json["detail"]


def test_sizes_are_limited(site: Site, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert site("POST", ORDERS, BODY).status == 413
    assert site("GET", f"{ORDERS}?limit={'1' * request_limits.LONGEST_URL}").status == 414


def test_locations_and_links_keep_the_path(site: Site) -> None:
    placed = site("POST", ORDERS, BODY)
    location = placed.headers["Location"]
    assert (placed.status, location.split("?")[0]) == (201, f"/shop{ORDERS}/{placed.json['order_id']}")
    site("POST", ORDERS, BODY)
    page = site("GET", f"{ORDERS}?limit=1")
    assert page.json["next"].startswith(f"http://testserver/shop{ORDERS}?")
    assert site("GET", "/api/v1/schema").body.count(b"url: /shop\n") == 1
    assert site("GET", "/api/v1/events?limit=1").json["next"].startswith("http://testserver/shop/api/v1/events?")


def test_a_cached_order_is_found(site: Site) -> None:
    order = f"{ORDERS}/{site('POST', ORDERS, BODY).json['order_id']}"
    first, second = site("GET", order), site("GET", order)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert site("GET", order, HTTP_IF_NONE_MATCH=second.headers["ETag"]).status == 304


def test_static_files_are_served_below_the_path(site: Site) -> None:
    login = site("GET", "/admin/login/")
    assert b'href="/shop/static/ordersite/admin.css"' in login.body
    assert b'="/static/' not in login.body
    assert site("GET", "/static/ordersite/admin.css").status == 200
    assert site("GET", "/favicon.ico").headers["Location"] == "/shop/static/ordersite/icon.svg"


def test_pages_redirect_below_the_path(site: Site) -> None:
    assert site("GET", "/").headers["Location"] == "/shop/admin/"
    assert site("GET", "/admin/").headers["Location"] == "/shop/admin/login/?next=/shop/admin/"


@pytest.mark.parametrize(("given", "name"), [("/shop/", "/shop"), ("/a/b", "/a/b"), ("", None), ("/", None)])
def test_the_setting_needs_no_slash_at_its_end(given: str, name: str | None, prefix: str) -> None:
    assert script_name(given) == name


def test_a_path_without_a_slash_in_front_is_refused(prefix: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="write the path with a slash in front, /shop"):
        script_name("shop")
