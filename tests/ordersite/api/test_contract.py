"""The API conforms to its description: schemathesis sends valid and invalid requests.

`make contract` runs longer.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.contrib.auth.models import Group
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from knox.models import AuthToken
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.commands import CreateOrder
from ordersite.api.openapi import example_order
from ordersite.api.openapi.example_order import ORDER_ID
from ordersite.models import User
from ordersite.roles import BACK_OFFICE, write_roles
from tests.support.running import ROOT

DESCRIPTION = ROOT / "docs" / "openapi.yml"
CONFIG = Path(__file__).with_name("contract.toml")
BACK_OFFICE_PATHS = "/back-office/"
LEFT_OUT = "/auth/logout|/me/erasure|/events/stream"
"""The first two revoke the token, and the last keeps streaming: they have a separate test."""
COMMANDS_SENT = {ORDER_ID: 1} | {
    UUID(f"00000000-0000-4000-8000-0000000000{steps:02}"): steps for steps in (3, 5, 7, 10, 11)
}
"""The number of commands that each order has had before the run; contract.toml names the orders."""
PHASES = os.environ.get("CONTRACT_PHASES", "examples,fuzzing,stateful")
"""Without `coverage`, which tries every boundary of every field and takes minutes: `make contract` includes it."""
SECONDS = int(os.environ.get("CONTRACT_SECONDS", "50"))


def _customer() -> User:
    """Create the customer whose login is the example in the description."""
    return User.objects.create_user("customer", password="demo-customer", customer_id=new_id())


def _staff() -> User:
    write_roles()
    user = User.objects.create_user("anna", password="secret-1", is_staff=True)
    user.groups.set(Group.objects.filter(name=BACK_OFFICE))
    return user


def _send_first(order_id: UUID, steps: int, customer_id: UUID) -> None:
    """Send the first commands of the example order."""
    for command in list(example_order.example_commands())[:steps]:
        changed: dict[str, Any] = {"order_id": order_id}
        if isinstance(command, CreateOrder):
            changed["customer_id"] = customer_id
        dispatch(replace(command, **changed), Context(actor="test"))


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_every_answer_conforms_to_the_description(
    who: str, projecting: None, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    user = _customer() if who == "customer" else _staff()
    for order_id, steps in COMMANDS_SENT.items():
        _send_first(order_id, steps, user.customer_id or new_id())
    staff_options, customer_options = (
        ("--include-path-regex", BACK_OFFICE_PATHS),
        ("--exclude-path-regex", f"{BACK_OFFICE_PATHS}|{LEFT_OUT}"),
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", str(DESCRIPTION), "--url", live_server.url),
            *("-H", f"Authorization: Token {AuthToken.objects.create(user)[1]}"),
            *("--phases", PHASES, "--max-time", str(SECONDS), *(staff_options if who == "staff" else customer_options)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,  # schemathesis writes its findings here
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 10 + 600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "API Links:    0 covered" not in done.stdout


def test_operations_that_revoke_tokens_or_stream_conform_too(projecting: None, live_server: Any, settings: Any) -> None:
    settings.EVENT_STREAM_SECONDS = 0.05
    schema = schemathesis.openapi.from_path(DESCRIPTION)
    schema.config.update(base_url=live_server.url)
    separate = schema.include(path_regex=LEFT_OUT)
    statuses: dict[str, set[int]] = {}

    for operation in [result.ok() for result in separate.get_all_operations() if isinstance(result, Ok)]:

        @hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), is_known=st.booleans())
        def send(case: Any, is_known: bool) -> None:
            """Send the request as a new user, or with an unknown token."""
            user = User.objects.create_user(f"user-{new_id()}", customer_id=new_id())
            token = AuthToken.objects.create(user)[1] if is_known else "unknown"
            response = case.call(headers={"Authorization": f"Token {token}"})
            # A valid request may still be refused, for example for a wrong password; contract.toml excludes this too.
            case.validate_response(response, excluded_checks=[negative_data_rejection, positive_data_acceptance])
            statuses.setdefault(case.operation.label, set()).add(response.status_code)

        send()
    assert len(statuses) == 5
    assert all(max(codes) < 500 and 401 in codes for codes in statuses.values()), statuses
    assert all(204 in codes for label, codes in statuses.items() if "logout" in label), statuses
