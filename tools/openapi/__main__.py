"""`python -m tools.openapi`: check the description of the API with Spectral and Redocly. `--install` installs them."""

import sys

from tools.openapi import HERE, ROOT, install, run

DESCRIPTION = ROOT / "docs" / "openapi.yml"


def main() -> None:
    """Check the description. Exits with 1 if a tool has an error or a warning."""
    if "--install" in sys.argv:
        install()
        return
    spectral = ("lint", DESCRIPTION, "--ruleset", HERE / "spectral.yml", "--fail-severity", "hint")
    redocly = ("lint", DESCRIPTION, "--config", HERE / "redocly.yaml")
    failed = False
    for tool, arguments in (("spectral", spectral), ("redocly", redocly)):
        done = run(tool, *arguments)
        if done.returncode:
            failed = True
            print(f"{tool}:\n{done.stdout}{done.stderr}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
