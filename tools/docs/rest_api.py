"""The reference of the REST API, from docs/openapi.yml: a page with every operation, and a viewer with all of it.

The viewer is the Swagger UI that drf-spectacular-sidecar has installed already. The description is written beside it
as a script, because a browser fetches nothing for a page that was opened as a file.
"""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from tools.docs import ROOT

VIEWER = "rest-api-viewer"
METHODS = ("get", "post", "put", "patch", "delete")
ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "favicon-32x32.png")
HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST API - ordersite</title>
<link rel="icon" href="favicon-32x32.png">
<link rel="stylesheet" href="swagger-ui.css">
<style>body { margin: 0 } nav { font: 16px sans-serif; padding: 12px 20px } html.dark-mode nav a { color: #9cf }</style>
<script>
document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches)
</script>
</head>
<body>
<nav><a href="../rest-api.html">Back to the docs</a></nav>
<div id="viewer"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="description.js"></script>
<script>
SwaggerUIBundle({
  spec: description, dom_id: "#viewer", deepLinking: true, docExpansion: "list", supportedSubmitMethods: [],
  validatorUrl: null,
})
</script>
</body>
</html>
"""


def page() -> str:
    """Every operation by its tag, with a link to its place in the viewer."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in _description()["paths"].items():
        for method in METHODS:
            if operation := operations.get(method):
                tag = operation["tags"][0]
                by_tag.setdefault(tag, []).append(_row(method, path, tag, operation))
    lines = [
        "# REST API",
        "",
        "Every operation below `/api/v1`, made from [openapi.yml](openapi.yml). [The API](api.md) says how to use it.",
        f"[The viewer]({VIEWER}/index.html) shows the parameters, bodies, answers and examples of each operation.",
    ]
    for tag, rows in by_tag.items():
        lines += ["", f"## {tag.capitalize()}", "", "| Operation | What it does | Answers |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def copy_viewer(folder: Path) -> None:
    """Copy the Swagger UI and the description of the API into a new folder."""
    folder.mkdir(parents=True)
    for name in ASSETS:
        shutil.copyfile(_sidecar() / name, folder / name)
    (folder / "description.js").write_text(f"const description = {json.dumps(_description(), default=str)}\n")
    (folder / "index.html").write_text(HTML)


def _row(method: str, path: str, tag: str, operation: dict[str, Any]) -> str:
    does = " ".join(operation.get("description", "").partition("\n\n")[0].split()).replace("|", "\\|")
    place = f"{VIEWER}/index.html#/{quote(tag)}/{operation['operationId']}"
    answers = ", ".join(code for code in operation["responses"] if code.startswith("2"))
    return f"| [`{method.upper()} {path.removeprefix('/api/v1')}`]({place}) | {does} | {answers} |"


def _description() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yml").read_text())
    return described


def _sidecar() -> Path:
    spec = importlib.util.find_spec("drf_spectacular_sidecar")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"
