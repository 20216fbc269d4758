"""Which stored events are searched for numbers that no reader can work with."""

from base64 import urlsafe_b64encode
from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from eventstore import codec
from eventstore.limits import numbers
from eventstore.personal_data.encryption import PREFIX


@given(some.decimals().filter(lambda number: not numbers.is_accepted(number)))
def test_every_decimal_that_the_log_refuses_is_searched_for(number: Decimal) -> None:
    stored = msgspec.json.encode({"amount": number, "lines": []}).decode()
    is_plain = number.is_finite() and "E" not in str(number)  # too long, which its length says
    assert codec.may_have_unusual_numbers(stored) or is_plain


@pytest.mark.parametrize(
    "number", ["NaN", "sNaN", "-NaN12", "nan", "Infinity", "-inf", "1E+30", "1e+30", "1E-31", "0e-999"]
)
def test_an_unusual_decimal_is_searched_for(number: str) -> None:
    assert codec.may_have_unusual_numbers(f'{{"name": "x", "amount": "{number}"}}')


def test_encrypted_texts_are_no_reason_to_search() -> None:
    """The search takes longer than decoding the event, and nearly every event has encrypted texts."""
    random = Random(7)
    texts = [PREFIX + urlsafe_b64encode(random.randbytes(60)).decode() for _ in range(2_000)]
    assert sum("e-" in text or "E-" in text for text in texts) > 20
    searched = [text for text in texts if codec.may_have_unusual_numbers(msgspec.json.encode([text]).decode())]
    assert len(searched) < 20


def test_an_id_is_no_reason_to_search() -> None:
    assert not codec.may_have_unusual_numbers('{"order_id": "019ad30e-1e-7000-800e-0000000000e0", "amount": "12.50"}')
