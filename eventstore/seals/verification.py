"""Verify the log against its seals, and name the first event that was changed, removed or inserted in each range."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connection

from eventstore.limits.json_text import read_json
from eventstore.models import Event, Seal
from eventstore.seals import keys, merkle
from eventstore.seals.chain import (
    EVENTS_PER_SEAL,
    format_sealed_at,
    hash_of,
    in_order,
    leaves_between,
    leaves_of,
    statement,
)

LOWEST_POSITION = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """A difference from what was sealed: its position, a message, and how many more events of the range differ."""

    position: int
    message: str
    others: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """The numbers of seals, sealed events and events not sealed yet, and the findings in log order."""

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(
    *, workers: int = 2, published: Sequence[str] = (), progress: Callable[[int], None] = lambda seals: None
) -> Report:
    """Check the chain of seals, and every event against its seal, with `workers` connections in parallel.

    `published` are seals published earlier, as JSON of `chain.public_form`. They show whether the log was truncated or
    rewritten together with its seals. `progress` is called with the number of seals just checked. Raises
    MalformedSealKey.
    """
    report = Report()
    trusted = keys.trusted()
    numbers: list[int] = []
    report.findings += _check_chain(in_order(Seal.objects.all()), trusted, numbers)
    report.seals = len(numbers)
    for line in published:
        report.findings += _check_published(read_json(line), trusted)
    for events, findings in _check_ranges(numbers, workers, progress):
        report.events += events
        report.findings += findings
    last = Seal.objects.defer("leaves").order_by("number").last()
    report.unsealed = Event.objects.filter(position__gt=last.through if last else 0).count()
    report.findings.sort()
    return report


def _check_chain(seals: Iterable[Seal], trusted: frozenset[bytes], numbers: list[int]) -> Iterator[Finding]:
    """Check that each seal follows the previous one and is signed by a trusted key. Adds their numbers to `numbers`."""
    last, previous, through = 0, bytes(32), 0
    for seal in seals:
        numbers.append(seal.number)
        if seal.number != last + 1:
            message = f"after seal {last} comes seal {seal.number}: seals were removed"
            yield Finding(position=through, message=message)
        elif seal.after != through or bytes(seal.previous) != previous:
            message = f"seal {seal.number} does not follow the one before it: one of the two was replaced"
            yield Finding(position=through, message=message)
        if bytes(seal.public_key) not in trusted:
            message = f"seal {seal.number} was signed by a key that is not trusted: {bytes(seal.public_key).hex()}"
            yield Finding(position=through, message=message)
        elif not keys.is_valid_signature(statement(seal), bytes(seal.signature), bytes(seal.public_key)):
            message = f"seal {seal.number} was changed: its signature is not valid"
            yield Finding(position=through, message=message)
        last, previous, through = seal.number, hash_of(seal), seal.through


def _check_published(published: dict[str, str], trusted: frozenset[bytes]) -> Iterator[Finding]:
    """Check that the table still holds the published seal."""
    stated = read_json(published["statement"])
    key = bytes.fromhex(stated["public_key"])
    signed = keys.is_valid_signature(published["statement"].encode(), bytes.fromhex(published["signature"]), key)
    current = Seal.objects.filter(number=stated["seal"]).defer("leaves").first()
    if key not in trusted or not signed:
        yield Finding(position=stated["after"], message="the published seal itself is not signed by a trusted key")
    elif current is None:
        last = Seal.objects.order_by("-number").values_list("number", "through").first() or (0, 0)
        yield Finding(
            position=last[1],
            message=f"seal {stated['seal']} was published, through position {stated['through']}, and is gone: the log"
            f" and its seals were truncated after position {last[1]} (seal {last[0]})",
        )
    elif statement(current) != published["statement"].encode():
        yield Finding(position=stated["after"], message=f"seal {stated['seal']} is not the one that was published")


def _check_ranges(numbers: list[int], workers: int, progress: Callable[[int], None]) -> list[tuple[int, list[Finding]]]:
    """Check the range of each seal; return the events and findings of each worker.

    Threads are enough, as the database does the hashing.
    """
    remaining, lock = iter(numbers), threading.Lock()
    results: list[tuple[int, list[Finding]]] = []
    failures: list[BaseException] = []

    def work() -> None:
        events = 0
        findings: list[Finding] = []
        try:
            while not failures:
                with lock:
                    number = next(remaining, None)
                if number is None:
                    break
                seal = Seal.objects.get(number=number)
                range_events, range_findings = _check_range(seal)
                events, findings = events + range_events, findings + range_findings
                with lock:
                    progress(1)
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            failures.append(error)
        finally:
            connection.close()
        results.append((events, findings))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def _check_range(seal: Seal) -> tuple[int, list[Finding]]:
    """Count the events in a seal's range, and find the first that differs from what was sealed."""
    sealed = leaves_of(seal)
    # Read more events than were sealed, and positions below 1, to find inserted events. The limit bounds the memory.
    current = leaves_between(
        LOWEST_POSITION if seal.number == 1 else seal.after, seal.through, limit=seal.events + EVENTS_PER_SEAL
    )
    root = bytes(seal.root)
    is_sound = merkle.root([digest for _, digest in current]) == root
    if is_sound and current == sealed:
        return len(current), []
    if is_sound or merkle.root([digest for _, digest in sealed]) != root:
        result = "its events are sound" if is_sound else f"events between {seal.after} and {seal.through} differ too"
        message = f"the leaves stored with seal {seal.number} were changed; {result}"
        return len(current), [Finding(position=seal.after, message=message)]
    return len(current), [_first_difference(seal, dict(sealed), dict(current))]


def _first_difference(seal: Seal, sealed: dict[int, bytes], current: dict[int, bytes]) -> Finding:
    # Compare hashes, which the signed root covers. The positions stored beside the hashes are not signed.
    sealed_digests, current_digests = set(sealed.values()), set(current.values())
    wrong = {at for at, digest in current.items() if digest not in sealed_digests}
    positions = sorted(wrong | {at for at, digest in sealed.items() if digest not in current_digests})
    first = positions[0]
    covering = f"seal {seal.number} of {format_sealed_at(seal.sealed_at)} covers it"
    if first not in current:
        message = f"the event at position {first} was removed; {covering}"
        if not any(at > first for at in current) and not Event.objects.filter(position__gt=first).exists():
            message = f"the log was truncated: everything from position {first} on is gone; {covering}"
        return Finding(position=first, message=message, others=len(positions) - 1)
    change = "was changed" if first in sealed else "was inserted later"
    event = Event.objects.defer("timestamp").get(position=first)  # the timestamp may be outside of Python's range
    message = (
        f"the event at position {first} {change}: {event.event_type}, version {event.version} of {event.aggregate_type}"
        f" {event.aggregate_id}, event {event.event_id}; {covering}"
    )
    return Finding(position=first, message=message, others=len(positions) - 1)
