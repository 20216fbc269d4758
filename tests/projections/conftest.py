import threading
from collections.abc import Iterator

import pytest
from django.db import transaction

from projections.checkpoints import Checkpoint
from projections.engine import catch_up
from projections.projection import PROJECTIONS
from tests.threads import at_once


@pytest.fixture
def held() -> Iterator[None]:
    """Somebody works on the staff view and does not let go."""
    catch_up(PROJECTIONS["staff"])
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Checkpoint.objects.select_for_update().get(name="staff/0")
            locked.set()
            done.wait(30)

    with at_once(hold):
        assert locked.wait(5)
        yield
        done.set()
