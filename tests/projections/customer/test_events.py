"""The feed of events and its stream, as a client of the API sees them."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from eventstore import store
from eventstore.ids import new_id
from eventstore.models import Event
from ordersite.models import User
from projections.customer.feed import CustomerFeed, FeedEvent, FeedOrder
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.parking import redrive
from projections.engine.projection import PROJECTIONS
from projections.event_feed import streaming
from projections.rebuild.run import rebuild
from tests.support.api import place, problem
from tests.support.order_examples import BUYER, CANCELLED, CREATED, PAID
from tests.support.payments import pay
from tests.support.programs import program
from tests.support.projection_spec import given, write
from tests.support.site import client_of, make_customer

EVENTS, STREAM = "/api/v1/events", "/api/v1/events/stream"


FEED = PROJECTIONS["feed"]


def shown(api: APIClient, **params: Any) -> list[tuple[str, str, int]]:
    """Return the order, type and version of each event on a page of the feed."""
    answer = api.get(EVENTS, params)
    assert answer.status_code == 200
    return [(event["order_id"], event["type"], event["version"]) for event in answer.json()["results"]]


# --- the feed ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_feed_indexes_customers_events_but_not_those_of_guests() -> None:
    guest_order = new_id()
    spec = given(
        CREATED, replace(CREATED, order_id=guest_order, customer_id=None), PAID, replace(PAID, order_id=guest_order)
    )
    positions = [fact.position for fact in store.read_stream(CREATED.order_id)]
    spec.project("feed").then(FeedEvent, *({"position": each, "customer_id": BUYER} for each in positions))
    assert set(FeedOrder.objects.values_list("customer_id", "version")) == {(BUYER, 2), (None, 2)}


def test_every_event_of_an_order_is_handled() -> None:
    assert CustomerFeed.missing_handlers() == []


def test_a_customer_reads_events_in_order_and_continues_from_the_last_page(api: APIClient) -> None:
    first, second = place(api), place(api)
    pay(api, first)
    page = api.get(EVENTS, {"limit": 2}).json()
    assert [event["order_id"] for event in page["results"]] == [first, second]
    assert page["has_more"] is True
    event = page["results"][0]
    assert set(event) == {"id", "type", "order_id", "version", "occurred_at", "words"}
    assert (event["type"], event["version"], event["words"]) == (
        "order.created",
        1,
        "You ordered 2 lines for 22.50 GBP.",
    )
    assert event["occurred_at"].endswith("Z")
    rest = api.get(page["next"]).json()
    assert [(each["order_id"], each["type"]) for each in rest["results"]] == [(first, "order.paid")]
    assert rest["has_more"] is False
    assert api.get(rest["next"]).json()["results"] == []
    pay(api, second)
    assert [each["order_id"] for each in api.get(rest["next"]).json()["results"]] == [second]


def test_the_feed_shows_no_other_customers_events(api: APIClient) -> None:
    place(api)
    stranger = client_of(make_customer("bea"))
    assert shown(stranger) == []
    newest = api.get(EVENTS).json()["results"][0]["id"]
    problem(stranger.get(EVENTS, {"after": newest}), 410, "cursor_expired")


@pytest.mark.parametrize("cursor", ["x", "", "1", "0" * 32, "{00000000-0000-0000-0000-000000000001}"])
@pytest.mark.parametrize("path", [EVENTS, STREAM])
def test_a_malformed_cursor_is_refused(api: APIClient, cursor: str, path: str) -> None:
    if path == STREAM and not cursor:
        return  # an empty cursor is no cursor: from now on
    problem(api.get(path, {"after": cursor}), 400, "cursor_malformed")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "٣"])
def test_an_invalid_limit_is_refused(api: APIClient, limit: str) -> None:
    assert problem(api.get(EVENTS, {"limit": limit}), 400, "invalid")["errors"][0]["field"] == "limit"


def test_an_unknown_parameter_is_refused_by_name(api: APIClient) -> None:
    assert problem(api.get(EVENTS, {"since": "1"}), 400, "invalid")["errors"][0]["field"] == "since"


def test_only_a_customer_has_a_feed(projecting: None) -> None:
    assert APIClient().get(EVENTS).status_code == 401
    clerk = client_of(User.objects.create_user("clerk", password="secret-1"))
    problem(clerk.get(EVENTS), 403, "not_a_customer")


def test_events_older_than_the_limit_are_not_shown_and_cursors_before_it_have_expired(
    api: APIClient, settings: Any
) -> None:
    settings.PUBLIC_EVENTS_DAYS = 30
    first, second, third = place(api), place(api), place(api)
    ids = [event["id"] for event in api.get(EVENTS).json()["results"]]
    long_ago = timezone.now() - timedelta(days=31)
    FeedEvent.objects.filter(event_id__in=ids[:2]).update(recorded_at=long_ago)
    assert [each[0] for each in shown(api)] == [third]
    assert [each[0] for each in shown(api, after="start")] == [third]
    problem(api.get(EVENTS, {"after": ids[0]}), 410, "cursor_expired")
    assert [each[0] for each in shown(api, after=ids[1])] == [third], "all events after it are still available"
    settings.PUBLIC_EVENTS_DAYS = 0
    assert [each[0] for each in shown(api)] == [first, second, third]


def test_an_event_that_the_feed_does_not_show_yet_is_a_valid_cursor(api: APIClient) -> None:
    """A webhook may be faster than the feed."""
    order_id = place(api)
    event_id = Event.objects.get(aggregate_id=order_id).event_id
    FeedEvent.objects.all().delete()
    Checkpoint.objects.filter(projection="feed").update(position=0)
    assert shown(api, after=event_id) == []
    catch_up(FEED)
    assert shown(api, after=event_id) == []
    pay(api, order_id)
    assert shown(api, after=event_id) == [(order_id, "order.paid", 2)]


def test_a_parked_event_stops_its_own_customers_feed_only(
    api: APIClient, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = place(api), place(api)
    bea = client_of(make_customer("bea"))

    def fails(self: Any, rows: Any, event: Any, fact: Any) -> None:
        raise ValueError("not today")

    with monkeypatch.context() as broken:
        broken.setitem(CustomerFeed.handlers, type(PAID), fails)
        pay(api, stuck)
    pay(api, other)
    order_of_bea = place(bea)
    assert ParkedEvent.objects.filter(projection="feed").count() == 1
    assert shown(api) == [(stuck, "order.created", 1), (other, "order.created", 1)]
    assert shown(bea) == [(order_of_bea, "order.created", 1)]
    redrive(FEED)
    assert shown(api)[2:] == [(stuck, "order.paid", 2), (other, "order.paid", 2)]


def test_cursors_outlive_a_rebuild(api: APIClient) -> None:
    first = place(api)
    cursor = api.get(EVENTS).json()["results"][0]["id"]
    pay(api, first)
    rebuild(FEED)
    assert shown(api, after=cursor) == [(first, "order.paid", 2)]


def test_a_client_that_polls_during_concurrent_writes_misses_nothing(api: APIClient, ada: User) -> None:
    """Writers do not commit in the order of their positions; the reader continues from each page."""
    done = threading.Event()

    def writer(number: int) -> None:
        try:
            for each in range(8):
                order = replace(CREATED, order_id=new_id(), customer_id=ada.customer_id)
                with transaction.atomic():
                    store.append([write(order, 0)])
                    time.sleep(0.003 * ((number * 7 + each) % 5))
        finally:
            connection.close()

    def projector() -> None:
        try:
            while not done.is_set():
                catch_up(FEED)
            catch_up(FEED)
        finally:
            connection.close()

    writers = [threading.Thread(target=writer, args=(number,)) for number in range(6)]
    worker = threading.Thread(target=projector)
    for thread in (*writers, worker):
        thread.start()
    seen: list[str] = []
    url = f"{EVENTS}?limit=5"
    deadline = time.monotonic() + 30
    while len(seen) < 48 and time.monotonic() < deadline:
        page = api.get(url).json()
        seen += [event["id"] for event in page["results"]]
        url = page["next"]
        if not any(thread.is_alive() for thread in writers):
            done.set()
    done.set()
    for thread in (*writers, worker):
        thread.join()
    in_the_log = [str(each) for each in Event.objects.order_by("position").values_list("event_id", flat=True)]
    assert seen == in_the_log
    assert len(seen) == 48


# --- the stream -------------------------------------------------------------------------------------------------------


@pytest.fixture
def short_streams(settings: Any) -> None:
    settings.EVENT_STREAM_SECONDS = 0.6


def read(answer: Any) -> Iterator[dict[str, str]]:
    """Yield the blocks of a stream as fields by name; a comment is the field ''."""
    text = b"".join(answer.streaming_content).decode()
    answer.close()
    for piece in text.split("\n\n")[:-1]:
        yield dict(_field(line) for line in piece.split("\n"))


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def test_a_stream_sends_events_and_a_client_that_reconnects_misses_nothing(api: APIClient, short_streams: None) -> None:
    order_id = place(api)
    answer = api.get(STREAM, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    assert (answer["X-Accel-Buffering"], answer["Cache-Control"]) == ("no", "private, no-store")
    pieces = list(read(answer))
    assert [set(piece) for piece in pieces] == [{"retry", "id"}], "no event happened since"
    pay(api, order_id)
    again = list(read(api.get(STREAM, headers={"Last-Event-ID": pieces[0]["id"]})))
    assert [piece.get("event") for piece in again] == [None, "order.paid"]
    event = api.get(EVENTS).json()["results"][1]
    assert (again[1]["id"], json.loads(again[1]["data"])) == (event["id"], event)
    assert [piece.get("event") for piece in read(api.get(STREAM, headers={"Last-Event-ID": event["id"]}))] == [None]


def test_a_customer_without_orders_misses_nothing_between_two_streams(api: APIClient, short_streams: None) -> None:
    (first,) = read(api.get(STREAM))
    assert first["id"] == "start"
    place(api)
    assert [piece.get("event") for piece in read(api.get(STREAM, {"after": "start"}))] == [None, "order.created"]


def test_an_event_is_sent_at_once_while_the_stream_is_open(api: APIClient, settings: Any) -> None:
    settings.EVENT_STREAM_SECONDS = 5
    order_id = place(api)
    answer: Any = api.get(STREAM)
    pieces = iter(answer.streaming_content)
    next(pieces)
    began: list[float] = []

    def pay_later() -> None:
        try:
            time.sleep(0.4)
            began.append(time.monotonic())
            pay(api, order_id)
        finally:
            connection.close()

    thread = threading.Thread(target=pay_later)
    thread.start()
    piece = next(pieces)
    took = time.monotonic() - began[0]
    thread.join()
    answer.close()
    assert b"event: order.paid" in piece
    assert took < 1.0, "it was notified, and did not wait for the query after five seconds"


def test_a_stream_without_events_sends_comments(api: APIClient, short_streams: None, settings: Any) -> None:
    settings.EVENT_STREAM_SILENT_SECONDS = 0.2
    assert {"": "nothing new"} in list(read(api.get(STREAM)))


def test_a_stream_polls_the_database_while_valkey_is_down(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.1)
    settings.EVENT_STREAM_SECONDS = 0.6
    place(api)
    up, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    pieces = list(read(api.get(STREAM, {"after": "start"})))
    settings.REDIS_URL = up
    assert [piece.get("event") for piece in pieces] == [None, "order.created"]


def test_a_customer_has_a_limited_number_of_streams_and_a_closed_one_frees_its_slot(
    api: APIClient, settings: Any
) -> None:
    settings.EVENT_STREAMS_EACH = 1
    first = api.get(STREAM)
    full = api.get(STREAM, headers={"Accept": "text/event-stream"})
    problem(full, 429, "too_many_streams")
    assert full["Retry-After"] == "5"
    others = client_of(make_customer("bea")).get(STREAM)
    assert others.status_code == 200, "each customer has a limit of their own"
    first.close()
    second = api.get(STREAM)
    assert second.status_code == 200
    for answer in (others, second):
        answer.close()


def test_a_process_has_a_limited_number_of_streams_for_all_customers(api: APIClient, settings: Any) -> None:
    settings.EVENT_STREAMS = streaming._open_streams + 1
    first: Any = api.get(STREAM)
    next(iter(first.streaming_content))
    bea = client_of(make_customer("bea"))
    problem(bea.get(STREAM), 429, "too_many_streams")
    assert bea.get(EVENTS).status_code == 200, "the list still works"
    first.close()
    first.close()
    again = bea.get(STREAM)
    assert again.status_code == 200
    again.close()


def test_many_accounts_at_one_address_take_only_its_share(api: APIClient, settings: Any) -> None:
    settings.EVENT_STREAMS, settings.EVENT_STREAMS_ADDRESS = 100, 4
    clients = [client_of(make_customer(f"bot{number}")) for number in range(9)]
    answers = [client.get(STREAM, REMOTE_ADDR="203.0.113.9") for client in clients for _ in range(2)]
    opened = [answer for answer in answers if answer.status_code == 200]
    assert len(opened) == 4
    problem(answers[-1], 429, "too_many_streams")
    elsewhere = api.get(STREAM, REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 200, "the others have theirs"
    for answer in (*opened, elsewhere):
        answer.close()
    again = clients[-1].get(STREAM, REMOTE_ADDR="203.0.113.9")
    assert again.status_code == 200, "a closed stream frees its place"
    again.close()


def test_customers_leave_streams_of_a_process_to_the_shops_own_programs(api: APIClient, settings: Any) -> None:
    settings.EVENT_STREAMS = streaming._open_streams + 4
    settings.EVENT_STREAMS_ADDRESS = 100
    clients = [client_of(make_customer(f"bot{number}")) for number in range(4)]
    answers = [client.get(STREAM) for client in clients]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    erp = program("erp", "follow_events").get("/api/v1/back-office/events/stream")
    assert erp.status_code == 200
    for answer in (*answers, erp):
        answer.close()


def test_a_head_request_for_a_stream_is_refused(api: APIClient) -> None:
    assert api.head(STREAM).status_code == 405


def test_the_feed_describes_a_cancelled_order_in_words(api: APIClient, ada: User) -> None:
    order_id = new_id()
    store.append([write(replace(CREATED, order_id=order_id, customer_id=ada.customer_id), 0)])
    store.append([write(replace(CANCELLED, order_id=order_id), 1)])
    catch_up(FEED)
    assert api.get(EVENTS).json()["results"][1]["words"] == "The order was cancelled."


def test_the_feed_and_the_stream_use_the_language_of_their_request(api: APIClient, short_streams: None) -> None:
    russian = {"Accept-Language": "ru"}
    place(api)
    words = api.get(EVENTS, headers=russian).json()["results"][0]["words"]
    assert words == "Вы заказали 2 позиции на сумму 22.50 GBP."
    russians: Any = api.get(STREAM, {"after": "start"}, headers=russian)
    assert api.get(EVENTS).json()["results"][0]["words"].startswith("You ordered"), "another request in between"
    assert [json.loads(piece["data"])["words"] for piece in read(russians) if "data" in piece] == [words]
