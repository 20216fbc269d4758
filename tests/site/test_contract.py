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
from django.contrib.auth.models import Group
from knox.models import AuthToken

from eventstore.dispatch import Context, dispatch
from eventstore.ids import new_id
from orders.commands import CreateOrder
from ordersite import example_order
from ordersite.example_order import ORDER_ID
from ordersite.models import User
from ordersite.roles import BACK_OFFICE, write_roles
from tests.stack.running import ROOT

DESCRIPTION = ROOT / "docs" / "openapi.yml"
CONFIG = Path(__file__).with_name("contract.toml")
OF_STAFF = "/back-office/"
LEFT_OUT = (
    "/auth/logout|/me/erasure|/events/stream"  # after the first two no token is worth anything; the last never ends
)
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
    for command in list(example_order.story())[:steps]:
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
