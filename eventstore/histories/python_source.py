"""Write values as Python source, formatted as ruff formats it, and collect the imports that the source needs."""

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
_INTEGER = re.compile(r"-?[1-9]\d*|0")


class Unprintable(TypeError):
    """A value cannot be written as Python source. Give its class a branch in `eventstore.histories.python_source`."""


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Source in brackets. Each part is a pair of prefix, such as `name=` or empty, and source."""

    opening: str
    parts: tuple[tuple[str, "Code"], ...]
    closing: str

    @property
    def is_call(self) -> bool:
        """Whether a name stands before the opening bracket."""
        return len(self.opening) > 1


Code = str | Bracketed
"""Source that is not formatted yet. A text stays on one line."""


def one_line(code: Code) -> str:
    """Return the source on one line."""
    if isinstance(code, str):
        return code
    comma = "," if code.opening == "(" and len(code.parts) == 1 else ""  # a tuple of one
    return f"{code.opening}{_inside(code)}{comma}{code.closing}"


def lay_out(code: Code, *, before: str = "", after: str = "", indent: int = 0) -> str:
    """Return the source between `before` and `after`, on as many lines as it needs. The first line is not indented."""
    line = f"{before}{one_line(code)}{after}"
    if isinstance(code, str) or indent + len(line) <= WIDTH:
        return line
    inner = indent + INDENT
    if code.is_call and inner + len(_inside(code)) <= WIDTH:
        parts = [_inside(code)]
    else:
        parts = [lay_out(part, before=name, after=",", indent=inner) for name, part in code.parts]
    lines = [f"{before}{code.opening}", *(" " * inner + part for part in parts), " " * indent + code.closing + after]
    return "\n".join(lines)


def _inside(code: Bracketed) -> str:
    return ", ".join(name + one_line(part) for name, part in code.parts)


@dataclass
class Source:
    """Writes values as source, and collects the imports they need."""

    _names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    _taken: dict[str, str] = field(default_factory=dict)

    def code(self, value: Any) -> Code:
        """Return source that evaluates to an equal value. Raises Unprintable."""
        for kinds, write in _WRITERS:
            if isinstance(value, kinds):
                return write(self, value)
        if not is_dataclass(value) or isinstance(value, type):
            raise Unprintable(f"{type(value).__qualname__} cannot be written as source: {value!r:.100}")
        arguments = tuple(
            (f"{each.name}=", self.code(getattr(value, each.name))) for each in fields(value) if each.init
        )
        return Bracketed(f"{self.name(type(value))}(", arguments, ")")

    def bracketed(self, opening: str, values: Iterable[Any], closing: str) -> Bracketed:
        """Return the values in brackets."""
        return Bracketed(opening, tuple(("", self.code(each)) for each in values), closing)

    def name(self, cls: type) -> str:
        """Import a class; return its name in the source. Raises Unprintable for a class inside a function."""
        outer, _, inner = cls.__qualname__.partition(".")
        if "<locals>" in inner:
            raise Unprintable(f"{cls.__qualname__} is defined in a function, so it cannot be imported")
        alias = self.imported(cls.__module__, outer)
        return f"{alias}.{inner}" if inner else alias

    def imported(self, module: str, name: str) -> str:
        """Import `name` from `module`; return its name in the source, which differs if another module uses `name`."""
        alias = name
        while self._taken.setdefault(alias, module) != module:
            alias += "_"
        self._names[module][name] = alias
        return alias

    def imports(self) -> str:
        """Return the import statements, the standard library's first."""
        sections: dict[bool, list[str]] = {True: [], False: []}
        for module in sorted(self._names):
            aliases = sorted(self._names[module].items(), key=lambda pair: pair[0].lower())  # as ruff sorts classes
            names = [name if name == alias else f"{name} as {alias}" for name, alias in aliases]
            line = f"from {module} import {', '.join(names)}"
            if len(line) > WIDTH:
                line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
            sections[module.partition(".")[0] in sys.stdlib_module_names].append(line)
        return "\n\n".join("\n".join(lines) for lines in sections.values() if lines)


def quote(text: str) -> str:
    """Return a string literal in double quotes, or in single quotes if these need fewer backslashes."""
    # With both kinds of quotes in front, repr uses single quotes and escapes only those.
    escaped = repr("'\"" + text)[4:-1]
    if text.count('"') > text.count("'"):
        return f"'{escaped}'"
    return '"' + escaped.replace("\\'", "'").replace('"', '\\"') + '"'


def _float(source: Source, value: float) -> Code:
    return repr(value).replace("e+", "e") if isfinite(value) else f'float("{value}")'


def _decimal(source: Source, value: Decimal) -> Code:
    text = str(value)
    return f"{source.name(Decimal)}({text if _INTEGER.fullmatch(text) else quote(text)})"


def _set(source: Source, value: Set[Any]) -> Code:
    inside = (("", source.bracketed("{", sorted(value), "}")),) if value else ()
    return Bracketed(f"{type(value).__name__}(", inside, ")")


def _dict(source: Source, value: dict[Any, Any]) -> Code:
    return Bracketed(
        "{", tuple((f"{one_line(source.code(key))}: ", source.code(each)) for key, each in value.items()), "}"
    )


_WRITERS: tuple[tuple[type | UnionType, Callable[[Source, Any], Code]], ...] = (
    (Enum, lambda source, value: f"{source.name(type(value))}.{value.name}"),
    (str, lambda source, value: quote(value)),
    (NoneType | bool | int, lambda source, value: repr(value)),
    (bytes, lambda source, value: f'bytes.fromhex("{value.hex()}")'),
    (float, _float),
    (Decimal, _decimal),
    (UUID, lambda source, value: f'{source.name(UUID)}("{value}")'),
    (datetime | date | time, lambda source, value: f'{source.name(type(value))}.fromisoformat("{value.isoformat()}")'),
    (timedelta, lambda source, value: f"{source.name(timedelta)}({value.days}, {value.seconds}, {value.microseconds})"),
    (tuple, lambda source, value: source.bracketed("(", value, ")")),
    (list, lambda source, value: source.bracketed("[", value, "]")),
    (Set, _set),
    (dict, _dict),
)
"""How to write values of each type. The first match counts: an enum member may also be a str."""
