"""Adding a command takes what docs/add-a-command.md says, and no more: the page's own code is put into a copy of the
tree, checked, and run. Whatever is left out is named by the type checker."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "add-a-command.md"
PACKAGES = ("eventstore", "orders", "projections", "ordersite", "tests")
FILES = ("manage.py", "pyproject.toml")
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
UNION = re.compile(r"\w+(Command|Event) = ")

EVENT, EVENT_UNION = "the event", "the event in its union"
COMMAND, COMMAND_UNION = "the command", "the command in its union"
IMPORTS, RULE, CASE, WORDS, FIELD = (
    "the imports of the rule",
    "the rule",
    "its case",
    "its words",
    "the field of the state",
)

Change = tuple[str, str]
"""A file and the code that goes into it."""


def changes() -> dict[str, Change]:
    """The page's pieces of code, each with the file that the text above it names last."""
    text = GUIDE.read_text()
    found: list[Change] = []
    for block in CODE.finditer(text[: text.index("## What you get")]):
        path = re.findall(r"[Ii]n\s`([\w/]+\.py)`[^`]*:\n", text[: block.start()])[-1]
        found.append((path, block[1]))
    names = (EVENT, EVENT_UNION, FIELD, COMMAND, COMMAND_UNION, IMPORTS, RULE, CASE, WORDS)
    return dict(zip(names, found, strict=True))


def put(source: str, code: str) -> str:
    """The source with the code where the page says it goes."""
    lines, body = source.split("\n"), ast.parse(source).body
    unions = [node for node in body if isinstance(node, ast.Assign) and UNION.match(ast.unparse(node))]
    start = end = unions[0].lineno - 1 if unions else len(lines)  # a class before the union, a function at the end
    if UNION.match(code):
        end = unions[0].end_lineno or 0
    elif code.startswith("from "):
        start = end = next(node.lineno for node in body if isinstance(node, ast.ImportFrom)) - 1
    elif code.lstrip().startswith("case "):
        start = end = lines.index("        case _:")
    elif code.startswith(" "):
        (order,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == "Order")
        start = end = max(node.end_lineno or 0 for node in order.body if isinstance(node, ast.AnnAssign))
    return "\n".join([*lines[:start], code.rstrip(), "", *lines[end:]])


def copy_of_the_tree(folder: Path, *, without: str | None = None) -> Path:
    """A copy of the code with the page's changes, but for one of them."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    for name, (path, code) in changes().items():
        if name != without:
            target = folder / path
            target.write_text(put(target.read_text(), code))
    return folder


def run(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def types(folder: Path) -> tuple[int, str]:
    return run(folder, "-m", "mypy", "orders", "projections/order_timeline.py")


def test_the_pages_command_passes_every_gate_and_its_own_test(tmp_path: Path) -> None:
    folder = copy_of_the_tree(tmp_path)
    assert types(folder) == (0, "Success: no issues found in 64 source files\n") or types(folder)[0] == 0, types(
        folder
    )[1]
    code, output = run(folder, "-m", "ruff", "check", "--select", "F,E9", "orders", "projections")
    assert code == 0, output
    text = GUIDE.read_text()
    (folder / "tests" / "orders" / "rules" / "test_wrapping.py").write_text(
        CODE.findall(text[text.index("## Its test") :])[0]
    )
    sample = folder / "tests" / "samples" / "order.wrapped.v1.json"
    code, output = run(folder, "-m", "tests.support.samples")
    assert code == 0, output
    assert sample.exists(), output
    wanted = ("tests/orders/rules/test_wrapping.py", "tests/orders/test_samples.py", "tests/orders/test_actions.py")
    code, output = run(folder, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *wanted)
    assert code == 0, output


@pytest.mark.parametrize(
    ("forgotten", "named"),
    [
        (EVENT_UNION, "orders/rules/shipping.py"),
        (COMMAND_UNION, "orders/rules/shipping.py"),
        (CASE, "orders/rules/shipping.py"),
        (WORDS, "projections/order_timeline.py"),
    ],
)
def test_the_type_checker_names_what_is_forgotten(tmp_path: Path, forgotten: str, named: str) -> None:
    code, output = types(copy_of_the_tree(tmp_path, without=forgotten))
    assert code == 1
    assert named in output, output
