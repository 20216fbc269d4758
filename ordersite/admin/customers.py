"""The parts of the accounts' admin that send customer commands: change or verify an address, erase a customer.

The log records which member of staff did it.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.forms import UserChangeForm

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from orders.customers.commands import EraseCustomer, VerifyEmail
from orders.http.request import correlation_of
from ordersite.access import powers
from ordersite.admin.forms.form_views import ask
from ordersite.customers import erasure, registration
from ordersite.models import User
from ordersite.names import claim


class ClaimsNames:
    """Mixin of the forms of accounts: nobody else takes the names of a form until it is saved.

    What was taken meanwhile is found by the checks that follow, and shown beside the field.
    """

    cleaned_data: dict[str, Any]
    instance: User

    def clean(self) -> Any:
        """Claim the names that the account does not have yet."""
        cleaned = super().clean()  # type: ignore[misc]  # of the form
        typed = {self.cleaned_data.get(name) or "" for name in ("username", "email")}
        if new := typed - {self.instance.username, self.instance.email, ""}:
            claim(*new)
        return cleaned


class AccountForm(ClaimsNames, UserChangeForm):
    """The form of an account. If the e-mail address cannot be changed, the reason is shown beside it."""

    def clean_email(self) -> str:
        """Raises ValidationError if the customer's address cannot be changed to this one."""
        email: str = self.cleaned_data["email"]
        if email != self.instance.email:
            try:
                registration.require_changeable(self.instance, email)
            except CommandRefused as refusal:
                raise forms.ValidationError(refusal.message) from refusal
            if self.instance.customer_id and registration.is_held_by_another(self.instance, email):
                raise forms.ValidationError("Another customer has this e-mail address.")
        return email


class FollowsTheLog:
    """Mixin of the accounts' admin: records a changed address in the log, in the same transaction."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = f"staff:{request.user.get_username()}"
        registration.record_staff_change(obj, Context(actor=actor, correlation_id=correlation_of(request)))
        super().save_model(request, obj, form, change)  # type: ignore[misc]  # defined by the admin class


class CustomerCommands:
    """Mixin of the accounts' admin: commands about the account's customer, each with its own form."""

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ordersite.change_user")

    @action(description="Verify the address", url_path="verify-email", permissions=["manage"], icon="mark_email_read")
    def verify_email(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form that marks the address as verified; on POST, send it."""
        return self._ask(request, object_id, VerifyEmail, "Verify the address", _verify, "email")

    @action(description="Erase personal data", url_path="erase", permissions=["manage"], icon="person_off")
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form that erases the customer's personal data; on POST, erase it."""
        return self._ask(request, object_id, EraseCustomer, "Erase personal data", _erase)

    def _ask(
        self, request: HttpRequest, object_id: str, command: type, title: str, send: Callable[..., Any], *copied: str
    ) -> HttpResponse:
        user: User | None = self.get_object(request, object_id)  # type: ignore[attr-defined]  # of the admin class
        back = reverse("admin:ordersite_user_changelist")
        if user is None or user.customer_id is None:
            messages.error(request, "This account is not a customer's.")
            return HttpResponseRedirect(back)
        if not powers.may_manage(request.user, user):
            raise PermissionDenied
        fixed = {"customer_id": user.customer_id} | {name: getattr(user, name) for name in copied}
        page = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]  # defined by the admin class
            "title": title,
            "description": command.__doc__ if command is EraseCustomer else "",
            "opts": User._meta,
            "about": [("Customer", user.get_full_name()), ("Address", user.email), ("Id", user.customer_id)],
        }
        return ask(
            request,
            page,
            command,
            *fixed,
            complete=lambda fields: fields | fixed,
            back=back,
            version=registration.version_of(user),
            send=lambda command, context: send(user, command, context),
        )


def _verify(user: User, command: VerifyEmail, context: Context) -> None:
    with transaction.atomic():
        context = registration.register_if_new(user, context)
        registration.verify_email(command.customer_id, command.email, context)


def _erase(user: User, command: EraseCustomer, context: Context) -> None:
    """Record the event, and destroy the key of the personal data and the account too."""
    erasure.erase(user, context)
