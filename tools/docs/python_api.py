"""The reference of the Python modules: one page for each, found by walking the packages, so a module may move.

Modules are parsed, never imported.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.docs import ROOT

PACKAGES = ("eventstore", "orders", "projections")
LEFT_OUT = {"management", "migrations", "tests"}  # what operators type is described in docs/operations.md


@dataclass(frozen=True, slots=True)
class Module:
    """A module that has a page."""

    name: str
    summary: str  # the first line of its docstring
    is_package: bool

    @property
    def page(self) -> str:
        """The path of its page in the site."""
        path = self.name.replace(".", "/")
        return f"python/{path}/index.md" if self.is_package else f"python/{path}.md"

    @property
    def text(self) -> str:
        """What its page holds; the generator fills it in."""
        return f"# {self.name}\n\n::: {self.name}\n"

    @property
    def parent(self) -> str:
        """The package that it is in; empty for a package at the top."""
        return self.name.rpartition(".")[0]


def modules() -> dict[str, Module]:
    """Every public module, packages before what is in them."""
    found = (_module(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py") if _public(path))
    return {module.name: module for module in sorted(found, key=lambda module: module.name)}


def index(found: Mapping[str, Module]) -> str:
    """Return the page that lists all modules."""
    lines = [
        "# Python API",
        "",
        "Made from the source, for whoever works on it. Names that begin with `_` are left out.",
    ]
    for package in PACKAGES:
        rows = (module for name, module in found.items() if f"{name}.".startswith(f"{package}."))
        lines += ["", f"## {package}", "", "| Module | |", "|---|---|"]
        lines += [
            f"| [`{row.name}`]({row.page.removeprefix('python/')}) | {row.summary.replace('|', chr(92) + '|')} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def navigation(found: Mapping[str, Module], parent: str = "") -> list[dict[str, Any]]:
    """The modules as a tree. The page of a package is the first of its section."""
    entries: list[dict[str, Any]] = []
    for module in (module for module in found.values() if module.parent == parent):
        title = module.name.rpartition(".")[2]
        if module.is_package:
            entries.append({title: [{title: module.page}, *navigation(found, module.name)]})
        else:
            entries.append({title: module.page})
    return entries


def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    docstring = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return Module(".".join(parts[:-1] if is_package else parts), docstring.partition("\n")[0], is_package)


def _public(path: Path) -> bool:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return not any(part in LEFT_OUT or (part.startswith("_") and part != "__init__") for part in parts)
