"""What waits in the broker."""

import base64
import json
from typing import Any

import redis
from django.conf import settings

PROJECT = "projections.tasks.project"


def messages() -> list[dict[str, Any]]:
    """As Celery wrote them, the oldest first."""
    return [json.loads(each) for each in reversed(redis.Redis.from_url(settings.REDIS_URL).lrange("celery", 0, -1))]


def waiting() -> list[str]:
    """The tasks, each with its first argument where it has one: `projections.tasks.project staff`."""
    found = []
    for message in messages():
        arguments = json.loads(base64.b64decode(message["body"]))[0]
        found.append(" ".join([message["headers"]["task"], *map(str, arguments[:1])]))
    return found


def waiting_projections() -> list[str]:
    """The projections whose own wake-up waits in the broker."""
    return [task.split()[1] for task in waiting() if task.startswith(f"{PROJECT} ")]
