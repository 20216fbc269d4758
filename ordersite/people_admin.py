"""Staff and the accounts of customers: what they change of an address is a command, and the log says who sent it."""

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.forms import UserChangeForm

from eventstore.dispatch import Context
from eventstore.errors import CommandRefused
from orders.http import correlation_of
from ordersite import people


class AccountForm(UserChangeForm):
    """Says beside the address why it cannot be changed so."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email != self.instance.email:
            try:
                people.require_changeable(self.instance, email)
            except CommandRefused as refusal:
                raise forms.ValidationError(refusal.message) from refusal
        return email


class FollowsTheLog:
    """For the accounts' admin: saves a customer's address in the log too, in the same transaction."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = f"staff:{request.user.get_username()}"
        people.follow_staff(obj, Context(actor=actor, correlation_id=correlation_of(request)))
        super().save_model(request, obj, form, change)  # type: ignore[misc]  # of the admin it is mixed into
