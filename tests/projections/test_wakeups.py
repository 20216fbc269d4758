"""Wake-ups that projections send on behalf of others."""

import pytest

from eventstore.dispatch import Context, dispatch, events_appended
from eventstore.followers import process_managers
from eventstore.ids import new_id
from eventstore.wakeups import wakeup
from projections import tasks
from tests.support.tally import Count
from tests.support.wakeups import waiting


@pytest.mark.django_db(transaction=True)
def test_a_commit_wakes_the_processes_by_way_of_the_projections() -> None:
    process_managers.install()
    dispatch(Count(tally_id=new_id(), by=1), Context(actor="staff:anna"))
    assert process_managers.run.name not in waiting()
    tasks.project_all()
    tasks.project_all()
    assert waiting().count(process_managers.run.name) == 1, "one message for any number of wake-ups"
    assert wakeup.wake_first_wave in [receiver() for _, receiver, *_ in events_appended.receivers]
