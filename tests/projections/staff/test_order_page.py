"""The staff page of an order."""

import pytest

from eventstore import store
from tests.support.admin import ORDERS, LogIn, placed
from tests.support.statements import sent


@pytest.mark.parametrize("query", ["", "?version=1", "?as_of=2999-01-01"], ids=["now", "at a version", "at a moment"])
def test_the_page_of_an_order_reads_its_events_once(log_in: LogIn, query: str) -> None:
    staff = log_in("Back office")
    order_id = placed(paid=True)
    with sent() as statements:
        page = staff.get(f"{ORDERS}{order_id}/change/{query}")
    assert page.status_code == 200
    assert "Paid 25.00 GBP by card" in page.content.decode()
    assert statements.count(store._STREAM) == 1
