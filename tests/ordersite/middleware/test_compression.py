"""Pages and long JSON go out compressed; streams, cached orders and what is compared by ETag do not."""

import gzip
import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from ordersite.middleware.compression import Compression
from ordersite.roles import BACK_OFFICE
from tests.support.admin import ORDERS, LogIn, placed
from tests.support.api import ORDERS as API_ORDERS
from tests.support.api import place

pytestmark = pytest.mark.django_db(transaction=True)
GZIP = {"Accept-Encoding": "gzip"}
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def answered(response: Any) -> Any:
    """Return what the middleware makes of a response."""
    return Compression(lambda request: response)(RequestFactory().get("/", headers=GZIP))


def unpacked(response: Any) -> str:
    assert response["Content-Encoding"] == "gzip"
    return gzip.decompress(response.content).decode()


def test_a_page_goes_out_at_a_fraction_of_its_size(log_in: LogIn) -> None:
    staff = log_in(BACK_OFFICE)
    for _ in range(3):
        placed()
    plain = staff.get(ORDERS)
    packed = staff.get(ORDERS, headers=GZIP)
    assert unpacked(packed).count('class="data-row') == 3
    assert len(packed.content) * 5 < len(plain.content)
    assert "Content-Encoding" not in plain
    assert all("Accept-Encoding" in answer["Vary"] for answer in (plain, packed))


def test_a_page_has_another_token_and_another_length_each_time(client: Client) -> None:
    pages = [client.get("/admin/login/", headers=GZIP) for _ in range(2)]
    tokens = {TOKEN.findall(unpacked(page))[0] for page in pages}
    assert len(tokens) == 2, "the token is masked for each answer, so it cannot be guessed from lengths"
    lengths = {len(answered(HttpResponse("the same page " * 100)).content) for _ in range(40)}
    assert settings.SESSION_COOKIE_SAMESITE == "Lax", "another site's page cannot fetch ours with the session"
    assert len(lengths) > 5, "each answer is padded by a random number of bytes"


def test_an_order_keeps_its_strong_etag_and_its_conditional_requests(api: APIClient) -> None:
    path = f"{API_ORDERS}/{place(api)}"
    for _ in range(2):  # from the read model, then from the cache
        order = api.get(path, headers=GZIP)
        assert "Content-Encoding" not in order
        assert re.fullmatch(r'"[^"]+"', order["ETag"])
        assert api.get(path, headers=GZIP | {"If-None-Match": order["ETag"]}).status_code == 304


def test_long_json_without_an_etag_is_compressed_and_short_json_is_not(api: APIClient) -> None:
    short = api.get(API_ORDERS, headers=GZIP)
    assert "Content-Encoding" not in short
    for _ in range(5):
        place(api)
    assert len(json.loads(unpacked(api.get(API_ORDERS, headers=GZIP)))["results"]) == 5


def test_an_event_stream_is_not_held_back() -> None:
    stream = StreamingHttpResponse(iter([b"event: 1\n\n"]), content_type="text/event-stream")
    assert "Content-Encoding" not in answered(stream)


def test_orders_from_the_cache_do_not_pass_the_compressor() -> None:
    order = settings.MIDDLEWARE
    cached, compressor = (
        "ordersite.middleware.cached_orders.CachedOrders",
        "ordersite.middleware.compression.Compression",
    )
    assert order.index(cached) < order.index(compressor)
