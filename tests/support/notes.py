"""The smallest aggregate, for tests of the log itself."""

from uuid import UUID

from eventstore import store
from eventstore.codec import Metadata
from eventstore.ids import new_id
from eventstore.messages import event, public


@event("test.noted")
class Noted:
    """A text was noted."""

    text: str = public()


def note(aggregate_id: UUID, expected_version: int, count: int = 1) -> store.Write:
    """Return a write of `count` notes that follow version `expected_version`."""
    return store.Write(
        aggregate_type="note",
        aggregate_id=aggregate_id,
        expected_version=expected_version,
        events=[Noted(text=f"{expected_version + n}") for n in range(count)],
        metadata=Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id()),
    )
