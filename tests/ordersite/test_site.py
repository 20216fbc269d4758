"""The site as a whole: health, the demo shop and the production settings."""

import base64
import io
import json
import os
import secrets
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from eventstore.models import Event
from ordersite import demo
from ordersite.models import User
from ordersite.roles import write_roles
from projections import tasks
from projections.accounting.journal import AccountingDay
from projections.order_row import STATUSES
from projections.staff.orders import StaffOrder

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_healthz_is_ok_after_a_sweep_and_names_the_part_that_fails(settings: Any) -> None:
    client = Client()
    early = client.get("/healthz")
    assert (early.status_code, early.json()["worker"]) == (503, "has not started yet")
    tasks.sweep.apply()
    assert client.get("/healthz").json() == dict.fromkeys(
        ("status", "database", "broker", "worker", "log", "read_models", "followers"), "ok"
    )
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    down = client.get("/healthz")
    assert down.status_code == 503
    assert "does not answer" in down.json()["broker"]


@pytest.mark.django_db(transaction=True)
def test_the_demo_shop_has_300_orders_in_every_state_and_is_reproducible() -> None:
    write_roles()
    call_command("load_demo", stdout=io.StringIO())
    orders = StaffOrder.objects.all()
    assert orders.count() == demo.ORDERS == 300
    for name, statuses in STATUSES.items():
        assert set(orders.values_list(name, flat=True)) == set(statuses), name
    assert orders.filter(due_back__gt=0).exists()
    assert len(set(orders.values_list("currency", flat=True))) >= 8
    assert orders.filter(customer_id=None).exists()
    assert AccountingDay.objects.filter(currency="GBP").count() > 20
    total = Event.objects.count()
    again = io.StringIO()
    call_command("load_demo", stdout=again)
    assert "no demo orders added" in again.getvalue()
    assert Event.objects.count() == total
    first, second = ([step[0] for step in demo._commands_of_order(7, NOW)] for _ in range(2))
    assert first == second


@pytest.mark.django_db(transaction=True)
def test_the_demo_logins_work() -> None:
    write_roles()
    with pytest.raises(CommandError, match="make run"):
        call_command("demo_logins")
    demo.load(NOW)
    out = io.StringIO()
    call_command("demo_logins", "--json", stdout=out)
    logins = json.loads(out.getvalue())
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {logins['customer_token']}")
    assert api.get("/api/v1/orders").status_code == 200
    for role in ("staff", "operator", "accountant"):
        client = Client()
        assert client.login(**logins["logins"][role])
        assert client.get("/admin/").status_code == 200
    assert APIClient().post("/api/v1/auth/login", logins["logins"]["customer"], format="json").status_code == 200
    again = io.StringIO()
    call_command("demo_logins", "--json", stdout=again)
    assert json.loads(again.getvalue()) == logins, "the same logins and token are printed again"


@pytest.mark.django_db(transaction=True)
def test_production_has_no_demo_shop(settings: Any) -> None:
    settings.DEMO_ACCOUNTS = False
    with pytest.raises(CommandError, match="DEMO_ACCOUNTS is off"):
        call_command("load_demo")
    with pytest.raises(CommandError, match="DEMO_ACCOUNTS is off"):
        call_command("demo_logins")
    assert not run_checks(tags=["database"], databases=["default"])
    User.objects.create_user("staff", password="demo-staff", is_staff=True, is_demo=True)
    assert [error.id for error in run_checks(tags=["database"], databases=["default"])] == ["ordersite.E001"]
    assert not Client().login(username="staff", password="demo-staff")


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` as in a terminal, without the settings of the tests."""
    of_tests = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "ORDERSITE_STATE")
    environ = {name: value for name, value in os.environ.items() if name not in of_tests}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_command_without_running_servers_says_to_type_make_run(tmp_path: Path) -> None:
    command = manage("rebuild_projections", ORDERSITE_STATE=str(tmp_path))
    assert command.returncode != 0
    assert "Type `make run` in another terminal" in command.stderr
    assert "Traceback" not in command.stderr


def test_production_settings_pass_the_deployment_check_and_require_their_environment() -> None:
    production = {
        "DJANGO_SETTINGS_MODULE": "ordersite.settings.production",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "shop.example",
        "SEAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PERSONAL_DATA_KEYS": f"one:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
    }
    checked = manage("check", "--deploy", "--fail-level", "WARNING", **production)
    assert checked.returncode == 0, checked.stderr
    without = manage("check", **{name: value for name, value in production.items() if name != "SECRET_KEY"})
    assert "SECRET_KEY" in without.stderr
