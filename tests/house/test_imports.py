"""The tree is free of import circles. Which folder may import which is said by the contracts in pyproject.toml."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("ordersite", "projections", "orders", "eventstore")


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
