"""Lists of large orders are cut into smaller pages, on which every order is shown once."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from eventstore.models import Event
from eventstore.storage import sizes
from projections import order_list
from projections.customer import timeline
from projections.customer.orders import CustomerOrder
from projections.staff.orders import StaffOrder
from tests.support.api import BODY, ORDERS, send
from tests.support.back_office import staff_client

LINE = BODY["lines"][0]
BACK_OFFICE_ORDERS = "/api/v1/back-office/orders"


def order_of(api: APIClient, lines: int) -> str:
    """Place an order with so many lines, and return its id."""
    placed = send(api, ORDERS, BODY | {"lines": [LINE] * lines})
    assert placed.status_code == 201
    return str(placed.json()["order_id"])


def walk(client: APIClient, address: str, link: str = "next") -> list[list[str]]:
    """Follow the links in one direction. Returns the ids of the orders of each page."""
    pages: list[list[str]] = []
    while address:
        assert len(pages) < 100, "the pages never end"
        answer = client.get(address).json()
        pages.append([order["order_id"] for order in answer["results"]])
        address = answer[link]
    return pages


def newest_first() -> list[str]:
    return [str(key) for key in CustomerOrder.objects.order_by("-placed_at", "-order_id").values_list("pk", flat=True)]


@pytest.fixture
def placed(api: APIClient) -> list[str]:
    """Twelve orders of different sizes, newest first."""
    for lines in (1, 40, 1, 1, 8, 1, 120, 1, 3, 60, 1, 1):
        order_of(api, lines)
    return newest_first()


@pytest.mark.parametrize("seed", range(3))
def test_every_order_is_on_one_page_whatever_the_sizes(
    api: APIClient, placed: list[str], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    if seed % 2:  # several orders at the same moment
        for key in placed:
            moment = datetime(2031, 3, 31, tzinfo=UTC) + timedelta(days=chance.randrange(3))
            for model in (CustomerOrder, StaffOrder):
                model._default_manager.filter(pk=UUID(key)).update(placed_at=moment)
        placed = newest_first()
    staff = staff_client()
    for _ in range(4):
        most, limit = chance.choice((1, 3_000, 20_000, 60_000)), chance.choice((1, 2, 5, 20))
        for name in ("MOST_READ", "MOST_EXPANDED"):
            monkeypatch.setattr(order_list, name, most)
        for client, address in ((api, ORDERS), (staff, BACK_OFFICE_ORDERS)):
            for expand in ("", "&expand=lines,payments"):
                pages = walk(client, f"{address}?limit={limit}{expand}")
                assert [key for page in pages for key in page] == placed, (most, limit, address)
                assert all(0 < len(page) <= limit for page in pages)


def test_the_pages_can_be_read_backwards(api: APIClient, placed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "MOST_READ", 30_000)
    address = f"{ORDERS}?limit=5"
    while following := api.get(address).json()["next"]:
        address = following
    backwards = walk(api, address, "prev")
    assert [key for page in reversed(backwards) for key in page] == placed


def test_a_page_is_as_large_as_its_budget_and_one_order_alone_always_comes(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        order_of(api, 300)
    sizes = {
        expand: [
            len(api.get(f"{ORDERS}?limit=100{expand}").content),
            *map(len, walk(api, f"{ORDERS}?limit=100{expand}")),
        ]
        for expand in ("", "&expand=lines")
    }
    assert sizes[""][1:] == [6]
    assert sizes[""][0] < 20_000, "no lines"
    assert sizes["&expand=lines"][0] > 500_000
    monkeypatch.setattr(order_list, "MOST_EXPANDED", 300_000)
    assert [len(page) for page in walk(api, f"{ORDERS}?limit=100&expand=lines")] == [2, 2, 2]
    assert len(api.get(f"{ORDERS}?limit=100&expand=lines").content) < 2 * order_list.MOST_EXPANDED
    monkeypatch.setattr(order_list, "MOST_EXPANDED", 1)
    (order,) = api.get(f"{ORDERS}?limit=100&expand=lines").json()["results"]
    assert len(order["lines"]) == 300


def test_a_list_has_lines_only_if_asked(api: APIClient) -> None:
    order_of(api, 2)
    for client, address in ((api, ORDERS), (staff_client(), BACK_OFFICE_ORDERS)):
        (plain,) = client.get(address).json()["results"]
        (expanded,) = client.get(f"{address}?expand=lines").json()["results"]
        assert {*expanded} - {*plain} == {"lines"}
        assert len(expanded["lines"]) == 2
    (shown,) = [api.get(f"{ORDERS}/{plain['order_id']}").json()]
    assert len(shown["lines"]) == 2, "a single order always has its lines"


def events_of(client: APIClient, address: str) -> list[list[str]]:
    """Read a feed of events from its start. Returns the ids of the events of each page."""
    pages, after = [], "start"
    while True:
        answer = client.get(f"{address}?after={after}&limit=100").json()
        pages.append([event["id"] for event in answer["results"]])
        if not answer["has_more"]:
            return pages
        after = pages[-1][-1]


@pytest.mark.parametrize("most", [1, 900, 5_000, 10**9])
def test_every_event_is_on_one_page_whatever_the_sizes(
    api: APIClient, placed: list[str], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(sizes, "MOST_STORED", most)
    logged = [str(key) for key in Event.objects.order_by("position").values_list("event_id", flat=True)]
    for client, address in ((api, "/api/v1/events"), (staff_client(), "/api/v1/back-office/events")):
        pages = events_of(client, address)
        assert [key for page in pages for key in page] == logged
        assert len(pages) == {1: 12, 10**9: 1}.get(most, len(pages))
        assert all(pages)


def test_the_largest_events_fill_a_page_of_bounded_size(api: APIClient) -> None:
    for _ in range(2):
        order_of(api, 2_000)
    stored = sizes.sizes_after(0, limit=9, event_types=["order.created"])
    answer = staff_client().get("/api/v1/back-office/events?after=start")
    assert len(stored) == 2
    assert len(answer.content) / sum(stored) * sizes.MOST_STORED < 40_000_000, "compressed by less than 1 : 80"


@pytest.mark.parametrize(("entries", "stored", "pages"), [(500, 10**9, 1), (2, 10**9, 3), (500, 1, 5)])
def test_a_long_timeline_is_read_in_parts(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, entries: int, stored: int, pages: int
) -> None:
    order = f"{ORDERS}/{order_of(api, 1)}"
    for number in range(4):
        moved = {"shipping_address": f"{number} Harbour Lane"}
        assert send(api, f"{order}/shipping-address", moved, method="patch").status_code == 200
    monkeypatch.setattr(timeline, "MOST_ENTRIES", entries)
    monkeypatch.setattr(sizes, "MOST_STORED", stored)
    versions, address, read = [], f"{order}/timeline", 0
    while address:
        answer = api.get(address)
        versions += [entry["version"] for entry in answer.json()]
        address, read = answer.get("Link", "").partition(">")[0].removeprefix("<"), read + 1
    assert (versions, read) == ([1, 2, 3, 4, 5], pages)
