"""The form that staff log in with, and what a new password ends."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from knox.models import AuthToken
from unfold.forms import AuthenticationForm

from orders.http.i18n import translate_plural
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait

if TYPE_CHECKING:
    from ordersite.models import User


class LoginForm(AuthenticationForm):
    """Attempts are counted together with those of the API's clients; beyond LOGIN_RATE no password is looked at."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        seconds = seconds_to_wait(count_login_attempt(self.request, self.cleaned_data.get("username")))
        if seconds:
            words = translate_plural(
                "too many attempts to log in: try again in {number} second",
                "too many attempts to log in: try again in {number} seconds",
                number=seconds,
            )
            raise ValidationError(words, code="throttled")
        cleaned: dict[str, Any] = super().clean()
        return cleaned


class RevokesTokens:
    """One of AUTH_PASSWORD_VALIDATORS: no rule, but told of each change. Sessions are ended by Django itself."""

    def validate(self, password: str, user: "User | None" = None) -> None:
        pass

    def password_changed(self, password: str, user: "User") -> None:
        AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        return "A new password ends the account's API tokens."
