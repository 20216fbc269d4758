"""Limits of a JSON body, checked in one pass over its text before any object is made of it.

Decoded JSON takes up to forty times the memory of its text, and a check of it takes longer still. So the text is
counted first, and the count stops at the first limit that is exceeded. What the text means is not looked at: a text
that is no JSON is left to the decoder.
"""

import re

from orders.http.i18n import translate

MOST_VALUES = 120_000
"""The most names, texts, lists and objects in a body. The largest edit of an order has about 100,000."""
MOST_ENTRIES = 5_000
"""The most entries of a list: those of the longest list that any field accepts."""
MOST_NAMES = 100
"""The most names in one object."""
MOST_NESTING = 10
"""How deep lists and objects may be nested. The deepest body that any operation accepts has three levels."""
MOST_CHARACTERS = 25_000
"""The longest text, as it is written. Fields accept at most 2,000 characters, each up to 12 as escapes."""

# A string also matches without its closing quote, so that no other match begins inside it. Otherwise each escaped quote
# of an unclosed string would be tried, and the search would take quadratic time.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)


class TooLarge(ValueError):
    """A body has more parts than any operation accepts. The message says which limit it exceeds; send less at once."""


def require_bounded(text: str) -> None:
    """Check the number, the nesting and the length of the parts of a JSON text. Raises TooLarge."""
    values, commas, limits = 0, [0], [MOST_ENTRIES]
    for match in _TOKEN.finditer(text):
        part = match[0]
        if part == ",":
            commas[-1] += 1
            if commas[-1] >= limits[-1]:
                raise TooLarge(_too_many(limits[-1]))
        elif part in "]}":
            if len(commas) > 1:
                commas.pop()
                limits.pop()
        else:
            values += 1
            if values > MOST_VALUES:
                raise TooLarge(translate("The body has more than {most} values: send less at once.", most=MOST_VALUES))
            if part in "[{":
                if len(commas) > MOST_NESTING:
                    raise TooLarge(translate("The body is nested more than {most} levels deep.", most=MOST_NESTING))
                commas.append(0)
                limits.append(MOST_ENTRIES if part == "[" else MOST_NAMES)
            elif len(part) > MOST_CHARACTERS:
                raise TooLarge(translate("A text in the body is longer than {most} characters.", most=MOST_CHARACTERS))


def _too_many(limit: int) -> str:
    if limit == MOST_NAMES:
        return translate("An object in the body has more than {most} fields.", most=MOST_NAMES)
    return translate("A list in the body has more than {most} entries: send less at once.", most=MOST_ENTRIES)
