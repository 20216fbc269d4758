"""Whose request it is, as far as the web server can tell before the application has read it.

A credential (an API token, or the cookie of a session) belongs to an account once the application has said so in an
answer. Until then, and without a credential, a request counts for the address that it came from. So new tokens do not
make new clients, and an account with many tokens is one.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from wsgiref.types import WSGIEnvironment

OWNER = "ordersite.owner"
"""The key of the environment under which the application says whose credential it has accepted."""
TOO_MANY = "ordersite.too_many"
"""The key of the environment that tells the application to refuse: too many requests of the client wait already."""
REMEMBERED = 20_000  # credentials; the one that was used longest ago makes room

Read = Callable[[WSGIEnvironment], str]


@dataclass(frozen=True, slots=True)
class Client:
    """Whom a request counts for: an account, or an address if the account is not known; and the address."""

    account: str
    address: str

    @property
    def name(self) -> str:
        """Return the name under which its own share is counted."""
        return self.account or f"unknown at {self.address}"

    @property
    def place(self) -> str:
        """Return the name under which the share of all clients at its address is counted."""
        return f"all at {self.address}"


REFUSED = Client("refused", "refused")
"""For whom answers to refused requests count, so that they take no more threads than one client."""


class Clients:
    """Finds the client of a request. `credential_of` returns "" for a request without one."""

    def __init__(self, *, credential_of: Read, address_of: Read) -> None:
        self._credential_of, self._address_of = credential_of, address_of
        self._owners: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()

    def client_of(self, environ: WSGIEnvironment) -> Client:
        """Return the client of a request that has come in."""
        digest = self._digest(environ)
        with self._lock:
            owner = self._owners.get(digest, "")
            if owner:
                self._owners.move_to_end(digest)
        return Client(owner, self._address_of(environ))

    def learn(self, environ: WSGIEnvironment) -> None:
        """Remember whose credential it is, if the application has said so."""
        owner = environ.get(OWNER)
        if not owner:
            return
        digest = self._digest(environ)
        with self._lock:
            self._owners[digest] = str(owner)
            self._owners.move_to_end(digest)
            if len(self._owners) > REMEMBERED:
                self._owners.popitem(last=False)

    def _digest(self, environ: WSGIEnvironment) -> bytes:
        """Return a digest of the credential: memory must not hold what gives access. Empty without one."""
        credential = self._credential_of(environ)
        return blake2b(credential.encode(errors="replace"), digest_size=16).digest() if credential else b""
