"""What operators see of events that a consumer has parked, and what they do about them."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client

from eventstore import store
from eventstore.dispatch import Context, dispatch
from eventstore.followers import process_managers
from eventstore.followers.handling import CONSUMERS
from eventstore.followers.process_managers import PROCESSES, Intent, Process, reacts_to
from eventstore.ids import new_id
from eventstore.models import ConsumerParkedEvent
from eventstore.store import Recorded
from projections import tasks as projecting
from tests.support import admin
from tests.support.tally import Count, Counted

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "process:test-relay"
PAGE = "/admin/eventstore/consumerparkedevent/"
LogIn = Callable[..., Client]


@pytest.fixture
def broken() -> Iterator[list[bool]]:
    """Install a process that fails for each count of 7 until the list is emptied."""
    state = [True]

    class Relay(Process):
        name = "test-relay"
        plan = "Will be counted again"

        @reacts_to(Counted)
        def counted(self, event: Counted, fact: Recorded[Counted]) -> Iterable[Intent]:
            if state and event.by == 7:
                raise ZeroDivisionError("cannot take a <seven>")
            return ()

    process_managers.install()
    yield state
    del PROCESSES["test-relay"], CONSUMERS[NAME]


def park(*numbers: int) -> UUID:
    tally_id = new_id()
    for by in numbers:
        dispatch(Count(tally_id=tally_id, by=by), Context(actor="staff:anna"))
    process_managers.run()
    return tally_id


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("consumers", *arguments, stdout=out)
    return out.getvalue()


def test_every_consumer_that_reacts_to_single_events_can_be_retried() -> None:
    assert {"mails", "webhooks", "process:account-payments", "process:unpaid-orders"} <= set(CONSUMERS)


def test_healthz_and_metrics_name_the_consumer_until_nothing_is_parked(broken: list[bool]) -> None:
    park(7, 1)
    projecting.sweep.apply()  # a worker is running
    degraded = Client().get("/healthz")
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert degraded.json()["followers"] == f"have parked events: {NAME}; `manage.py consumers parked` says why"
    assert f'ordersite_consumer_parked_events{{consumer="{NAME}"}} 2.0' in Client().get("/metrics").content.decode()
    broken.clear()
    run("retry", NAME)
    assert Client().get("/healthz").json()["followers"] == "ok"
    assert f'ordersite_consumer_parked_events{{consumer="{NAME}"}} 0.0' in Client().get("/metrics").content.decode()


def test_the_command_line_lists_retries_and_leaves_out_parked_events(broken: list[bool]) -> None:
    first, second = park(7, 1), park(7)
    assert NAME in run()
    shown = run("parked", NAME)
    assert shown.count("ZeroDivisionError: cannot take a <seven>") == 2
    assert "waits behind an earlier event" in shown
    assert str(second) in run("parked")
    position = str(store.read_stream(second)[0].position)
    assert run("skip", NAME, position, "--reason", "a test") == f"{NAME}: 1 no longer parked, 2 still parked\n"
    assert run("retry", NAME) == f"{NAME}: 0 no longer parked, 2 still parked\n"
    broken.clear()
    assert run("retry", NAME, "--aggregate", str(first)) == f"{NAME}: 2 no longer parked, 0 still parked\n"
    assert ConsumerParkedEvent.objects.get().left_out_by.startswith("operator:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("skip", NAME, "7777777", "--reason", "x"), "has parked no event at 7777777"),
        (("retry", "nobody"), "no consumer is called 'nobody'"),
        (("parked", "nobody"), "no consumer is called 'nobody'"),
    ],
)
def test_a_mistake_on_the_command_line_is_explained(broken: list[bool], arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def act(client: Client, name: str, *rows: Any, **more: str) -> Any:
    return admin.act(client, PAGE, name, *(row.pk for row in rows), **more)


def test_operators_see_the_error_and_retry_after_a_confirmation(log_in: LogIn, broken: list[bool]) -> None:
    park(7, 1)
    operator = log_in("Operators")
    failed, waiting = ConsumerParkedEvent.objects.all()
    page = admin.text(operator.get(PAGE))
    assert "ZeroDivisionError: cannot take a &lt;seven&gt;" in page
    assert "waits behind an earlier event" in page
    assert "Traceback" in admin.text(operator.get(f"{PAGE}{failed.pk}/change/"))
    assert "0 no longer parked, 2 still parked" in admin.text(act(operator, "retry", failed))
    broken.clear()
    failed, waiting = ConsumerParkedEvent.objects.all()
    assert "2 no longer parked, 0 still parked" in admin.text(act(operator, "retry", waiting))
    assert not ConsumerParkedEvent.objects.exists()
    assert {entry.get_change_message() for entry in LogEntry.objects.all()} == {
        "Retry, with the events that wait behind"
    }


def test_operators_leave_out_an_event_with_a_reason(log_in: LogIn, broken: list[bool]) -> None:
    park(7, 1)
    operator = log_in("Operators")
    failed, waiting = ConsumerParkedEvent.objects.all()
    assert "The consumer will never do what follows from an event" in admin.text(act(operator, "leave_out", failed))
    assert "say why the event is left out" in admin.text(act(operator, "leave_out", failed, reason=" "))
    assert "only waits behind an earlier event" in admin.text(act(operator, "leave_out", waiting, reason="a test"))
    assert "2 no longer parked" in admin.text(act(operator, "leave_out", failed, reason="a test"))
    left_out = ConsumerParkedEvent.objects.get()
    assert (left_out.reason, left_out.left_out_by) == ("a test", "staff:anna")
    assert "a test" in admin.text(operator.get(f"{PAGE}?status__exact=left_out"))
    assert LogEntry.objects.filter(change_message="Leave out: a test").exists()


def test_accountants_do_not_see_parked_events(log_in: LogIn, broken: list[bool]) -> None:
    park(7)
    accountant = log_in("Accountants")
    assert accountant.get(PAGE).status_code == 403
    assert act(accountant, "leave_out", *ConsumerParkedEvent.objects.all(), reason="mine").status_code == 403


def test_the_back_office_sees_parked_events_and_cannot_change_them(log_in: LogIn, broken: list[bool]) -> None:
    park(7)
    clerk = log_in("Back office")
    page = admin.text(clerk.get(PAGE))
    for name in ("retry", "leave_out"):
        assert f'value="{name}"' not in page
        act(clerk, name, *ConsumerParkedEvent.objects.all(), confirmed="yes", reason="mine")
    assert ConsumerParkedEvent.objects.get().status == ConsumerParkedEvent.Status.FAILED
