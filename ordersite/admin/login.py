"""The login form of the admin, and the revocation of tokens when a password changes."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from knox.models import AuthToken
from unfold.forms import AuthenticationForm

from orders.http.i18n import translate_plural
from ordersite.logins.page_texts import in_browsers_language
from ordersite.middleware.rate_limits import count_login_attempt, seconds_to_wait

if TYPE_CHECKING:
    from ordersite.models import User

admin.site.login = in_browsers_language(admin.site.login)  # type: ignore[method-assign]  # before its address is read


class LoginForm(AuthenticationForm):
    """The login form. Above LOGIN_RATE attempts, no password is checked.

    A right password may be half of a log-in only: `ordersite.logins.completion` does what follows from a whole one.

    The attempts of the admin and of the API are counted together.
    """

    def clean(self) -> dict[str, Any]:
        """Check the password. Raises ValidationError if there were too many attempts."""
        assert self.request is not None
        seconds = seconds_to_wait(count_login_attempt(self.request, self.cleaned_data.get("username")))
        if seconds:
            message = translate_plural(
                "too many attempts to log in: try again in {number} second",
                "too many attempts to log in: try again in {number} seconds",
                number=seconds,
            )
            raise ValidationError(message, code="throttled")
        cleaned: dict[str, Any] = super().clean()
        return cleaned


class RevokesTokens:
    """A password validator without a rule: Django tells it when a password changes, and it deletes the API tokens.

    Django itself ends the sessions.
    """

    def validate(self, password: str, user: "User | None" = None) -> None:
        """Accept every password."""

    def password_changed(self, password: str, user: "User") -> None:
        """Delete the API tokens of the account."""
        AuthToken.objects.filter(user=user).delete()

    def get_help_text(self) -> str:
        """Return the hint beside the password field."""
        return "A new password ends the account's API tokens."
