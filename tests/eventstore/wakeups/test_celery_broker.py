"""What we put into the broker ourselves is what Celery would have put there."""

from datetime import datetime
from typing import Any

import pytest
from celery import shared_task

from eventstore.wakeups import celery_broker, wakeup
from eventstore.wakeups.celery_broker import Message
from eventstore.wakeups.wakeup import Wakeup
from tests.support.wakeups import messages


@shared_task
def errand(name: str, number: int) -> None:
    """Nobody runs it."""


CHANGING = ("id", "root_id", "correlation_id", "delivery_tag", "eta", "reply_to")  # from one message to the next


def without_ids(message: dict[str, Any]) -> dict[str, Any]:
    for part in ("headers", "properties"):
        for name in CHANGING:
            if name in message[part]:
                message[part][name] = type(message[part][name])
    return message


@pytest.mark.parametrize("countdown", [0.0, 30.0])
def test_a_message_is_what_celery_sends(countdown: float) -> None:
    errand.apply_async(("staff", 3), countdown=countdown)
    celery_broker.send(Message(errand, ("staff", 3), countdown))
    theirs, ours = messages()
    assert without_ids(ours) == without_ids(theirs)


def test_each_message_has_an_id_of_its_own_and_says_when_it_is_due() -> None:
    celery_broker.send(Message(errand, ("staff", 3), 30), Message(errand, ("staff", 4)))
    first, second = messages()
    assert first["headers"]["id"] != second["headers"]["id"]
    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]
    assert datetime.fromisoformat(first["headers"]["eta"]) > datetime.now().astimezone()
    assert second["headers"]["eta"] is None


def test_a_bell_sends_one_message_until_it_is_heard() -> None:
    rung = Wakeup("errand", errand, ("staff", 3))
    for _ in range(3):
        wakeup.wake(rung)
    assert len(messages()) == 1
    wakeup.acknowledge(rung)
    wakeup.wake(rung)
    assert len(messages()) == 2


def test_whoever_is_at_work_need_not_be_rung_for_and_goes_on_unless_somebody_rang() -> None:
    rung = Wakeup("errand", errand, ("staff", 3))
    wakeup.mark_running(rung)
    wakeup.wake(rung)
    assert messages() == []
    assert wakeup.is_running(rung)
    wakeup.acknowledge(rung)
    assert not wakeup.is_running(rung)
    assert wakeup.claim_running(rung)
    assert wakeup.is_running(rung)
    wakeup.acknowledge(rung)
    wakeup.wake(rung)
    assert not wakeup.is_running(rung), "it is only called"
    assert not wakeup.claim_running(rung), "there is a message for that already"
