"""Histories as JSON lines, out of this site's log; `eventstore.intake` reads them. docs/replay-a-bug.md."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from eventstore import copying
from eventstore.anonymise import Pseudonyms
from eventstore.errors import AggregateNotFound, VersionGap
from eventstore.line import FORMAT, FORMAT_VERSION, Header, Line, line_of, written


@dataclass(frozen=True, slots=True)
class Histories:
    """The events of some aggregates up to the versions they had when they were asked for, one aggregate after another.

    Read anew each time they are iterated. Iterating raises VersionGap, CorruptEvent, WrongKey.
    """

    through: dict[UUID, int]
    pseudonyms: Pseudonyms | None = None

    def __len__(self) -> int:
        return sum(self.through.values())

    def __iter__(self) -> Iterator[Line]:
        lines = chain.from_iterable(_history(key, version) for key, version in self.through.items())
        return map(self.pseudonyms.disguise, lines) if self.pseudonyms else lines


def histories(aggregate_ids: Iterable[UUID]) -> Histories:
    """Everything these aggregates went through. Raises AggregateNotFound."""
    wanted = dict.fromkeys(aggregate_ids)
    heads = copying.heads(wanted.keys())
    for key in wanted:
        if key not in heads:
            raise AggregateNotFound("not_found", f"the log holds nothing of {key}")
    return Histories({key: heads[key] for key in wanted})


def anonymised(found: Histories, *, redacted: Collection[str] = ()) -> Histories:
    """The same with pseudonyms for people, and for all texts in the fields `redacted`. Raises what iterating raises."""
    pseudonyms = Pseudonyms(keep=found.through.keys(), redacted=redacted)
    for line in found:
        pseudonyms.learn(line)
    return Histories(found.through, pseudonyms)


def export(found: Histories) -> Iterator[str]:
    """The lines of a file that `import_history` reads."""
    header = Header(
        format=FORMAT, format_version=FORMAT_VERSION, events=len(found), anonymised=found.pseudonyms is not None
    )
    yield written(header)
    yield from map(written, found)


def _history(aggregate_id: UUID, through: int) -> Iterator[Line]:
    rows = copying.rows_of(aggregate_id, through=through)
    for expected, row in enumerate(rows, start=1):
        if row.version != expected:
            raise VersionGap(f"{aggregate_id} has no version {expected} in this log, but {row.version}")
        yield line_of(row)
