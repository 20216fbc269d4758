"""`make messages`: find the texts for clients in the source, update the catalogues and compile them.

Texts are found in the syntax tree, so that tests can check them too: docs/languages.md.
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
REFUSALS = {"CommandRefused": (1,), "AggregateNotFound": (1,), "AddressRefused": (1,), "LimitExceeded": (1,)}
TRANSLATIONS = {
    "Phrase": (0,),
    "translate": (0,),
    "translate_plural": (0, 1),
    "translate_lazy": (0,),
    "translate_plural_lazy": (0, 1),
    "gettext": (0,),
    "gettext_lazy": (0,),
    "gettext_noop": (0,),
    "ngettext": (0, 1),
}
KINDS = {**REFUSALS, **TRANSLATIONS}
API_ERRORS = ("APIException", "AuthenticationFailed", "NotFound", "ParseError", "PermissionDenied", "ValidationError")
WRAPPERS = (
    ROOT / "orders" / "http" / "i18n.py",
    ROOT / "eventstore" / "queue" / "refusals.py",
)  # pass on templates of their callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One call with a text for clients.

    `templates` is empty if the text is not a literal; `params` is None if the call passes `**params`.
    """

    path: str
    line: int
    templates: tuple[str, ...]
    params: frozenset[str] | None

    @property
    def where(self) -> str:
        """Return the place of the call, for messages of failing tests."""
        return f"{self.path}:{self.line}"


def untranslated(*packages: str) -> Iterator[Message]:
    """Yield errors of the API that are raised with a literal text, which stays English in every language."""
    for path in _sources(*packages):
        source = path.read_text()
        if "from rest_framework" not in source:
            continue
        tree = ast.parse(source)
        own = (node.name for node in tree.body if isinstance(node, ast.ClassDef) and _is_api_error(node))
        errors = {*API_ERRORS, *own}
        for node in ast.walk(tree):
            for text in _literal_texts(node, errors):
                yield Message(path=str(path.relative_to(ROOT)), line=text.lineno, templates=(), params=None)


def _is_api_error(node: ast.ClassDef) -> bool:
    return any(_name(base) in API_ERRORS for base in node.bases)


def _literal_texts(node: ast.AST, errors: set[str]) -> Iterator[ast.expr]:
    match node:
        case ast.Call() if _name(node.func) in errors:
            for argument in node.args:
                yield from _texts_in(argument)
        case ast.Assign(targets=[ast.Name(id="default_detail")], value=value):
            yield from _texts_in(value)


def _texts_in(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield node
        case ast.Dict(values=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _texts_in(part)
        case ast.DictComp(value=part) | ast.ListComp(elt=part):
            yield from _texts_in(part)


def placeholders(template: str) -> set[str]:
    """Return the names in a template. Raises ValueError if it is malformed or a placeholder has a format."""
    names = set()
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(
                f"{template!r}: a placeholder is a plain name, such as {{amount}}; format the value instead"
            )
        names.add(name)
    return names


def messages(*packages: str) -> Iterator[Message]:
    """Yield all texts for clients in these packages, or in all."""
    for path in _sources(*packages):
        yield from _messages_of(path)


def _sources(*packages: str) -> Iterator[Path]:
    for package in packages or PACKAGES:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if path not in WRAPPERS)


def _messages_of(path: Path) -> Iterator[Message]:
    tree = ast.parse(path.read_text())
    named = dict(_named(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_name(base) in REFUSALS for base in node.bases):
            calls = (call for call in ast.walk(node) if isinstance(call, ast.Call) and _name(call.func) == "__init__")
            for call in calls:
                yield from _messages_in(path, call, (1,), named)
        if isinstance(node, ast.Call) and not _is_str_translate(node) and (positions := KINDS.get(_name(node.func))):
            yield from _messages_in(path, node, positions, named)


def _is_str_translate(call: ast.Call) -> bool:
    """Return whether the call is `text.translate(…)`: the project's `translate` is called by its name alone."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "translate"


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that the module assigns, with their values."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _messages_in(
    path: Path, call: ast.Call, positions: tuple[int, ...], named: dict[str, ast.expr]
) -> Iterator[Message]:
    templates = [list(_literals(call.args[position], named)) for position in positions if position < len(call.args)]
    names = [keyword.arg for keyword in call.keywords]
    params = None if None in names else frozenset(filter(None, names))
    where = str(path.relative_to(ROOT))
    if len(templates) < len(positions) or not all(templates):
        yield Message(path=where, line=call.lineno, templates=(), params=params)
    for forms in itertools.product(*templates):
        yield Message(path=where, line=call.lineno, templates=forms, params=params)


def _literals(node: ast.expr, named: dict[str, ast.expr]) -> Iterator[str]:
    """Yield the texts that an expression can be: literals, either side of a condition, or a constant of the module."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
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
    """Return the path of a language's catalogue."""
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def catalogue(language: str) -> Catalog:
    """Read a language's catalogue; an empty one if there is no file."""
    if not po(language).exists():
        return Catalog(locale=language, project="ordersite", header_comment="# docs/languages.md", fuzzy=False)
    with po(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    """Compile a catalogue for gettext. Fuzzy entries are left out, because a person has not approved them."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def updated(catalog: Catalog) -> Catalog:
    """Bring a catalogue up to date. Unused texts become obsolete entries, and come back when they are used again."""
    for key, old in list(catalog.obsolete.items()):
        catalog[old.id] = old
        del catalog.obsolete[key]
    source = Catalog()
    for message in messages():
        if message.templates:
            forms = message.templates if len(message.templates) > 1 else message.templates[0]
            source.add(forms, locations=[(message.path, 0)])
    catalog.update(source, no_fuzzy_matching=True, update_creation_date=False)
    return catalog


def written(catalog: Catalog) -> bytes:
    """Return the text of a catalogue's file."""
    file = io.BytesIO()
    write_po(file, catalog, width=120, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def main() -> None:
    """Update and compile every catalogue, and list texts without a translation."""
    for language in LANGUAGES:
        catalog = updated(catalogue(language))
        po(language).parent.mkdir(parents=True, exist_ok=True)
        po(language).write_bytes(written(catalog))
        po(language).with_suffix(".mo").write_bytes(compiled(catalog))
        missing = [message.id for message in catalog if message.id and not is_translated(message.string)]
        print(f"{language}: {len(catalog)} messages, {len(missing)} not translated")
        for template in missing:
            print(f"  {template!r}")


def is_translated(translation: Any) -> bool:
    """Return whether a translation exists, in all plural forms of the language."""
    return bool(translation) and (isinstance(translation, str) or all(translation))


if __name__ == "__main__":
    main()
