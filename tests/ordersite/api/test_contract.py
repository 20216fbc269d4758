"""The API keeps to its description: schemathesis makes requests of it, right ones and wrong ones, one after another.

A longer run: `make contract`.
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
OF_STAFF = "/back-office/"
LEFT_OUT = "/auth/logout|/me/erasure|/events/stream"
"""After the first two no token is worth anything, and the last goes on for a while: these have a test of their own."""
LIVES = {ORDER_ID: 1} | {UUID(f"00000000-0000-4000-8000-0000000000{steps:02}"): steps for steps in (3, 5, 7, 10, 11)}
"""How far each order has come before it begins; contract.toml names them."""
PHASES = os.environ.get("CONTRACT_PHASES", "examples,fuzzing,stateful")
"""The one that tries every boundary of every field, coverage, takes minutes: `make contract` has it too."""
SECONDS = int(os.environ.get("CONTRACT_SECONDS", "35"))


def _customer() -> User:
    """Whoever the description's example logs in."""
    return User.objects.create_user("customer", password="demo-customer", customer_id=new_id())


def _staff() -> User:
    write_roles()
    user = User.objects.create_user("anna", password="secret-1", is_staff=True)
    user.groups.set(Group.objects.filter(name=BACK_OFFICE))
    return user


def _live(order_id: UUID, steps: int, customer_id: UUID) -> None:
    """The first steps in the life of the order that the examples are about."""
    for command in list(example_order.example_commands())[:steps]:
        changed: dict[str, Any] = {"order_id": order_id}
        if isinstance(command, CreateOrder):
            changed["customer_id"] = customer_id
        dispatch(replace(command, **changed), Context(actor="test"))


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_no_request_finds_a_fault_or_an_answer_that_is_not_described(
    who: str, projecting: None, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.READ_WAIT_SECONDS = 0.05
    user = _customer() if who == "customer" else _staff()
    for order_id, steps in LIVES.items():
        _live(order_id, steps, user.customer_id or new_id())
    staffs, customers = ("--include-path-regex", OF_STAFF), ("--exclude-path-regex", f"{OF_STAFF}|{LEFT_OUT}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", str(DESCRIPTION), "--url", live_server.url),
            *("-H", f"Authorization: Token {AuthToken.objects.create(user)[1]}"),
            *("--phases", PHASES, "--max-time", str(SECONDS), *(staffs if who == "staff" else customers)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,  # where it keeps what it found
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 10 + 600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "API Links:    0 covered" not in done.stdout


def test_what_ends_a_token_or_takes_its_time_keeps_to_the_description_too(
    projecting: None, live_server: Any, settings: Any
) -> None:
    settings.EVENT_STREAM_SECONDS = 0.05
    schema = schemathesis.openapi.from_path(DESCRIPTION)
    schema.config.update(base_url=live_server.url)
    apart = schema.include(path_regex=LEFT_OUT)
    asked: dict[str, set[int]] = {}

    for operation in [found.ok() for found in apart.get_all_operations() if isinstance(found, Ok)]:

        @hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), known=st.booleans())
        def ask(case: Any, known: bool) -> None:
            """Each time as somebody of their own, or with a token that is nobody's."""
            user = User.objects.create_user(f"somebody-{new_id()}", customer_id=new_id())
            token = AuthToken.objects.create(user)[1] if known else "nobody"
            response = case.call(headers={"Authorization": f"Token {token}"})
            # What is looked up or judged may be refused however it is written: contract.toml says so of its own run.
            case.validate_response(response, excluded_checks=[negative_data_rejection, positive_data_acceptance])
            asked.setdefault(case.operation.label, set()).add(response.status_code)

        ask()
    assert len(asked) == 4
    assert all(max(codes) < 500 and 401 in codes for codes in asked.values()), asked
    assert all(204 in codes for label, codes in asked.items() if "logout" in label), asked
