"""Look for known faults, unwanted licences and old pins among the packages that production installs."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([\w.!+-]+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """A package at a version, as a requirements file names it. `name` is in the index's normal form."""

    name: str
    version: str


def normal(name: str) -> str:
    """Return the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path = REQUIREMENTS) -> list[Pin]:
    """Return the pinned packages of a requirements file."""
    found = (_PIN.match(line) for line in path.read_text().splitlines())
    return [Pin(normal(match[1]), match[2]) for match in found if match]
