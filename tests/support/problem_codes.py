"""Find the codes of all problems in the source, and write them into `ordersite/api/problem_codes.py`.

`make schema` runs it first.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from orders.rules.common import _MISSING
from ordersite.api.problem_codes import HEADER_CODES
from tests.support.catalogues import PACKAGES, REFUSALS, ROOT

REST_FRAMEWORK = {
    "authentication_failed", "error", "invalid", "method_not_allowed", "not_acceptable", "not_authenticated",
    "not_found", "parse_error", "permission_denied", "throttled", "unsupported_media_type",
}  # fmt: skip
"""The codes of the errors that Django REST framework raises by itself."""

_SNAKE = re.compile("[a-z]+(_[a-z]+)+")
_NOT_PROBLEMS = ("admin", "management", "devstack", "importing", "demo")
_FIELD_ERRORS = ("ValidationError", "ErrorDetail")


def codes_in_source() -> set[str]:
    """Return every code that an answer of the API may have."""
    found = REST_FRAMEWORK | HEADER_CODES | {f"{kind}_not_found" for kind in _MISSING}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not set(path.relative_to(ROOT).parts) & set(_NOT_PROBLEMS):
                found |= set(_codes_in(path))
    return found


def files_with_computed_codes() -> set[str]:
    """Return the files that compute the code of a refusal, which `codes_in_source` has to know."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS
        if not (node.args and isinstance(node.args[0], ast.Constant))
    }


def _codes_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if name in REFUSALS:
                yield code
            case ast.Call(func=ast.Name(id="problem"), args=[_, _, ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Call(func=ast.Name(id=name)) if name not in _FIELD_ERRORS:
                yield from (
                    word.value.value
                    for word in node.keywords
                    if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
                )
            case ast.Tuple(
                elts=[ast.Constant(value=str(code)), ast.JoinedStr() | ast.Constant(value=str()) | ast.Call()]
            ) if "rules" in path.parts and _SNAKE.fullmatch(code):
                yield code
            case ast.Assign(targets=[ast.Name(id="default_code")], value=ast.Constant(value=str(code))):
                yield code
            case ast.Tuple(elts=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_]) if status >= 400:
                yield code


def main() -> None:
    """Bring the list of codes up to date."""
    target = ROOT / "ordersite" / "api" / "problem_codes.py"
    before, _, rest = target.read_text().partition("PROBLEM_CODES = (\n")
    _, _, after = rest.partition(")  # fmt: skip")
    codes = textwrap.wrap(", ".join(f'"{code}"' for code in sorted(codes_in_source())), 114)
    lines = "".join(f"    {line}\n" for line in codes)
    target.write_text(f"{before}PROBLEM_CODES = (\n{lines.rstrip()},\n)  # fmt: skip{after}")


if __name__ == "__main__":
    main()
