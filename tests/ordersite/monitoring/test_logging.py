"""The log of every process: one line or object each, from the request to the row that shows it."""

import json
import logging
import logging.config
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from projections.engine.projection import PROJECTIONS
from tests.support.api import BODY, ORDERS, send

pytestmark = pytest.mark.django_db(transaction=True)


def formatted(name: str, record: logging.LogRecord) -> str:
    configurator: Any = logging.config.DictConfigurator(settings.LOGGING)
    formatter: logging.Formatter = configurator.configure_formatter(dict(configurator.config["formatters"][name]))
    return formatter.format(record)


def test_a_request_and_the_projection_that_shows_it_are_named_by_one_correlation_id(
    api: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    correlation_id = str(uuid4())
    with caplog.at_level(logging.INFO):
        send(api, ORDERS, BODY, **{"X-Request-ID": correlation_id})
    shown = [record for record in caplog.records if record.getMessage() == "projected"]
    assert len(shown) == len([each for each in PROJECTIONS.values() if "order.created" in each.event_types])
    told = json.loads(formatted("json", shown[0]))
    assert told["correlation_ids"] == [correlation_id]
    assert (told["events"], told["shard"], told["level"]) == (1, "0/1", "info")
    assert told["correlation_id"] == correlation_id, "it was projected in the request's own process here"
    assert f"correlation_ids=['{correlation_id}']" in formatted("line", shown[0])


@pytest.mark.parametrize("name", ["line", "json"])
def test_no_format_shows_the_variables_of_a_traceback(name: str) -> None:
    def fail(secret: str) -> None:
        raise ZeroDivisionError("failed")

    secret = "".join(("ada", "@example.com"))  # in no line of the source
    try:
        fail(secret)
    except ZeroDivisionError as error:
        info: Any = (type(error), error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "oh", (), info)
    told = formatted(name, record)
    assert "ZeroDivisionError: failed" in told
    assert secret not in told
