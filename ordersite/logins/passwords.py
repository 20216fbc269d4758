"""The rules of new passwords: long, on no list of known ones, and hard to guess from what is known about the person.

`zxcvbn` estimates how many guesses a password withstands, with lists of leaked passwords, words and names that are part
of the library: nothing is sent anywhere. Passwords that exist are not checked again.
"""

from typing import Any

from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from orders.http.i18n import translate

LONGEST_CHECKED = 72  # characters; the estimate takes long for more, and these are enough to be strong
ENOUGH = 3  # of 0 to 4: about 10^8 guesses


class HardToGuess:
    """A password validator that refuses what a program would guess soon."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError if the password is easy to guess."""
        known = (getattr(user, name, "") for name in ("username", "email", "first_name", "last_name"))
        about = [part for text in known for part in (text, *text.replace("@", " ").split()) if part]
        if zxcvbn(password[:LONGEST_CHECKED], user_inputs=[*about, "ordersite"])["score"] < ENOUGH:
            raise ValidationError(
                translate("This password is easy to guess. Use several words that have nothing to do with each other."),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        """Return the hint beside the password field."""
        return "Several words that have nothing to do with each other make a good password."
