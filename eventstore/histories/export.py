"""Export histories of this site's log as JSON lines, for `eventstore.histories.importer`. See docs/replay-a-bug.md."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from eventstore.errors import AggregateNotFound
from eventstore.histories import staging
from eventstore.histories.event_line import FORMAT, FORMAT_VERSION, EventLine, Header, line_of, to_text
from eventstore.histories.pseudonyms import Pseudonyms
from eventstore.records import require_next

BATCH = 500  # events held in memory at a time


@dataclass(frozen=True, slots=True)
class Histories:
    """All events that some aggregates had when `histories` was called, in log order.

    Each iteration reads them from the log again. Iterating raises VersionGap, CorruptEvent, WrongKey.
    """

    aggregate_ids: frozenset[UUID]
    positions: Sequence[int]
    pseudonyms: Pseudonyms | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[EventLine]:
        versions: Counter[UUID] = Counter()
        for start in range(0, len(self), BATCH):
            for row in staging.rows_at(self.positions[start : start + BATCH]):
                require_next(row.aggregate_id, row.version, after=versions[row.aggregate_id])
                versions[row.aggregate_id] = row.version
                line = line_of(row)
                yield self.pseudonyms.disguise(line) if self.pseudonyms else line


def histories(aggregate_ids: Iterable[UUID]) -> Histories:
    """Return all events of these aggregates. Raises AggregateNotFound."""
    requested = frozenset(aggregate_ids)
    entries = staging.positions_of(requested)
    for missing in sorted(requested - {aggregate_id for _, aggregate_id in entries}):
        raise AggregateNotFound("not_found", "the log holds no event of {aggregate_id}", aggregate_id=missing)
    return Histories(requested, [position for position, _ in entries])


def anonymised(original: Histories, *, redacted: Collection[str] = ()) -> Histories:
    """Return the same histories with pseudonyms for people, and for every text in the fields `redacted`.

    Reads all events once. Raises what iterating raises.
    """
    pseudonyms = Pseudonyms(keep=original.aggregate_ids, redacted=redacted)
    for line in original:
        pseudonyms.learn(line)
    return replace(original, pseudonyms=pseudonyms)


def export(exported: Histories) -> Iterator[str]:
    """Yield the lines of a file that `import_history` reads."""
    header = Header(
        format=FORMAT, format_version=FORMAT_VERSION, events=len(exported), anonymised=exported.pseudonyms is not None
    )
    yield to_text(header)
    yield from map(to_text, exported)
