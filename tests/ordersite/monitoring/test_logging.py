"""The log of every process: lines or JSON objects, with the ids of the request."""

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


def test_a_request_and_its_projection_share_a_correlation_id(api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    correlation_id = str(uuid4())
    with caplog.at_level(logging.INFO):
        send(api, ORDERS, BODY, **{"X-Request-ID": correlation_id})
    projected = [record for record in caplog.records if record.getMessage() == "projected"]
    assert len(projected) == len([each for each in PROJECTIONS.values() if "order.created" in each.event_types])
    entry = json.loads(formatted("json", projected[0]))
    assert entry["correlation_ids"] == [correlation_id]
    assert (entry["events"], entry["shard"], entry["level"]) == (1, "0/1", "info")
    assert entry["correlation_id"] == correlation_id, "in this test the projection runs in the request's process"
    assert f"correlation_ids=['{correlation_id}']" in formatted("line", projected[0])


@pytest.mark.parametrize("name", ["line", "json"])
def test_no_format_shows_local_variables_of_a_traceback(name: str) -> None:
    def fail(secret: str) -> None:
        raise ZeroDivisionError("failed")

    secret = "".join(("ada", "@example.com"))  # not in any line of the source
    try:
        fail(secret)
    except ZeroDivisionError as error:
        info: Any = (type(error), error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "oh", (), info)
    text = formatted(name, record)
    assert "ZeroDivisionError: failed" in text
    assert secret not in text
