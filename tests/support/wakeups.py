"""Read the messages that wait in the broker."""

import base64
import json
from typing import Any

import redis
from django.conf import settings

PROJECT = "projections.tasks.project"


def messages() -> list[dict[str, Any]]:
    """Return the messages as Celery wrote them: those of each queue, oldest first."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    queued = [each for queue in settings.CELERY_TASK_QUEUES for each in reversed(client.lrange(queue, 0, -1))]
    return [json.loads(each) for each in queued]


def waiting() -> list[str]:
    """Return the waiting tasks, each with its first argument if it has one: `projections.tasks.project staff`."""
    tasks = []
    for message in messages():
        arguments = json.loads(base64.b64decode(message["body"]))[0]
        tasks.append(" ".join([message["headers"]["task"], *map(str, arguments[:1])]))
    return tasks


def waiting_projections() -> list[str]:
    """Return the projections that have a wake-up of their own in the broker."""
    return [task.split()[1] for task in waiting() if task.startswith(f"{PROJECT} ")]
