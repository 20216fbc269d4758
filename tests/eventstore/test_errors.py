"""A refusal carries a stable code and a message that can be translated."""

import pickle
from decimal import Decimal
from uuid import UUID

import pytest

from eventstore.errors import AggregateNotFound, CommandRefused, SubjectWasErased


def test_a_message_is_the_template_filled_in_with_the_params() -> None:
    refusal = CommandRefused("not_paid", "{due} {currency} is due", due=Decimal("5.00"), currency="GBP")
    assert (refusal.code, refusal.message, str(refusal)) == ("not_paid", "5.00 GBP is due", "5.00 GBP is due")
    assert refusal.message_in({"{due} {currency} is due": "{currency} {due} due"}.__getitem__) == "GBP 5.00 due"


def test_braces_are_plain_text_in_a_template_without_params() -> None:
    refusal = CommandRefused("odd", "line 1 ({x}): what is }{ ?")
    assert refusal.message == refusal.message_in(str) == "line 1 ({x}): what is }{ ?"


def test_a_param_may_have_any_name() -> None:
    assert CommandRefused("odd", "{code} {template} {self}", code=1, template=2, self=3).message == "1 2 3"


@pytest.mark.parametrize(
    "refusal",
    [
        CommandRefused("not_paid", "{due} is due", due=Decimal("5.00")),
        AggregateNotFound("not_found", "there is no {aggregate_id}", aggregate_id=UUID(int=7)),
        CommandRefused("odd", "{"),
        SubjectWasErased(UUID(int=7)),
    ],
    ids=lambda refusal: refusal.code,
)
def test_a_refusal_can_be_pickled_for_another_process(refusal: CommandRefused) -> None:
    arrived = pickle.loads(pickle.dumps(refusal))
    assert type(arrived) is type(refusal)
    assert (arrived.code, arrived.message, arrived.params) == (refusal.code, refusal.message, refusal.params)
