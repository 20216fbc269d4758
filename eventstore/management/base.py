"""What all commands of `manage.py` share: text of customers cannot drive the terminal of the person who runs them."""

import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.core.management.base import BaseCommand, OutputWrapper
from rich.console import Console
from rich.table import Table

from eventstore.management.printing import printable


class EscapedOutput(OutputWrapper):
    """An output on which control characters are shown and not obeyed. Styles that the command gives still work."""

    def write(  # type: ignore[override]  # so does Django's own
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        """Write a text, escaped, in the style."""
        super().write(printable(msg), style_func, ending)


class SafeCommand(BaseCommand):
    """A command that prints what others wrote. Its output, its errors and its tables are escaped."""

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        super().__init__(stdout, stderr, **options)
        self.stdout = EscapedOutput(stdout or sys.stdout)
        error_style = self.stderr.style_func
        self.stderr = EscapedOutput(stderr or sys.stderr)
        self.stderr.style_func = error_style

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. The outputs that a caller gives are escaped, too."""
        if out := options.pop("stdout", None):
            self.stdout = EscapedOutput(out)
        if err := options.pop("stderr", None):
            self.stderr = EscapedOutput(err)
        return super().execute(*args, **options)

    def print_table(self, table: Table) -> None:
        """Print a table, as wide as the terminal. A pipe has no width, so it gets enough for all columns."""
        text = StringIO()
        width = None if self.stdout.isatty() else 200
        Console(file=text, width=width, markup=False, emoji=False, highlight=False).print(table)
        self.stdout.write(text.getvalue())
