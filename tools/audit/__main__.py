"""`python -m tools.audit`: known faults, licences and age of the packages of requirements.txt.

Exit code 0: nothing was found. 1: something was. 2: known faults could not be looked up, so nothing is said of them.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tools.audit import REQUIREMENTS, ROOT, licences, pins
from tools.audit.advisories import UnusableCopy, known_faults

OLDEST = 90  # days since the pins were last made
PIP_AUDIT = ROOT / ".venv" / "audit" / "bin" / "pip-audit"  # in an environment of its own, which `make audit` makes


class NotLookedUp(Exception):
    """Nobody answered, or nobody knew a package."""


def main() -> None:
    """Print what was found, and leave with the exit code."""
    packages = pins()
    found = licences.unwanted(packages)
    print(f"licences: {len(packages)} packages, {len(found)} not accepted")
    age = _age()
    print(f"age: {'not known, this is no checkout' if age is None else f'{age} days since the pins were made'}")
    if age is not None and age > OLDEST:
        found.append(f"the pins are {age} days old, more than {OLDEST}: run `make lock`, then the tests")
    copy = os.environ.get("ADVISORIES")
    try:
        faults = known_faults(Path(copy), packages) if copy else _ask_index()
    except (NotLookedUp, UnusableCopy) as error:
        print("\n".join(found))
        print(f"known faults: NOT looked up. {error}")
        sys.exit(2)
    print(f"known faults: {len(faults)}, looked up in {copy or 'the index'}")
    found += faults
    print("\n".join(found))
    sys.exit(1 if found else 0)


def _age() -> int | None:
    """Return the days since requirements.txt was last changed in the history of the repository."""
    command = ["git", "log", "-1", "--format=%ct", "--", REQUIREMENTS.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    stamp = done.stdout.strip()
    return (datetime.now(UTC) - datetime.fromtimestamp(int(stamp), UTC)).days if stamp else None


def _ask_index() -> list[str]:
    """Return the known faults that pip-audit learns from the index. Raises NotLookedUp."""
    command = [str(PIP_AUDIT), "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, "--requirement", str(REQUIREMENTS)], capture_output=True, text=True, check=False
    )
    hint = "Unpack the PyPI export of the OSV database somewhere, and set ADVISORIES to that folder."
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise NotLookedUp(f"pip-audit said: {done.stderr.strip()[-500:]} {hint}") from error
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if skipped:
        raise NotLookedUp(f"The index knows no advisories of {len(skipped)} packages, such as {skipped[0]}. {hint}")
    return [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for each in packages
        for fault in each["vulns"]
    ]


if __name__ == "__main__":
    main()
