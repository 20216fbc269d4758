"""Find and change the personal texts of an event as JSON data: those of its fields, and of the values in its tuples."""

from collections.abc import Callable, Iterator
from typing import Any

from eventstore.messages import EventType, PersonalText

Change = Callable[[str, str], str]
"""Called with the path of a text, such as `reason` or `lines.0.name`, and the text; returns the new text."""


def change_texts(
    declared: EventType, data: dict[str, Any], change: Change, *, among: Callable[[PersonalText], bool] | None = None
) -> None:
    """Change the personal texts of `data` in place. Texts that name no person are left as they are.

    `among` chooses which declared texts are changed. Fields that `data` does not have are passed over.
    """
    for text, path, holder in _declared_texts(declared, data):
        if among is None or among(text):
            holder[text.name] = change(path, holder[text.name])


def personal_texts(
    declared: EventType, data: dict[str, Any], *, among: Callable[[PersonalText], bool] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield path and text of the personal texts of `data`. `among` chooses which declared texts are looked at."""
    for text, path, holder in _declared_texts(declared, data):
        if among is None or among(text):
            yield path, holder[text.name]


def _declared_texts(declared: EventType, data: dict[str, Any]) -> Iterator[tuple[PersonalText, str, dict[str, Any]]]:
    """Yield each personal text of `data`, its path, and the dictionary that holds it."""
    for text in declared.personal:
        if text.holds(_text(data.get(text.name))):
            yield text, text.name, data
    for text in declared.parts:
        for number, part in enumerate(_parts(data.get(text.part_of))):
            if text.holds(_text(part.get(text.name))):
                yield text, text.path(number), part


def paths_of_all(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and text of every text in fields and in the values of lists, of an event in any schema version."""
    for name, value in data.items():
        if isinstance(value, str):
            yield name, value
        for number, part in enumerate(_parts(value)):
            yield from ((f"{name}.{number}.{inner}", text) for inner, text in part.items() if isinstance(text, str))


def text_at(data: dict[str, Any], path: str) -> Any:
    """Return the value at a path, or None if there is none."""
    name, *rest = path.split(".")
    if not rest:
        return data.get(name)
    parts = _parts(data.get(name))
    number = int(rest[0])
    return parts[number].get(rest[1]) if number < len(parts) else None


def with_texts(data: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return a copy of the data with other texts at these paths, all of which it has."""
    changed = dict(data)
    for path, text in texts.items():
        name, *rest = path.split(".")
        if not rest:
            changed[name] = text
            continue
        if changed[name] is data[name]:
            changed[name] = [dict(part) for part in data[name]]
        changed[name][int(rest[0])][rest[1]] = text
    return changed


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _parts(value: Any) -> list[dict[str, Any]]:
    """Return the values in a list or tuple of JSON data; none for anything else."""
    if isinstance(value, list | tuple) and all(isinstance(each, dict) for each in value):
        return list(value)
    return []
