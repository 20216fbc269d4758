"""The bookings of a guest house: an example domain for tests of the log that need more than a tally.

It has personal data, amounts, parts inside a message, rules that refuse, an upcaster, and commands that restore. The
shop is not used here, so that the tests of eventstore do not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from eventstore.decider import Decider, HistoryRules, register
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from eventstore.messages import command, event, personal, public, upcaster, value
from eventstore.timetravel.restoring import register_restore


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The state of a booking. It holds no personal data."""

    booked: bool = False
    currency: str = ""
    total: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    payments: int = 0
    references: tuple[str, ...] = ()
    blocked: bool = False
    checked_in: bool = False
    cancelled: bool = False

    @property
    def due(self) -> Decimal:
        return self.total - self.paid


# --- events -----------------------------------------------------------------------------------------------------------


class RoomKind(StrEnum):
    ROOM = "room"
    EXTRA = "extra"


@value
class Room:
    """A room of a booking as its event records it."""

    room_id: int
    sku: str = public()
    name: str = public()
    nights: int
    unit_price: Decimal
    amount: Decimal
    kind: RoomKind = RoomKind.ROOM


@event("test.booked", schema_version=2, subject=("guest_id", "booking_id"))
class Booked:
    booking_id: UUID
    reference: str = public()
    guest_id: UUID | None
    guest_name: str = personal()
    guest_email: str = personal()
    country: str = public()
    currency: str = public()
    rooms: tuple[Room, ...]
    total: Decimal

    def apply(self, booking: Booking) -> Booking:
        return replace(booking, booked=True, currency=self.currency, total=self.total)


@upcaster("test.booked", from_version=1)
def _add_the_country(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"country": ""}


@event("test.paid")
class Paid:
    booking_id: UUID
    payment_id: int
    method: str = public()
    reference: str = public()
    amount: Decimal
    currency: str = public()

    def apply(self, booking: Booking) -> Booking:
        references = (*booking.references, self.reference) if self.reference else booking.references
        return replace(booking, paid=booking.paid + self.amount, payments=self.payment_id, references=references)


@event("test.checked_in")
class CheckedIn:
    booking_id: UUID
    desk: str = public()
    key_code: str = public()

    def apply(self, booking: Booking) -> Booking:
        return replace(booking, checked_in=True)


@event("test.blocked")
class Blocked:
    booking_id: UUID
    reason: str = public()

    def apply(self, booking: Booking) -> Booking:
        return replace(booking, blocked=True)


@event("test.cancelled")
class Cancelled:
    booking_id: UUID
    reason: str = public()
    due_back: Decimal
    currency: str = public()

    def apply(self, booking: Booking) -> Booking:
        return replace(booking, cancelled=True)


@event("test.reinstated")
class Reinstated:
    booking_id: UUID
    version: int
    reason: str = public()

    def apply(self, booking: Booking) -> Booking:
        return replace(booking, cancelled=False)


BookingEvent = Booked | Paid | CheckedIn | Blocked | Cancelled | Reinstated


# --- commands and their rules -----------------------------------------------------------------------------------------


@value
class NewRoom:
    """A room as a command asks for it."""

    sku: str = public()
    name: str = public()
    nights: int
    unit_price: Decimal
    kind: RoomKind = RoomKind.ROOM


@command("test.book", incidental=("booking_id",))
class Book:
    booking_id: UUID
    guest_name: str
    guest_email: str
    country: str
    currency: str
    rooms: tuple[NewRoom, ...]
    guest_id: UUID | None = None
    reference: str = ""

    def decide(self, booking: Booking) -> Sequence[BookingEvent]:
        if booking.booked:
            raise CommandRefused("already_booked", "{booking_id} is booked already", booking_id=self.booking_id)
        rooms = tuple(
            Room(
                room_id=number,
                sku=room.sku,
                name=room.name,
                nights=room.nights,
                unit_price=room.unit_price,
                amount=room.nights * room.unit_price,
                kind=room.kind,
            )
            for number, room in enumerate(self.rooms, start=1)
        )
        booked = Booked(
            booking_id=self.booking_id,
            reference=self.reference,
            guest_id=self.guest_id,
            guest_name=self.guest_name,
            guest_email=self.guest_email,
            country=self.country,
            currency=self.currency,
            rooms=rooms,
            total=sum((room.amount for room in rooms), Decimal(0)),
        )
        return [booked]


