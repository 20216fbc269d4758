"""Read-your-writes: wait a bounded time until a read model shows what a command answered."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.05  # seconds between two looks


class NotYetVisible(Exception):
    """The read model does not show the version asked for yet. Ask again after a second."""


def wait_for(look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it finds something. Raises NotYetVisible after READ_WAIT_SECONDS."""
    deadline = time.monotonic() + settings.READ_WAIT_SECONDS
    pause = FIRST_PAUSE
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise NotYetVisible("the version you asked for is not visible yet")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return found
