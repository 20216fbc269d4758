"""`python ordersite/devstack/install.py FILE`: install a requirements file with pip, and print how far it is.

`make install` runs this in the new virtual environment, so it needs the standard library only. pip's own output is
printed if pip fails, without its warnings.
"""

import re
import subprocess
import sys
from pathlib import Path

STEP = 30  # packages between two lines of progress
TAKEN_UP = ("Collecting ", "Processing ", "Requirement already satisfied", "Ignoring ")  # one line for each package


def main() -> None:
    """Install the file that the command line names. Exits with pip's status."""
    requirements = Path(sys.argv[1])
    total = len(re.findall(r"^\S+==", requirements.read_text(), re.MULTILINE))
    print(f"installing {total} packages from {requirements}: only once, about a minute", flush=True)
    options = ["--disable-pip-version-check", "--progress-bar", "off", "--require-hashes", "-r", str(requirements)]
    command = [sys.executable, "-m", "pip", "install", *options]
    output: list[str] = []
    done = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603 - our own command
        assert pip.stdout
        for line in pip.stdout:
            output.append(line)
            if line.startswith(TAKEN_UP):
                done += 1
                if done % STEP == 0:
                    print(f"  {done} of {total} packages", flush=True)
            elif line.startswith("Installing collected"):
                print("  unpacking them", flush=True)
    if pip.returncode:
        sys.stderr.writelines(line for line in output if not line.startswith("WARNING"))
    sys.exit(pip.returncode)


if __name__ == "__main__":
    main()
