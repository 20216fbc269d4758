"""`manage.py demo_logins`: print the demo shop's URLs, logins and API token."""

import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from eventstore.management.base import SafeCommand
from ordersite import demo
from ordersite.models import User


class Command(SafeCommand):
    """Print the demo shop's URLs and logins as text, JSON or shell assignments."""

    help = "Print the URLs, the demo logins and a customer's API token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")
        parser.add_argument("--shell", action="store_true", help="Print SITE and TOKEN as shell assignments.")

    def handle(self, *, json: bool, shell: bool, **options: Any) -> None:
        if not settings.DEMO_ACCOUNTS:
            raise CommandError("there are no demo logins: DEMO_ACCOUNTS is off in these settings")
        if not User.objects.filter(is_demo=True).exists():
            raise CommandError("the demo shop is not loaded: type `make run`, or `manage.py load_demo`")
        logins = _logins()
        self.stdout.write(_as_json(logins) if json else _as_shell(logins) if shell else _as_text(logins))


def _logins() -> dict[str, Any]:
    url_file = settings.STATE_DIR / "web.url"
    site = url_file.read_text() if url_file.exists() else f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    return {
        "site": site,
        "urls": {
            "admin": f"{site}/admin/",
            "api": f"{site}/api/v1/",
            "docs": f"{site}/api/v1/docs",
            "health": f"{site}/healthz",
        },
        "logins": {username: {"username": username, "password": password} for username, password, _, _ in demo.LOGINS},
        "customer_token": demo.token_of("customer"),
    }


def _as_json(logins: dict[str, Any]) -> str:
    return json.dumps(logins)


def _as_shell(logins: dict[str, Any]) -> str:
    return f"SITE={logins['site']} TOKEN={logins['customer_token']}"


def _as_text(logins: dict[str, Any]) -> str:
    people = [f"  {role:<11} {login['username']:<11} {login['password']}" for role, login in logins["logins"].items()]
    return "\n".join(
        (
            f"  Admin       {logins['urls']['admin']}",
            f"  API         {logins['urls']['docs']}",
            "",
            "  who         name        password",
            *people,
            "",
            f"  The customer's API token: {logins['customer_token']}",
        )
    )
