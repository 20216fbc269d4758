"""Make text from the log safe to print: a terminal obeys some characters instead of showing them."""

import re

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; a tab and a new line stay
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of writing
    "\u2028\u2029\ufeff\ud800-\udfff]"  # ends of lines, a mark of byte order, and halves of characters
)


def printable(text: str) -> str:
    r"""Return a text in which what a terminal obeys is written as `\u001b`. In JSON that means the same as before."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
