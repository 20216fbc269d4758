"""Look for licences under which a shop could not run or change this project."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from tools.audit import Pin

ACCEPTED = re.compile(
    r"\b(MIT|MIT-0|BSD|[023]-Clause|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|Unlicense|Public Domain)\b",
    re.IGNORECASE,
)
EXPLAINED = {
    "psycopg": "LGPL-3.0-only: a library that is used unchanged, and installed as a package of its own",
    "psycopg-binary": "as psycopg",
}
"""Packages under another licence, and why they can be used."""


def unwanted(packages: Iterable[Pin]) -> list[str]:
    """Return a line for each installed package whose licence is neither accepted nor explained."""
    lines = []
    for pin in packages:
        if pin.name in EXPLAINED:
            continue
        try:
            stated = licence_of(pin.name)
        except PackageNotFoundError:
            continue  # for another system: requirements.txt is for all of them
        if not ACCEPTED.search(stated) or re.search(r"\bA?GPL", stated):
            lines.append(f"{pin.name} {pin.version}: its licence is {stated!r}; accept or explain it in {__name__}")
    return lines


def licence_of(name: str) -> str:
    """Return what an installed package says about its licence. Raises PackageNotFoundError."""
    said: Any = metadata(name)  # the stubs leave `get` out
    classifiers = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or () if "License ::" in each]
    stated = [said.get("License-Expression"), (said.get("License") or "").split("\n")[0], *classifiers]
    return ", ".join(dict.fromkeys(text for text in stated if text)) or "not stated"
