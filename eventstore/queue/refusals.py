"""How the queue stores the params of a refusal: values as text, and phrases so that they can still be translated."""

from typing import Any

from eventstore.errors import CommandRefused, Phrase


def params_to_json(params: dict[str, Any]) -> dict[str, Any]:
    """Return params as they are stored: phrases with their template and params, everything else as text."""
    return {
        name: {"template": each.template, "params": params_to_json(each.params)}
        if isinstance(each, Phrase)
        else str(each)
        for name, each in params.items()
    }


def refusal_from_json(cls: type[CommandRefused], stored: dict[str, Any]) -> CommandRefused:
    """Return a stored refusal. Refusals stored before templates existed have only a message."""
    params = _params_from_json(stored.get("params", {}))
    return cls(stored["code"], stored.get("template", stored["message"]), **params)


def _params_from_json(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Phrase(each["template"], **_params_from_json(each["params"])) if isinstance(each, dict) else each
        for name, each in stored.items()
    }
