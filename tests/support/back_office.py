"""The back office's API."""

from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from ordersite.access.recording import unrecorded
from ordersite.models import User
from ordersite.roles import BACK_OFFICE, write_roles
from tests.support.site import client_of


def staff_client(username: str = "anna", group: str = BACK_OFFICE) -> APIClient:
    """Return an API client of a staff user in the group."""
    write_roles()
    with unrecorded():  # somebody who has worked here for long
        user = User.objects.create_user(username, password="secret-1", is_staff=True)
        user.groups.set(Group.objects.filter(name=group))
    return client_of(user)
