"""Histories as JSON lines, out of this site's log; `eventstore.histories.importer` reads them. docs/replay-a-bug.md."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from eventstore.errors import AggregateNotFound
from eventstore.histories import staging
from eventstore.histories.event_line import FORMAT, FORMAT_VERSION, Header, Line, line_of, written
from eventstore.histories.pseudonyms import Pseudonyms
from eventstore.records import require_next

BATCH = 500  # events held in memory at a time


@dataclass(frozen=True, slots=True)
class Histories:
    """All events that some aggregates had when they were asked for, in the order of the log.

    Read anew each time they are iterated. Iterating raises VersionGap, CorruptEvent, WrongKey.
    """

    aggregate_ids: frozenset[UUID]
    positions: Sequence[int]
    pseudonyms: Pseudonyms | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Line]:
        reached: Counter[UUID] = Counter()
        for start in range(0, len(self), BATCH):
            for row in staging.rows_at(self.positions[start : start + BATCH]):
                require_next(row.aggregate_id, row.version, after=reached[row.aggregate_id])
                reached[row.aggregate_id] = row.version
                line = line_of(row)
                yield self.pseudonyms.disguise(line) if self.pseudonyms else line


def histories(aggregate_ids: Iterable[UUID]) -> Histories:
    """Everything these aggregates went through. Raises AggregateNotFound."""
    wanted = frozenset(aggregate_ids)
    found = staging.positions_of(wanted)
    for missing in sorted(wanted - {aggregate_id for _, aggregate_id in found}):
        raise AggregateNotFound("not_found", "the log holds nothing of {aggregate_id}", aggregate_id=missing)
    return Histories(wanted, [position for position, _ in found])


def anonymised(found: Histories, *, redacted: Collection[str] = ()) -> Histories:
    """The same with pseudonyms for people, and for all texts in the fields `redacted`. Raises what iterating raises."""
    pseudonyms = Pseudonyms(keep=found.aggregate_ids, redacted=redacted)
    for line in found:
        pseudonyms.learn(line)
    return replace(found, pseudonyms=pseudonyms)


def export(found: Histories) -> Iterator[str]:
    """The lines of a file that `import_history` reads."""
    header = Header(
        format=FORMAT, format_version=FORMAT_VERSION, events=len(found), anonymised=found.pseudonyms is not None
    )
    yield written(header)
    yield from map(written, found)
