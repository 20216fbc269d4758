"""Values as Python source, laid out as the formatter would, and the imports they need."""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from types import NoneType, UnionType
from typing import Any
from uuid import UUID

WIDTH = 120
INDENT = 4
_WHOLE = re.compile(r"-?[1-9]\d*|0")


class Unprintable(TypeError):
    """A value cannot be written as Python source. Give its class a branch in `eventstore.histories.python_source`."""


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Source in brackets: its parts, each with what stands before it, such as `name=`."""

    opening: str
    parts: tuple[tuple[str, "Code"], ...]
    closing: str

    @property
    def is_call(self) -> bool:
        return len(self.opening) > 1


Code = str | Bracketed


def flat(code: Code) -> str:
    """The source on one line."""
    if isinstance(code, str):
        return code
    alone = "," if code.opening == "(" and len(code.parts) == 1 else ""
    return f"{code.opening}{_inside(code)}{alone}{code.closing}"


def laid_out(code: Code, *, before: str = "", after: str = "", indent: int = 0) -> str:
    """The source after `before`, on as many lines as it needs; the first is not indented."""
    line = f"{before}{flat(code)}{after}"
    if isinstance(code, str) or indent + len(line) <= WIDTH:
        return line
    inner = indent + INDENT
    if code.is_call and inner + len(_inside(code)) <= WIDTH:
        parts = [_inside(code)]
    else:
        parts = [laid_out(part, before=name, after=",", indent=inner) for name, part in code.parts]
    lines = [f"{before}{code.opening}", *(" " * inner + part for part in parts), " " * indent + code.closing + after]
    return "\n".join(lines)


def _inside(code: Bracketed) -> str:
    return ", ".join(name + flat(part) for name, part in code.parts)


@dataclass
class Source:
    """Writes values and remembers what has to be imported for them."""

    _names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _taken: dict[str, str] = field(default_factory=dict)

    def code(self, value: Any) -> Code:
        """A value as source that makes an equal one. Raises Unprintable."""
        for kinds, write in _WRITERS:
            if isinstance(value, kinds):
                return write(self, value)
        if not is_dataclass(value) or isinstance(value, type):
            raise Unprintable(f"{type(value).__qualname__} cannot be written as source: {value!r:.100}")
        named = tuple((f"{each.name}=", self.code(getattr(value, each.name))) for each in fields(value) if each.init)
        return Bracketed(f"{self.name(type(value))}(", named, ")")

    def several(self, opening: str, values: Iterable[Any], closing: str) -> Bracketed:
        """Values in brackets."""
        return Bracketed(opening, tuple(("", self.code(each)) for each in values), closing)

    def name(self, cls: type) -> str:
        """What a class is called here, once it is imported. Raises Unprintable for one that nobody can import."""
        outer, _, inner = cls.__qualname__.partition(".")
        if "<locals>" in inner:
            raise Unprintable(f"{cls.__qualname__} stands in a function, where nobody can import it from")
        called = self.imported(cls.__module__, outer)
        return f"{called}.{inner}" if inner else called

    def imported(self, module: str, name: str) -> str:
        """What a module's name is called here: by another name where another module's has taken it."""
        called = name
        while self._taken.setdefault(called, module) != module:
            called += "_"
        self._names[module][name] = called
        return called

    def imports(self) -> str:
        """The import statements, those of the standard library first."""
        sections: dict[bool, list[str]] = {True: [], False: []}
        for module in sorted(self._names):
            found = sorted(self._names[module].items())
            names = [name if name == called else f"{name} as {called}" for name, called in found]
            line = f"from {module} import {', '.join(names)}"
            if len(line) > WIDTH:
                line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
            sections[module.partition(".")[0] in sys.stdlib_module_names].append(line)
        return "\n\n".join("\n".join(lines) for lines in sections.values() if lines)


def quoted(text: str) -> str:
    """A string literal in double quotes, unless single ones need fewer backslashes."""
    escaped = repr("'\"" + text)[4:-1]  # both quotes in it: in single quotes, and only those escaped
    if text.count('"') > text.count("'"):
        return f"'{escaped}'"
    return '"' + escaped.replace("\\'", "'").replace('"', '\\"') + '"'


def _float(source: Source, value: float) -> Code:
    return repr(value).replace("e+", "e") if isfinite(value) else f'float("{value}")'


def _decimal(source: Source, value: Decimal) -> Code:
    text = str(value)
    return f"{source.name(Decimal)}({text if _WHOLE.fullmatch(text) else quoted(text)})"


def _set(source: Source, value: Set[Any]) -> Code:
    inside = (("", source.several("{", sorted(value), "}")),) if value else ()
    return Bracketed(f"{type(value).__name__}(", inside, ")")


def _dict(source: Source, value: dict[Any, Any]) -> Code:
    return Bracketed("{", tuple((f"{flat(source.code(key))}: ", source.code(each)) for key, each in value.items()), "}")


_WRITERS: tuple[tuple[type | UnionType, Callable[[Source, Any], Code]], ...] = (
    (Enum, lambda source, value: f"{source.name(type(value))}.{value.name}"),
    (str, lambda source, value: quoted(value)),
    (NoneType | bool | int, lambda source, value: repr(value)),
    (bytes, lambda source, value: f'bytes.fromhex("{value.hex()}")'),
    (float, _float),
    (Decimal, _decimal),
    (UUID, lambda source, value: f'{source.name(UUID)}("{value}")'),
    (datetime | date | time, lambda source, value: f'{source.name(type(value))}.fromisoformat("{value.isoformat()}")'),
    (timedelta, lambda source, value: f"{source.name(timedelta)}({value.days}, {value.seconds}, {value.microseconds})"),
    (tuple, lambda source, value: source.several("(", value, ")")),
    (list, lambda source, value: source.several("[", value, "]")),
    (Set, _set),
    (dict, _dict),
)
"""How values of each kind are written; the first that fits counts, as an enum may be a text too."""
