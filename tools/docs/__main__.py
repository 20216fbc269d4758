"""`python -m tools.docs`: look at every link, build the site, and look at what was built."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable

from tools.docs import ROOT, SITE, STAGE, built, links
from tools.docs.stage import stage


def main() -> None:
    """Check the links, build the site, and check what was built. Exits with a message where something is wrong."""
    refuse("dead links", (line for page in links.markdown_files() for line in links.dead_links(page)))
    configuration = stage()
    done = subprocess.run(  # noqa: S603 - the generator that is installed
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", configuration.name],
        cwd=configuration.parent,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr))
        sys.exit("the docs could not be built")
    refuse("what was built is not right", built.problems(STAGE / "site"))
    shutil.rmtree(SITE, ignore_errors=True)
    (STAGE / "site").rename(SITE)
    pages = sum(1 for _ in SITE.rglob("*.html"))
    print(f"docs: {pages} pages, every link leads somewhere: {(SITE / 'index.html').relative_to(ROOT)}")


def refuse(what: str, lines: Iterable[str]) -> None:
    """Print the lines and exit, if there are any."""
    if found := list(lines):
        print(*found, sep="\n")
        sys.exit(f"{what}: {len(found)}")


if __name__ == "__main__":
    main()
