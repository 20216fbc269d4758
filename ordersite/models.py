"""The user model: everyone who can log in. And what the site has suggested for its groups."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower, Now, Upper

from eventstore.models import Contents, Event
from ordersite.names import NameInUse, ReservedName, claim, is_reserved


class ServiceAccounts(UserManager["ServiceAccount"]):
    """Finds only service accounts."""

    def get_queryset(self) -> "models.QuerySet[ServiceAccount]":
        """Return the service accounts."""
        return super().get_queryset().filter(service_id__isnull=False)


_NAMES = {"username", "email", "email_verified"}
"""The fields that must not have the value that another account has."""


class User(AbstractUser):
    """A member of staff, an accountant, a customer, or a program of the shop.

    Only customers have a `customer_id`, and only programs a `service_id`: see `ordersite.service_accounts`.
    """

    contents = Contents.TRUTH

    customer_id = models.UUIDField(
        null=True, blank=True, unique=True, help_text="The customer whose orders this person may see."
    )
    email_verified = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether the customer proved to own the address. Until then others may name it too.",
    )
    is_demo = models.BooleanField(
        default=False, editable=False, help_text="Made by the demo shop; cannot log in in production."
    )

    service_id = models.UUIDField(
        null=True, blank=True, unique=True, editable=False, help_text="Set for a program of the shop, not for a person."
    )
    sessions_ended = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="How often all sessions were ended, because what the account logs in with has changed.",
    )

    @property
    def is_operator(self) -> bool:
        """Return whether the account may have permissions: a member of staff, or a program of the shop."""
        return self.is_staff or self.service_id is not None

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Return whether the account has the permission. A person without `is_staff` has none that was given."""
        return self.is_operator and super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Return whether the account has any permission of the app."""
        return self.is_operator and super().has_module_perms(app_label)

    def get_session_auth_hash(self) -> str:
        """Return what stands in each session of the account. A session with another text is over."""
        return self._numbered(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield what stands in sessions from before the site's secret key changed."""
        return map(self._numbered, super().get_session_auth_fallback_hash())

    def _numbered(self, text: str) -> str:
        return f"{text}.{self.sessions_ended}" if self.sessions_ended else text

    def clean(self) -> None:
        """Refuse a new name that the shop gives itself. Raises ValidationError."""
        super().clean()
        if is_reserved(self.username) and not User.objects.filter(pk=self.pk, username=self.username).exists():
            raise ValidationError({"username": "The shop itself gives such names: choose another."})

    class Meta(AbstractUser.Meta):
        indexes = (
            models.Index(Upper("username"), name="user_username_upper"),  # `iexact` compares in capitals
            models.Index(Lower("email"), name="user_email_lower"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(service_id=None) | models.Q(is_staff=False, is_superuser=False, customer_id=None),
                name="service_is_no_person",
                violation_error_message="A service account is neither a customer nor a member of staff.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(customer_id__isnull=False, email_verified=True) & ~models.Q(email=""),
                name="customer_email_once",
                violation_error_message="Another customer has this e-mail address.",
            ),
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the account, in one transaction with the record of a change of its rights: see `ordersite.access`.

        Raises ReservedName for a new account with a name that the shop gives itself, and NameInUse. No statement fails
        in the server then, which might log it with its values.
        """
        if self._state.adding and is_reserved(self.username):
            raise ReservedName(f"the shop itself gives names such as {self.username!r}: choose another")
        changed = kwargs.get("update_fields")
        with transaction.atomic():
            if changed is None or not _NAMES.isdisjoint(changed):
                self.claim_new_names()
                self._require_free_names()
            super().save(*args, **kwargs)

    def claim_new_names(self) -> None:
        """Let nobody else take the username and the address that this account does not have yet: see `claim`."""
        has = User.objects.filter(pk=self.pk).values_list("username", "email").first() or ()
        if new := {self.username, self.email} - {*has, ""}:
            claim(*new)

    def _require_free_names(self) -> None:
        """Raise NameInUse if a name that has to be unique is another account's."""
        others = User.objects.exclude(pk=self.pk)
        if others.filter(username=self.username).exists():
            raise NameInUse("another account has this username")
        if not (self.customer_id and self.email_verified and self.email):
            return
        named = others.alias(address=Lower("email")).filter(address=Lower(models.Value(self.email)))
        if named.filter(customer_id__isnull=False, email_verified=True).exists():
            raise NameInUse("another customer has this e-mail address")


class ServiceAccount(User):
    """A program of the shop, such as an ERP. It has permissions and tokens, no password, and cannot log in."""

    objects: ClassVar[Any] = ServiceAccounts()

    class Meta:
        proxy = True
        verbose_name = "service account"


class ServiceToken(models.Model):
    """What is known about a token of a service account. The token itself is shown once and stored nowhere.

    The row that each request checks is knox's `AuthToken` with the same digest. Without it the token is not valid.
    """

    contents = Contents.TRUTH

    digest = models.CharField(primary_key=True, max_length=128, editable=False)
    start = models.CharField(max_length=15, help_text="The first characters of the token.")
    account = models.ForeignKey(ServiceAccount, on_delete=models.CASCADE, related_name="service_tokens")
    created_at = models.DateTimeField(db_default=Now())
    expiry = models.DateTimeField(help_text="The token is not valid from then on.")
    last_used_at = models.DateTimeField(null=True, help_text="Exact to a minute; empty: never used.")

    class Meta:
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return f"{self.account.username}: {self.start}…"


class WaitingApproval(Event):
    """A command that waits for a second person, as the page of approvals lists it: the event that asked for it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "approval"

    def __str__(self) -> str:
        asked = self.event_data
        return f"{asked['amount']} {asked['currency']} ({asked['what']}), asked for by {asked['requested_by']}"


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


class LoginRecord(models.Model):
    """An entry of the list of log-ins, failures, log-outs and changes of access."""

    class Kind(models.TextChoices):
        """What happened."""

        LOGGED_IN = "logged_in", "Logged in"
        PASSWORD = "password", "Password right"
        FAILED = "failed", "Log-in failed"
        CODE_REFUSED = "code_refused", "Second factor refused"
        LOGGED_OUT = "logged_out", "Logged out"
        ACCESS = "access", "Access changed"

    contents = Contents.TRUTH

    at = models.DateTimeField(db_default=Now(), db_index=True)
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=150, help_text="The name of the account, as it was typed.")
    user_id = models.BigIntegerField(null=True, db_index=True, help_text="The account, if it is known.")
    door = models.CharField(max_length=20, help_text="The admin, the API or the command line.")
    address = models.CharField(max_length=64, help_text="The address of the browser or program.")
    agent = models.CharField(max_length=200, help_text="What the browser says it is.")
    detail = models.CharField(max_length=500, help_text="What changed, who did it, and why.")

    class Meta:
        default_permissions = ("view",)
        verbose_name = "log-in or access"
        verbose_name_plural = "log-ins and access"

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"
