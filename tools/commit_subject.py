"""Refuse a commit whose subject is too long: `python -m tools.commit_subject FILE`, called by pre-commit."""

import sys
from pathlib import Path

LONGEST = 72


def main(path: str) -> None:
    """Exit with a message if the subject in the file is too long."""
    written = Path(path).read_text(encoding="utf-8").splitlines()
    subject = next((line for line in written if line.strip() and not line.startswith("#")), "")
    if len(subject) > LONGEST:
        sys.exit(f"the subject has {len(subject)} characters, at most {LONGEST} are allowed: {subject}")


if __name__ == "__main__":
    main(sys.argv[1])