@command("test.pay")
class Pay:
    booking_id: UUID
    amount: Decimal
    method: str
    reference: str = ""

    def decide(self, booking: Booking) -> Sequence[BookingEvent]:
        _require_open(booking)
        if self.reference in booking.references:
            return []
        if not booking.due:
            raise CommandRefused("nothing_due", "nothing is due")
        if self.amount != booking.due:
            raise CommandRefused("amount_differs", "{due} is due, not {amount}", due=booking.due, amount=self.amount)
        paid = Paid(
            booking_id=self.booking_id,
            payment_id=booking.payments + 1,
            method=self.method,
            reference=self.reference,
            amount=self.amount,
            currency=booking.currency,
        )
        return [paid]


@command("test.check_in")
class CheckIn:
    booking_id: UUID
    desk: str = ""
    key_code: str = ""

    def decide(self, booking: Booking) -> Sequence[BookingEvent]:
        _require_open(booking)
        if booking.blocked:
            raise CommandRefused("blocked", "the booking is blocked")
        if booking.due:
            raise CommandRefused("not_paid", "{due} has to be paid", due=booking.due)
        return [CheckedIn(booking_id=self.booking_id, desk=self.desk, key_code=self.key_code)]


@command("test.block")
class Block:
    booking_id: UUID
    reason: str

    def decide(self, booking: Booking) -> Sequence[BookingEvent]:
        _require_open(booking)
        return [Blocked(booking_id=self.booking_id, reason=self.reason)]


@command("test.cancel")
class Cancel:
    booking_id: UUID
    reason: str

    def decide(self, booking: Booking) -> Sequence[BookingEvent]:
        _require_open(booking)
        cancelled = Cancelled(
            booking_id=self.booking_id, reason=self.reason, due_back=booking.paid, currency=booking.currency
        )
        return [cancelled]


@command("test.reinstate")
class Reinstate:
    booking_id: UUID
    version: int
    reason: str


BookingCommand = Book | Pay | CheckIn | Block | Cancel


def _require_open(booking: Booking) -> None:
    if not booking.booked:
        raise CommandRefused("not_booked", "there is no such booking")
    if booking.cancelled or booking.checked_in:
        raise CommandRefused("closed", "the booking is cancelled or checked in")


def _reinstate(wish: Reinstate, was: Booking, now: Booking, undone: Sequence[BookingEvent]) -> list[BookingEvent]:
    if replace(now, cancelled=False) != was:
        raise CommandRefused("more_happened", "only a cancellation can be undone")
    return [Reinstated(booking_id=wish.booking_id, version=wish.version, reason=wish.reason)]


def _decide(wish: BookingCommand, booking: Booking) -> Sequence[BookingEvent]:
    return wish.decide(booking)


def _evolve(booking: Booking, fact: BookingEvent) -> Booking:
    return fact.apply(booking)


BOOKING: Decider[Booking, BookingCommand, BookingEvent] = Decider(
    aggregate_type="test.booking",
    initial=Booking(),
    decide=_decide,
    evolve=_evolve,
    identify=lambda wish: wish.booking_id,
    begin=(Book,),
    reads_personal=False,
    history=HistoryRules(begun_by=(Booked,), id_field="booking_id"),
)
register(BOOKING, [Book, Pay, CheckIn, Block, Cancel])
register_restore(BOOKING, Reinstate, _reinstate)


# --- examples ---------------------------------------------------------------------------------------------------------

GUEST = UUID(int=22)

BOOK = Book(
    booking_id=UUID(int=21),
    guest_id=GUEST,
    guest_name="Ada Whitfield",
    guest_email="ada@example.com",
    country="United Kingdom",
    currency="GBP",
    rooms=(
        NewRoom(sku="DBL", name="Double", nights=2, unit_price=Decimal("7.50")),
        NewRoom(sku="SGL", name="Single", nights=1, unit_price=Decimal("10.00")),
    ),
    reference="W-1",
)
"""Two rooms, 25.00 GBP."""

(BOOKED,) = (each for each in BOOK.decide(Booking()) if isinstance(each, Booked))
"""The event that `BOOK` leads to."""


def new_booking() -> Book:
    """Return `BOOK` with a new id."""
    return replace(BOOK, booking_id=new_id())


def pay(booking_id: UUID, amount: str = "25.00") -> Pay:
    """Return the payment that `BOOK` needs."""
    return Pay(booking_id=booking_id, amount=Decimal(amount), method="card")
