"""The folders stay small and say what is in them. docs/decisions/41-folders.md says why they are as they are."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("eventstore", "orders", "projections", "ordersite")
MOST_MODULES = 16
DEEPEST = 3
BY_DJANGO = {"migrations", "management", "management/commands", "formats", "formats/en_GB"}
"""Folders whose content Django prescribes."""

FOLDERS = sorted(path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_is_small_and_near(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES or folder.name == "migrations"
    assert len(folder.relative_to(ROOT).parts) <= DEEPEST


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_package_says_what_is_inside(folder: Path) -> None:
    if not any(str(folder).endswith(name) for name in BY_DJANGO):
        docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        assert docstring.count(". ") + docstring.count(".\n") + docstring.endswith(".") >= 2, docstring
