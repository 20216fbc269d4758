"""The write path does a command once, in one transaction. A refused command writes nothing."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, connection, transaction

from eventstore import store
from eventstore.codec import Metadata
from eventstore.dispatch import Answer, Context, dispatch, dispatch_batch, events_appended
from eventstore.errors import (
    AggregateNotFound,
    CommandRefused,
    ConcurrencyError,
    IdempotencyConflict,
    LimitExceeded,
    UndeclaredMessage,
)
from eventstore.ids import new_id
from eventstore.models import CommandReceipt, Event
from eventstore.queue.acceptance import accept
from tests.support.booking import BOOKED, Booked, Cancel, Paid, new_booking, pay
from tests.support.statements import sent

STAFF = Context(actor="staff:anna")


GUEST = new_id()


@pytest.mark.django_db
def test_a_command_becomes_events_with_their_cause_and_a_receipt() -> None:
    create = new_booking()
    context = Context(actor="staff:anna", correlation_id=new_id(), causation_id=new_id(), extra={"synthetic": "yes"})
    answer = dispatch(create, context)
    assert answer == Answer(command_id=context.command_id, aggregate_id=create.booking_id, version=1)
    (fact,) = store.read_stream(create.booking_id)
    assert isinstance(fact.event, Booked)
    assert (fact.version, fact.aggregate_type) == (1, "test.booking")
    assert fact.metadata == context.metadata
    row = Event.objects.get(aggregate_id=create.booking_id)
    assert (row.event_type, row.schema_version, row.event_id) == ("test.booked", 2, fact.event_id)
    assert row.metadata["actor"] == "staff:anna"
    assert CommandReceipt.objects.get(command_id=context.command_id).version == 1


NOT_ACCEPTED = [
    Context(actor="staff:an\0na"),
    Context(actor="staff:\ud800"),
    Context(actor="staff:anna", extra={"note": "\0"}),
    Context(actor="staff:anna", occurred_at=datetime.min.replace(tzinfo=UTC)),
    Context(actor="staff:anna", occurred_at=datetime.fromisoformat("9999-12-31T23:59:59-12:00")),
]


@pytest.mark.django_db
@pytest.mark.parametrize("context", NOT_ACCEPTED, ids=["actor", "surrogate", "extra", "year 1", "year 9999"])
def test_a_value_that_a_reader_could_not_show_is_refused_and_does_not_stop_a_batch(context: Context) -> None:
    command = new_booking()
    with pytest.raises(LimitExceeded):
        dispatch(command, context)
    with pytest.raises(LimitExceeded):
        accept(command, context, owner=GUEST)
    refused, done = dispatch_batch([(command, context), (new_booking(), STAFF)])
    assert (type(refused), type(done)) == (LimitExceeded, Answer)
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_a_repeated_command_is_not_done_again_and_gets_the_first_answer() -> None:
    create = new_booking()
    first = dispatch(create, STAFF)
    dispatch(pay(create.booking_id), Context(actor="staff:anna"))
    again = dispatch(replace(create, booking_id=new_id()), STAFF)  # a new booking id is incidental
    assert again == replace(first, replayed=True)
    assert len(store.read_stream(create.booking_id)) == 2


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answer_even_if_a_rule_would_refuse_it_now() -> None:
    create, payment = new_booking(), Context(actor="staff:anna", expected_version=1)
    dispatch(create, STAFF)
    first = dispatch(pay(create.booking_id), payment)
    assert dispatch(pay(create.booking_id), payment) == replace(first, replayed=True)


@pytest.mark.django_db(transaction=True)
def test_a_new_booking_takes_one_statement_and_a_later_command_two() -> None:
    first, create = (replace(new_booking(), guest_id=GUEST) for _ in range(2))
    dispatch(first, Context(actor="staff:anna"))  # creates the guest's key
    with sent() as statements:
        dispatch(create, Context(actor="staff:anna"))
    assert [statement.split()[0] for statement in statements] == ["WITH"]
    with sent() as statements:
        dispatch(pay(create.booking_id), Context(actor="staff:anna"))
    assert [statement.split()[0] for statement in statements] == ["SELECT", "WITH"]


@pytest.mark.django_db
def test_an_existing_booking_is_not_begun_again_although_the_log_is_not_read_first() -> None:
    create = new_booking()
    dispatch(create, STAFF)
    with pytest.raises(CommandRefused):
        dispatch(create, Context(actor="staff:anna"))
    assert len(store.read_stream(create.booking_id)) == 1


@pytest.mark.django_db
def test_a_command_id_with_different_content_is_refused() -> None:
    create = new_booking()
    dispatch(create, STAFF)
    with pytest.raises(IdempotencyConflict):
        dispatch(replace(create, reference="other"), STAFF)
    with pytest.raises(IdempotencyConflict):
        dispatch(pay(create.booking_id), STAFF)
    assert len(store.read_stream(create.booking_id)) == 1


@pytest.mark.django_db
def test_a_refused_command_leaves_nothing_not_even_a_receipt() -> None:
    create = new_booking()
    dispatch(create, STAFF)
    refused = Context(actor="staff:anna")
    with pytest.raises(CommandRefused):
        dispatch(pay(create.booking_id, "1.00"), refused)
    assert not CommandReceipt.objects.filter(command_id=refused.command_id).exists()
    assert len(store.read_stream(create.booking_id)) == 1
    assert dispatch(pay(create.booking_id), refused).version == 2, "the id may be used for the corrected command"


@pytest.mark.django_db(transaction=True)
def test_a_command_without_events_is_also_done_only_once() -> None:
    """Its receipt is stored: a repeat gets the same answer, and different content under its id is refused."""
    positions: list[Any] = []

    def receive(sender: Any, **payload: Any) -> None:
        positions.append(payload["position"])

    create = new_booking()
    dispatch(create, Context(actor="staff:anna"))
    payment = replace(pay(create.booking_id), reference="pay_1")
    dispatch(payment, Context(actor="staff:anna"))
    events_appended.connect(receive)
    first = dispatch(payment, STAFF)
    again = dispatch(payment, STAFF)
    in_a_batch = dispatch_batch([(payment, Context(actor="staff:anna")), (payment, STAFF)])
    events_appended.disconnect(receive)
    assert (first.version, again) == (2, replace(first, replayed=True))
    assert [answer.version for answer in in_a_batch if isinstance(answer, Answer)] == [2, 2]
    assert CommandReceipt.objects.get(command_id=STAFF.command_id).version == 2
    assert len(store.read_stream(create.booking_id)) == 2
    assert positions == [], "without an event, no signal is sent"
    with pytest.raises(IdempotencyConflict):
        dispatch(replace(payment, amount=Decimal(6)), STAFF)


@pytest.mark.django_db
def test_an_expected_version_that_is_no_longer_current_is_refused() -> None:
    create = new_booking()
    dispatch(create, STAFF)
    cancel = Cancel(booking_id=create.booking_id, reason="changed my mind")
    dispatch(pay(create.booking_id), Context(actor="staff:anna", expected_version=1))
    with pytest.raises(ConcurrencyError) as stale:
        dispatch(cancel, Context(actor="staff:anna", expected_version=1))
    assert (stale.value.expected, stale.value.actual) == (1, 2)
    assert dispatch(cancel, Context(actor="staff:anna", expected_version=2)).version == 3


@pytest.mark.django_db
def test_a_guard_sees_the_state_before_the_rules_do() -> None:
    def refuse(state: Any) -> None:
        raise AggregateNotFound("booking_not_found", "there is no such booking")

    create = new_booking()
    dispatch(create, STAFF)
    with pytest.raises(AggregateNotFound):
        dispatch(pay(create.booking_id), Context(actor="customer:x", guard=refuse))


@pytest.mark.django_db
def test_an_undeclared_command_is_not_dispatched() -> None:
    with pytest.raises(UndeclaredMessage, match="str"):
        dispatch("pay", STAFF)


def write(
    aggregate_id: UUID,
    expected_version: int,
    *events: object,
    receipt: store.Receipt | None = None,
    aggregate_type: str = "test.booking",
) -> int:
    metadata = Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id())
    return store.append(
        [
            store.Write(
                aggregate_type=aggregate_type,
                aggregate_id=aggregate_id,
                expected_version=expected_version,
                events=events,
                metadata=metadata,
                receipt=receipt,
            )
        ]
    )


def created(booking_id: UUID) -> Booked:
    return replace(BOOKED, booking_id=booking_id, guest_id=None, guest_name="", guest_email="")


@pytest.mark.django_db(transaction=True)  # an outer transaction would hide what a failed append has written
@pytest.mark.parametrize("count", [1, 100], ids=["one statement", "copy"])
@pytest.mark.parametrize("expected_version", [0, 2, 7])
def test_an_append_at_a_wrong_version_writes_nothing(expected_version: int, count: int) -> None:
    booking_id = new_id()
    write(booking_id, 0, created(booking_id))
    receipt = store.Receipt(
        command_id=new_id(),
        command_type="x",
        fingerprint=b"",
        aggregate_id=booking_id,
        version=expected_version + count,
    )
    with pytest.raises(ConcurrencyError):
        write(booking_id, expected_version, *[created(booking_id)] * count, receipt=receipt)
    assert [fact.version for fact in store.read_stream(booking_id)] == [1]
    assert not CommandReceipt.objects.filter(command_id=receipt.command_id).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 100], ids=["one statement", "copy"])
def test_events_and_receipt_are_written_together_or_not_at_all(count: int) -> None:
    booking_id, other = new_id(), new_id()
    receipt = store.Receipt(command_id=new_id(), command_type="x", fingerprint=b"", aggregate_id=booking_id, version=1)
    write(booking_id, 0, created(booking_id), receipt=receipt)
    with pytest.raises(ConcurrencyError):
        write(other, 0, *[created(other)] * count, receipt=receipt)  # the command was already done
    assert store.read_stream(other) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [2, 100], ids=["one statement", "copy"])
def test_a_write_whose_version_is_ahead_writes_no_event(count: int) -> None:
    booking_id = new_id()
    with pytest.raises(ConcurrencyError):
        write(booking_id, 5, *[created(booking_id)] * count)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [1, 100], ids=["one statement", "copy"])
def test_several_writes_are_appended_together_or_not_at_all(count: int) -> None:
    metadata = Metadata(actor="service:test", command_id=new_id(), correlation_id=new_id())
    writes = [
        store.Write(
            aggregate_type="test.booking",
            aggregate_id=booking_id,
            expected_version=expected,
            events=[created(booking_id)] * count,
            metadata=metadata,
        )
        for booking_id, expected in ((new_id(), 0), (new_id(), 3))
    ]
    with pytest.raises(ConcurrencyError):
        store.append(writes)
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_other_database_errors_are_not_taken_for_a_lost_race() -> None:
    with pytest.raises(DataError), transaction.atomic():
        write(new_id(), 0, created(new_id()), aggregate_type="x" * 101)


@pytest.mark.django_db
def test_a_batch_does_what_single_commands_would_and_a_refusal_stops_no_other_command() -> None:
    one, two = new_booking(), new_booking()
    done_before = Context(actor="service:import")
    dispatch(two, done_before)
    answers = dispatch_batch(
        [
            (one, Context(actor="service:import")),
            (pay(one.booking_id), Context(actor="service:import")),
            (pay(one.booking_id), Context(actor="service:import")),
            (two, done_before),
            (replace(two, reference="other"), done_before),
        ]
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Answer",
        "Answer",
        "CommandRefused",
        "Answer",
        "IdempotencyConflict",
    ]
    assert isinstance(answers[1], Answer)
    assert answers[1].version == 2
    assert isinstance(answers[3], Answer)
    assert answers[3].replayed
    assert [type(fact.event) for fact in store.read_stream(one.booking_id)] == [Booked, Paid]


@pytest.mark.django_db(transaction=True)
def test_a_command_done_while_a_batch_was_reading_is_recognised_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    create, context = new_booking(), Context(actor="service:import")
    read = store.histories

    def read_then_done_elsewhere(shapes: Any) -> Any:
        histories = read(shapes)
        dispatch(create, context)
        return histories

    monkeypatch.setattr(store, "histories", read_then_done_elsewhere)
    (answer,) = dispatch_batch([(create, context)])
    assert isinstance(answer, Answer)
    assert answer.replayed


@pytest.mark.django_db
def test_a_stale_version_in_a_batch_is_answered_and_stops_no_other_command() -> None:
    one, two = new_booking(), new_booking()
    stale, done = dispatch_batch(
        [(one, Context(actor="service:import", expected_version=4)), (two, Context(actor="service:import"))]
    )
    assert isinstance(stale, ConcurrencyError)
    assert isinstance(done, Answer)


def at_once(*work: Any) -> list[Any]:
    """Run all of `work` in threads that start together. Return what each returned or raised."""
    barrier = threading.Barrier(len(work))
    results: list[Any] = [None] * len(work)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work[number]()
        except Exception as error:  # noqa: BLE001 - the test checks it
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_the_same_command_sent_eight_times_at_once_is_done_once() -> None:
    create, context = new_booking(), Context(actor="customer:x")
    answers = at_once(*[lambda: dispatch(replace(create, booking_id=new_id()), context)] * 8)
    assert {answer.aggregate_id for answer in answers} == {answers[0].aggregate_id}
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_eight_concurrent_payments_is_taken_and_the_others_are_refused() -> None:
    create = new_booking()
    dispatch(create, STAFF)
    answers = at_once(*[lambda: dispatch(pay(create.booking_id), Context(actor="customer:x"))] * 8)
    assert sum(isinstance(answer, Answer) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, CommandRefused)} == {"nothing_due"}
    assert len(store.read_stream(create.booking_id)) == 2


@pytest.mark.django_db(transaction=True)
def test_batches_and_single_commands_that_race_for_the_same_bookings_lose_and_double_nothing() -> None:
    bookings = [new_booking() for _ in range(40)]

    def batch(reverse: bool) -> Any:
        chosen = bookings[::-1] if reverse else bookings
        return dispatch_batch([(create, Context(actor=f"service:{reverse}")) for create in chosen])

    def single() -> Any:
        for create in bookings[::3]:
            with suppress(CommandRefused):  # if another thread created it
                dispatch(create, Context(actor="staff:anna"))
            dispatch(pay(create.booking_id), Context(actor="staff:anna"))

    outcomes = at_once(lambda: batch(False), lambda: batch(True), single)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for number, create in enumerate(bookings):
        assert [fact.version for fact in store.read_stream(create.booking_id)] == ([1, 2] if number % 3 == 0 else [1])


@pytest.mark.django_db(transaction=True)
def test_the_signal_comes_after_commit_with_ids_only_and_cannot_fail_the_command() -> None:
    received: list[dict[str, Any]] = []

    def listen(sender: Any, **payload: Any) -> None:
        received.append({key: value for key, value in payload.items() if key != "signal"})
        raise RuntimeError("the broker is down")

    events_appended.connect(listen)
    try:
        create = new_booking()
        with transaction.atomic():
            dispatch(create, STAFF)
            assert received == []
        assert received == [
            {"aggregate_ids": {create.booking_id}, "position": store.latest_position(), "snapshots": {}}
        ]
        with pytest.raises(CommandRefused):
            dispatch(pay(create.booking_id, "1.00"), Context(actor="staff:anna"))
        assert len(received) == 1
    finally:
        events_appended.disconnect(listen)
