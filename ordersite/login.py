"""The form that staff log in with."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from orders.words import counted
from ordersite.rates import attempt


class LoginForm(AuthenticationForm):
    """Attempts are counted together with those of the API's clients; beyond LOGIN_RATE no password is looked at."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        refused = [each for each in attempt(self.request, self.cleaned_data.get("username")) if each.is_too_many]
        if refused:
            words = counted(
                "too many attempts to log in: try again in {number} second",
                "too many attempts to log in: try again in {number} seconds",
                number=max(each.seconds for each in refused),
            )
            raise ValidationError(words, code="throttled")
        cleaned: dict[str, Any] = super().clean()
        return cleaned
