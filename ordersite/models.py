"""The user model: everyone who can log in. And what the site has suggested for its groups."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower

from eventstore.models import Contents


class User(AbstractUser):
    """A member of staff, an accountant or a customer. Only customers have a `customer_id`."""

    contents = Contents.TRUTH

    customer_id = models.UUIDField(
        null=True, blank=True, unique=True, help_text="The customer whose orders this person may see."
    )
    is_demo = models.BooleanField(
        default=False, editable=False, help_text="Made by the demo shop; cannot log in in production."
    )

    class Meta(AbstractUser.Meta):
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(customer_id__isnull=False) & ~models.Q(email=""),
                name="customer_email_once",
                violation_error_message="Another customer has this e-mail address.",
            ),
        )


class SuggestedPermission(models.Model):
    """A permission that the site has suggested for a group once. It is the administrators' choice from then on."""

    contents = Contents.TRUTH

    role = models.CharField(max_length=150, help_text="The name of the group when the site suggested it.")
    codename = models.CharField(max_length=100)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("role", "codename"), name="suggested_once"),)

    def __str__(self) -> str:
        return f"{self.codename} for {self.role}"
