"""How many demo orders get which story, so that every state of an order occurs."""

from collections.abc import Callable
from random import Random

from ordersite.demo.life import Life
from ordersite.demo.returning import (
    all_came_back,
    allowed_for,
    came_back,
    came_back_damaged,
    own_refund_asked,
    refund_approved,
    refund_asked,
    refund_declined,
    refund_failed,
    refund_tried_again,
    refunded,
    refunded_in_part,
    return_asked,
    return_declined,
    return_on_its_way,
)
from ordersite.demo.selling import (
    cancelled,
    cancelled_after_payment,
    cancelled_in_part,
    captured_and_shipped,
    changed,
    delivered,
    expired,
    failed,
    failed_then_paid,
    held,
    in_parts,
    in_two_parcels,
    let_go,
    overcharged,
    paid,
    partly_paid,
    promised,
    sent_elsewhere,
    shipped,
    to_be_changed,
    unpaid,
    written_off,
)

Story = Callable[[Life], None]

# fmt: off
# A story, and its share.
FRESH = (  # orders of the last days, with short stories
    (unpaid, 6), (promised, 4), (failed, 2), (let_go, 2), (partly_paid, 2), (paid, 7), (held, 2), (in_parts, 3),
    (to_be_changed, 2), (cancelled, 1), (cancelled_after_payment, 2), (overcharged, 1), (shipped, 4),
    (sent_elsewhere, 1), (written_off, 1),
)
GROWN = (  # older orders
    (delivered, 70), (captured_and_shipped, 34), (shipped, 8), (in_two_parcels, 24), (failed_then_paid, 8),
    (cancelled, 8), (expired, 9), (cancelled_in_part, 8), (refunded, 8), (changed, 8), (sent_elsewhere, 4),
    (written_off, 4), (return_asked, 6), (return_on_its_way, 5), (return_declined, 4), (came_back, 4),
    (all_came_back, 5), (came_back_damaged, 4), (refund_asked, 4), (own_refund_asked, 3), (refund_approved, 4),
    (refunded_in_part, 6), (refund_failed, 3), (refund_tried_again, 3), (refund_declined, 4), (allowed_for, 6),
    (overcharged, 2), (in_parts, 4), (held, 3), (promised, 1),
)
# fmt: on


def shuffled(stories: tuple[tuple[Story, int], ...], seed: int) -> list[Story]:
    """Return each story as often as its share says, in a random order that `seed` fixes."""
    mixed = [story for story, times in stories for _ in range(times)]
    Random(seed).shuffle(mixed)  # noqa: S311 - the same shop every time is the point
    return mixed
