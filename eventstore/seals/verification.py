"""Recompute what was sealed, and name the first event that is not as it was: changed, removed or inserted."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connection

from eventstore.models import Event, Seal
from eventstore.seals import keys, merkle
from eventstore.seals.chain import EVENTS, hash_of, leaves_between, leaves_of, numbered, sealed_at_words, statement

LOWEST = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """Something that is not as it was sealed: where in the log, what, and how many more there are in that range."""

    position: int
    words: str
    others: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """What was verified, and what was found, in the order of the log."""

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(
    *, workers: int = 2, published: Sequence[str] = (), progress: Callable[[int], None] = lambda seals: None
) -> Report:
    """Check the chain of seals, and every event against its seal, with so many connections at once.

    `published` are seals that were given away earlier, as `seals.public_form` in JSON: they tell whether the log and
    its seals were truncated, or made anew, together. `progress` is called with the number of seals just done. Raises
    MalformedSealKey.
    """
    report = Report()
    trusted = keys.trusted()
    numbers: list[int] = []
    report.findings += _chain(numbered(Seal.objects.all()), trusted, numbers)
    report.seals = len(numbers)
    for line in published:
        report.findings += _against(json.loads(line), trusted)
    for events, findings in _in_parallel(numbers, workers, progress):
        report.events += events
        report.findings += findings
    last = Seal.objects.defer("leaves").order_by("number").last()
    report.unsealed = Event.objects.filter(position__gt=last.through if last else 0).count()
    report.findings.sort()
    return report


def _chain(seals: Iterable[Seal], trusted: frozenset[bytes], numbers: list[int]) -> Iterator[Finding]:
    """Whether the seals follow on each other, and a trusted key signed each. Notes their numbers."""
    last, previous, through = 0, bytes(32), 0
    for seal in seals:
        numbers.append(seal.number)
        if seal.number != last + 1:
            words = f"after seal {last} comes seal {seal.number}: seals were removed"
            yield Finding(position=through, words=words)
        elif seal.after != through or bytes(seal.previous) != previous:
            words = f"seal {seal.number} does not follow on the one before it: one of the two was replaced"
            yield Finding(position=through, words=words)
        if bytes(seal.public_key) not in trusted:
            words = f"seal {seal.number} was signed by a key that is not trusted: {bytes(seal.public_key).hex()}"
            yield Finding(position=through, words=words)
        elif not keys.is_signed(statement(seal), bytes(seal.signature), bytes(seal.public_key)):
            yield Finding(position=through, words=f"seal {seal.number} was changed: the signature is not of this seal")
        last, previous, through = seal.number, hash_of(seal), seal.through


def _against(published: dict[str, str], trusted: frozenset[bytes]) -> Iterator[Finding]:
    """Whether the table still holds the published seal."""
    stated = json.loads(published["statement"])
    key = bytes.fromhex(stated["public_key"])
    signed = keys.is_signed(published["statement"].encode(), bytes.fromhex(published["signature"]), key)
    kept = Seal.objects.filter(number=stated["seal"]).defer("leaves").first()
    if key not in trusted or not signed:
        yield Finding(position=stated["after"], words="the published seal itself is not signed by a trusted key")
    elif kept is None:
        last = Seal.objects.order_by("-number").values_list("number", "through").first() or (0, 0)
        yield Finding(
            position=last[1],
            words=f"seal {stated['seal']} was published, through position {stated['through']}, and is gone: the log and"
            f" its seals were truncated after position {last[1]} (seal {last[0]})",
        )
    elif statement(kept) != published["statement"].encode():
        yield Finding(position=stated["after"], words=f"seal {stated['seal']} is not the one that was published")


def _in_parallel(numbers: list[int], workers: int, progress: Callable[[int], None]) -> list[tuple[int, list[Finding]]]:
    """The events counted and the findings of each worker. Hashing is the database's, so threads do it at once."""
    todo, lock = iter(numbers), threading.Lock()
    results: list[tuple[int, list[Finding]]] = []
    failures: list[BaseException] = []

    def work() -> None:
        events = 0
        findings: list[Finding] = []
        try:
            while not failures:
                with lock:
                    number = next(todo, None)
                if number is None:
                    break
                seal = Seal.objects.get(number=number)
                found, more = _range(seal)
                events, findings = events + found, findings + more
                with lock:
                    progress(1)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked, below
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


def _range(seal: Seal) -> tuple[int, list[Finding]]:
    """The events that stand in a seal's range, and the first that is not as it was sealed."""
    kept = leaves_of(seal)
    # More than were sealed, and from below the first position too: to see what was inserted, with memory bounded.
    found = leaves_between(LOWEST if seal.number == 1 else seal.after, seal.through, limit=seal.events + EVENTS)
    root = bytes(seal.root)
    sound = merkle.root([digest for _, digest in found]) == root
    if sound and found == kept:
        return len(found), []
    if sound or merkle.root([digest for _, digest in kept]) != root:
        what = "its events are sound" if sound else f"events between {seal.after} and {seal.through} differ too"
        words = f"the leaves kept with seal {seal.number} were changed; {what}"
        return len(found), [Finding(position=seal.after, words=words)]
    return len(found), [_first_difference(seal, dict(kept), dict(found))]


def _first_difference(seal: Seal, kept: dict[int, bytes], found: dict[int, bytes]) -> Finding:
    # By hash, which the root vouches for: the positions that are kept with the hashes are signed by nobody.
    genuine, standing = set(kept.values()), set(found.values())
    wrong = {at for at, digest in found.items() if digest not in genuine}
    positions = sorted(wrong | {at for at, digest in kept.items() if digest not in standing})
    first = positions[0]
    sealed = f"seal {seal.number} of {sealed_at_words(seal.sealed_at)}"
    if first not in found:
        gone = f"the event at position {first} was removed; {sealed} covers it"
        if not any(at > first for at in found) and not Event.objects.filter(position__gt=first).exists():
            gone = f"the log was truncated: everything from position {first} on is gone; {sealed} covers it"
        return Finding(position=first, words=gone, others=len(positions) - 1)
    what = "was changed" if first in kept else "was inserted later"
    event = Event.objects.defer("timestamp").get(position=first)  # it may have been moved out of Python's calendar
    words = (
        f"the event at position {first} {what}: {event.event_type}, version {event.version} of {event.aggregate_type}"
        f" {event.aggregate_id}, event {event.event_id}; {sealed} covers it"
    )
    return Finding(position=first, words=words, others=len(positions) - 1)
