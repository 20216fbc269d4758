"""No import circles, and no imports in tests that tie rooms together.

The contracts in pyproject.toml say which folder may import which.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGES = ("ordersite", "projections", "orders", "eventstore")
SHOP = {"ordersite", "projections", "orders"}
ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"


def imports_of_modules() -> dict[str, set[str]]:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circle_in(imports_of_modules()) == []


@pytest.mark.parametrize("first", ["ordersite.api.orders", "projections.rebuild.fill"])
def test_a_circle_would_be_found(first: str) -> None:
    """The test above can fail: a module at the bottom that imports one above it closes a circle."""
    imports = imports_of_modules()
    imports["eventstore.errors"].add(first)
    assert circle_in(imports)


def imported_modules(path: Path) -> Iterator[str]:
    """Yield each module that a file imports, and `module.name` for each name: the name may be a module too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import, which this test does not resolve"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(module: str) -> Path | None:
    """Return the file of a module of the tests, or None for any other module or name."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if module.startswith("tests.") and path.exists() else None


def with_imported_files(paths: set[Path]) -> set[Path]:
    """Return these files of the tests and all files of the tests that they import, directly or not."""
    reached: set[Path] = set()
    waiting = set(paths)
    while waiting:
        path = waiting.pop()
        reached.add(path)
        waiting |= {file for module in imported_modules(path) if (file := file_of(module))} - reached
    return reached


def test_the_tests_of_eventstore_do_not_import_the_shop() -> None:
    files = with_imported_files(set((TESTS / "eventstore").rglob("*.py")))
    assert TESTS / "support" / "tally.py" in files, "imports are followed"
    found = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sorted(files)
        for module in imported_modules(file)
        if module.partition(".")[0] in SHOP
    ]
    assert found == []


def test_no_test_module_imports_another() -> None:
    found = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sorted(TESTS.rglob("*.py"))
        for module in imported_modules(file)
        if module.startswith("tests.") and any(part.startswith("test_") for part in module.split("."))
    ]
    assert found == []
