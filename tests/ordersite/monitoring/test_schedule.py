"""A scheduled task that is not done in time is reported, whatever keeps it from its turn."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from eventstore.seals import chain, publishing
from ordersite.monitoring import schedule
from projections import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_a_task_that_missed_its_turn_is_named_by_healthz_and_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    start = timezone.now()
    schedule.record_worker_start()
    at(monkeypatch, start + timedelta(seconds=2 * settings.SEAL_SECONDS + 61))
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        if name != "seal":
            schedule.record_done(entry["task"])
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["worker"].startswith("has not done seal (since ")
    assert 'ordersite_scheduled_task_overdue{task="seal"} 1.0' in Client().get("/metrics").content.decode()
    publishing.seal.apply()
    assert Client().get("/healthz").json()["worker"] == "ok"


def test_a_task_that_fails_does_not_count_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise LookupError("no key")

    monkeypatch.setattr(chain, "seal_settled", fail)
    publishing.seal.apply()
    assert {task.name: task.done_at for task in schedule.scheduled_tasks()}["seal"] is None


def test_a_site_that_was_down_is_not_late_when_its_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks.sweep.apply()
    at(monkeypatch, timezone.now() + timedelta(days=30))
    assert any(task.is_overdue for task in schedule.scheduled_tasks())
    schedule.record_worker_start()
    assert not any(task.is_overdue for task in schedule.scheduled_tasks())
