"""The messages that `celery_broker` writes are those that Celery would write."""

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
    """A task that is never run."""


CHANGING = ("id", "root_id", "correlation_id", "delivery_tag", "eta", "reply_to")  # different in each message


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


def test_a_wakeup_sends_one_message_until_it_is_acknowledged() -> None:
    errand_wakeup = Wakeup("errand", errand, ("staff", 3))
    for _ in range(3):
        wakeup.wake(errand_wakeup)
    assert len(messages()) == 1
    wakeup.acknowledge(errand_wakeup)
    wakeup.wake(errand_wakeup)
    assert len(messages()) == 2


def test_a_running_task_gets_no_message_and_may_continue_unless_one_was_sent() -> None:
    errand_wakeup = Wakeup("errand", errand, ("staff", 3))
    wakeup.mark_running(errand_wakeup)
    wakeup.wake(errand_wakeup)
    assert messages() == []
    assert wakeup.is_running(errand_wakeup)
    wakeup.acknowledge(errand_wakeup)
    assert not wakeup.is_running(errand_wakeup)
    assert wakeup.claim_running(errand_wakeup)
    assert wakeup.is_running(errand_wakeup)
    wakeup.acknowledge(errand_wakeup)
    wakeup.wake(errand_wakeup)
    assert not wakeup.is_running(errand_wakeup), "it is only pending"
    assert not wakeup.claim_running(errand_wakeup), "a message was sent in between"
