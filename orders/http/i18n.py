"""Translate texts into the language of the current request. See docs/languages.md.

Only for code that answers requests. Rules raise CommandRefused with a template, which is translated when it is shown.
"""

from typing import Any

from django.utils.functional import lazy
from django.utils.translation import gettext, ngettext


def translate(template: str, /, **params: Any) -> str:
    """Return the translated template with `params` filled in: `translate("no order {id}", id=7)`.

    `template` must be a literal, so that `make messages` finds it.
    """
    return gettext(template).format(**params) if params else gettext(template)


def translate_plural(one: str, many: str, /, *, number: int, **params: Any) -> str:
    """Translate like `translate`, with the plural form for `number`, which templates show as `{number}`."""
    return ngettext(one, many, number).format(number=number, **params)


def translate_stored(text: str) -> str:
    """Translate a stored English text, whose literal is marked with `gettext_noop`. An empty text stays empty."""
    return gettext(text) if text else ""


translate_lazy = lazy(translate, str)
"""As `translate`, but translated when the text is read, in the language of that moment."""

translate_plural_lazy = lazy(translate_plural, str)
"""As `translate_plural`, but translated when the text is read."""
