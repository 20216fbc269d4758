"""What the benchmarks append."""

from eventstore.codec import Metadata
from eventstore.ids import new_id
from eventstore.store import Write
from tests.eventstore.tally import Counted


def count_once() -> Write:
    """One event of a new aggregate."""
    return tally(1)


def tally(events: int) -> Write:
    """An aggregate that begins with so many events."""
    return Write(
        aggregate_type="test.tally",
        aggregate_id=new_id(),
        expected_version=0,
        events=[Counted(by=1)] * events,
        metadata=Metadata(actor="service:benchmark", command_id=new_id(), correlation_id=new_id()),
    )
