"""What is said to a client, in the language of the request that is being answered. docs/languages.md says how.

For the edges alone: the rules raise CommandRefused with a template, and an edge finds its translation.
"""

from typing import Any

from django.utils.functional import lazy
from django.utils.translation import gettext, ngettext


def translate(template: str, /, **params: Any) -> str:
    """`template`, a literal in the source, with `params` in the places that it names: `said("no order {id}", id=7)`."""
    return gettext(template).format(**params) if params else gettext(template)


def translate_plural(one: str, many: str, /, *, number: int, **params: Any) -> str:
    """As `said`, with the words that go with a `number` (`{number}` in the templates)."""
    return ngettext(one, many, number).format(number=number, **params)


def noted(words: str) -> str:
    """What was noted in English a while ago, marked with `gettext_noop`, in the language of whoever reads it now."""
    return gettext(words) if words else ""


translate_lazy = lazy(translate, str)
"""As `translate`, but translated when the text is read, in the language of that moment."""

translate_plural_lazy = lazy(translate_plural, str)
"""As `translate_plural`, but translated when the text is read."""
