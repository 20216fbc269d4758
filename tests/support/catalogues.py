"""`make messages`: what is said to clients, found in the source, brought into the catalogues, and compiled.

Found by the syntax tree, so that a test can ask the same: docs/languages.md.
"""

import ast
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("eventstore", "orders", "projections", "ordersite")
LOCALES = ROOT / "ordersite" / "locale"
LANGUAGES = ("ru",)
REFUSALS = {"CommandRefused": (1,), "AggregateNotFound": (1,), "AddressRefused": (1,)}
SPOKEN = {
    "translate": (0,),
    "translate_plural": (0, 1),
    "translate_lazy": (0,),
    "translate_plural_lazy": (0, 1),
    "gettext": (0,),
    "gettext_lazy": (0,),
    "gettext_noop": (0,),
    "ngettext": (0, 1),
}
KINDS = {**REFUSALS, **SPOKEN}
RAISED = ("APIException", "AuthenticationFailed", "NotFound", "ParseError", "PermissionDenied", "ValidationError")
WRAPPERS = (ROOT / "orders" / "http" / "i18n.py",)  # pass on what their callers say


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One call that says something. `words` is empty where they are no literal; `given` None where params are `**`."""

    path: str
    line: int
    words: tuple[str, ...]
    given: frozenset[str] | None

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


def unsaid(*packages: str) -> Iterator[Message]:
    """Words that an error of the API is raised with as they are, so that no language but English has them."""
    for path in _sources(*packages):
        source = path.read_text()
        if "from rest_framework" not in source:
            continue
        tree = ast.parse(source)
        kinds = {*RAISED, *(each.name for each in tree.body if isinstance(each, ast.ClassDef) and _is_raised(each))}
        for node in ast.walk(tree):
            for words in _bare(node, kinds):
                yield Message(path=str(path.relative_to(ROOT)), line=words.lineno, words=(), given=None)


def _is_raised(node: ast.ClassDef) -> bool:
    return any(_name(base) in RAISED for base in node.bases)


def _bare(node: ast.AST, kinds: set[str]) -> Iterator[ast.expr]:
    match node:
        case ast.Call() if _name(node.func) in kinds:
            for argument in node.args:
                yield from _words_in(argument)
        case ast.Assign(targets=[ast.Name(id="default_detail")], value=value):
            yield from _words_in(value)


def _words_in(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield node
        case ast.Dict(values=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _words_in(part)
        case ast.DictComp(value=part) | ast.ListComp(elt=part):
            yield from _words_in(part)


def places(template: str) -> set[str]:
    """The names in a template. Raises ValueError for one that is malformed or has a format of its own."""
    found = set()
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"{template!r}: a place is a plain name, such as {{amount}}; format the value instead")
        found.add(name)
    return found


def messages(*packages: str) -> Iterator[Message]:
    """All that is said in these packages, or everywhere."""
    for path in _sources(*packages):
        yield from _messages_of(path)


def _sources(*packages: str) -> Iterator[Path]:
    for package in packages or PACKAGES:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if path not in WRAPPERS)


def _is_method_of_text(call: ast.Call) -> bool:
    """`name.translate(…)` is Python's own; ours is imported and called by its name."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "translate"


def _messages_of(path: Path) -> Iterator[Message]:
    tree = ast.parse(path.read_text())
    named = dict(_named(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_name(base) in REFUSALS for base in node.bases):
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and _name(each.func) == "__init__"]
            for call in calls:
                yield from _said_by(path, call, (1,), named)
        if isinstance(node, ast.Call) and not _is_method_of_text(node) and (positions := KINDS.get(_name(node.func))):
            yield from _said_by(path, node, positions, named)


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What the module's own names stand for."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _said_by(path: Path, call: ast.Call, positions: tuple[int, ...], named: dict[str, ast.expr]) -> Iterator[Message]:
    words = [list(_literals(call.args[position], named)) for position in positions if position < len(call.args)]
    names = [keyword.arg for keyword in call.keywords]
    given = None if None in names else frozenset(filter(None, names))
    where = str(path.relative_to(ROOT))
    if len(words) < len(positions) or not all(words):
        yield Message(path=where, line=call.lineno, words=(), given=given)
    for each in itertools.product(*words):
        yield Message(path=where, line=call.lineno, words=each, given=given)


def _literals(node: ast.expr, named: dict[str, ast.expr]) -> Iterator[str]:
    """What an expression can be: a literal, one of two, or one that a name of the module or an entry of its dict is."""
    match node:
        case ast.Constant(value=str(words)):
            yield words
        case ast.IfExp(body=one, orelse=other):
            yield from _literals(one, named)
            yield from _literals(other, named)
        case ast.Name(id=name) if name in named:
            yield from _literals(named[name], {})
        case ast.Subscript(value=ast.Name(id=name)) if isinstance(named.get(name), ast.Dict):
            for value in getattr(named[name], "values", ()):
                yield from _literals(value, {})
        case _:
            return


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def po(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def catalogue(language: str) -> Catalog:
    if not po(language).exists():
        return Catalog(locale=language, project="ordersite", header_comment="# docs/languages.md", fuzzy=False)
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(known: Catalog) -> bytes:
    """What gettext reads. Fuzzy entries are left out: nobody has approved them."""
    made = io.BytesIO()
    write_mo(made, known)
    return made.getvalue()


def updated(known: Catalog) -> Catalog:
    """The catalogue with all that is said now. What is said no more is kept aside, and comes back when it is again."""
    for key, old in list(known.obsolete.items()):
        known[old.id] = old
        del known.obsolete[key]
    source = Catalog()
    for message in messages():
        if message.words:
            source.add(message.words if len(message.words) > 1 else message.words[0], locations=[(message.path, 0)])
    known.update(source, no_fuzzy_matching=True, update_creation_date=False)
    return known


def written(known: Catalog) -> bytes:
    made = io.BytesIO()
    write_po(made, known, width=120, sort_by_file=True, include_lineno=False)
    return made.getvalue()


def main() -> None:
    for language in LANGUAGES:
        known = updated(catalogue(language))
        po(language).parent.mkdir(parents=True, exist_ok=True)
        po(language).write_bytes(written(known))
        po(language).with_suffix(".mo").write_bytes(compiled(known))
        missing = [message.id for message in known if message.id and not is_translated(message.string)]
        print(f"{language}: {len(known)} messages, {len(missing)} without words yet")
        for each in missing:
            print(f"  {each!r}")


def is_translated(words: Any) -> bool:
    """Whether there is a translation, in every form that the language has for numbers."""
    return bool(words) and (isinstance(words, str) or all(words))


if __name__ == "__main__":
    main()
