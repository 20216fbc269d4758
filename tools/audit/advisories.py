"""Look for known faults in a local copy of an advisory database, where the index of packages cannot be asked.

The copy is a folder of JSON files in the format of OSV (https://ossf.github.io/osv-schema), as its PyPI export is.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from tools.audit import Pin, normal


class UnusableCopy(Exception):
    """The folder holds no advisories, or a file in it is none."""


def known_faults(folder: Path, packages: Iterable[Pin]) -> list[str]:
    """Return a line for each advisory about one of these packages. Raises UnusableCopy."""
    by_name = {each.name: each for each in packages}
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise UnusableCopy(f"{folder} holds no .json file. Unpack the PyPI export of the OSV database there.")
    return [line for path in files for line in _in_file(path, by_name)]


def _in_file(path: Path, packages: dict[str, Pin]) -> Iterator[str]:
    try:
        advisory = json.loads(path.read_bytes())
        if advisory.get("withdrawn"):
            return
        for affected in advisory["affected"]:
            package = affected["package"]
            pin = packages.get(normal(package["name"])) if package["ecosystem"] == "PyPI" else None
            if pin and _is_affected(pin.version, affected):
                yield f"{pin.name} {pin.version}: {advisory['id']}: {advisory.get('summary', 'no summary')}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableCopy(f"{path} is no advisory in the format of OSV: {error!r}") from error


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    ranges = (each for each in affected.get("ranges", ()) if each["type"] in {"ECOSYSTEM", "SEMVER"})
    return any(_is_inside(Version(version), each["events"]) for each in ranges)


def _is_inside(version: Version, events: Iterable[dict[str, str]]) -> bool:
    inside = False
    for event in sorted(events, key=lambda event: _order(next(iter(event.values())))):
        if "introduced" in event and version >= _order(event["introduced"]):
            inside = True
        if "fixed" in event and version >= _order(event["fixed"]):
            inside = False
        if "last_affected" in event and version > _order(event["last_affected"]):
            inside = False
    return inside


def _order(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is no version") from error
