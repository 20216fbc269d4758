"""Helpers of tests about log-ins: apps with their codes, and sessions that are older than they are."""

from typing import Any

from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from ordersite.models import User
from tests.support.access import browser_of

CHECK, APP = "/admin/second-factor/check/", "/admin/second-factor/app/"


def code_of(device: TOTPDevice) -> str:
    """The code that the app shows now. A code counts once, so the device forgets that it saw one."""
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1, throttling_failure_count=0)
    return f"{totp(device.bin_key):06d}"


def with_app(user: User) -> TOTPDevice:
    return TOTPDevice.objects.create(user=user, name="App", confirmed=True)


def log_in(client: Client, **more: Any) -> Any:
    body = {"username": "anna", "password": "secret-1", **more}
    return client.post("/api/v1/auth/login", body, "application/json")


def aged(client: Client, **minutes: int) -> None:
    """Make a session of the browser older, by the moments that it notes."""
    session = client.session
    for name, number in minutes.items():
        session[name] -= number * 60
    session.save()


def stale(user: User) -> Client:
    """Return a browser whose person gave the password a quarter of an hour ago."""
    client = browser_of(user)
    aged(client, password_at=15)
    return client
