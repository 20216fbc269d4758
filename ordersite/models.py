"""People who log in."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Staff, an accountant, or a customer: one who has a `customer_id`."""

    customer_id = models.UUIDField(null=True, blank=True, unique=True, help_text="Whose orders this person may see.")
    is_demo = models.BooleanField(
        default=False, editable=False, help_text="Made by the demo shop; no use in production."
    )
