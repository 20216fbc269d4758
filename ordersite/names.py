"""Names of accounts: when two are read as the same, and which ones the shop gives itself."""

import unicodedata

ERASED_PREFIX = "erased-"
"""How the names of erased logins start. Nobody else may have such a name."""
SYSTEM_NAMES = ("import_orders", "import", "erase_subject", "sweep", "webhooks", "shop", "system", "demo")
"""Names under which the shop itself sends commands, besides those of its processes. No program may have them."""

# Letters of other alphabets that look like those of the prefix. Accents and wide letters are undone by Unicode itself.
_LOOK_ALIKES = str.maketrans("\u0430\u03b1\u0435\u03b5\u0455\u0501\u0433\u0280\u0131", "aaeesdrri")


class ReservedName(ValueError):
    """The shop itself gives such names. Choose another one."""


def plain_name(name: str) -> str:
    """Return the name without what makes no other name: capitals, surrounding white space, compatible letters."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def is_reserved(name: str) -> bool:
    """Return whether people read the name as one that the shop gives to an erased login."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold()).translate(_LOOK_ALIKES)
    shown = ("-" if unicodedata.category(each) == "Pd" or each == "_" else each for each in letters)
    return "".join(each for each in shown if unicodedata.category(each) not in ("Mn", "Cf")).startswith(ERASED_PREFIX)
