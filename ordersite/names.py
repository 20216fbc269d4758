"""Names of accounts: when two are read as the same, which ones the shop gives itself, and who takes one first."""

import unicodedata

from django.db import IntegrityError, connection

ERASED_PREFIX = "erased-"
"""How the names of erased logins start. Nobody else may have such a name."""
SYSTEM_NAMES = ("import_orders", "import", "erase_subject", "sweep", "webhooks", "shop", "system", "demo")
"""Names under which the shop itself sends commands, besides those of its processes. No program may have them."""

# Letters of other alphabets that look like those of the prefix. Accents and wide letters are undone by Unicode itself.
_LOOK_ALIKES = str.maketrans("\u0430\u03b1\u0435\u03b5\u0455\u0501\u0433\u0280\u0131", "aaeesdrri")


_LOCKS = 4713  # the first key of the advisory locks on usernames and addresses


class NameInUse(IntegrityError):
    """Another account has the username, or another customer has verified the address. Ask for another one."""


def claim(*names: str) -> None:
    """Let no other transaction take these usernames and addresses until this transaction ends.

    So two that want the same one wait for each other here, and the later one finds it taken. Without this, the later
    INSERT would fail in the server, which may log a failed statement with its values: an address and a password's hash.
    Claim only names that are new to an account: who has locked its row must not wait for who claims what it has.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, name) FROM"
            " (SELECT DISTINCT hashtext(lower(name)) name FROM unnest(%s::text[]) name ORDER BY 1) names",
            [_LOCKS, list(names)],
        )


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
