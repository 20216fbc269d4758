"""Everything the generator reads, made anew in .local/docs-source: pages, two API references, and the navigation.

The pages are the Markdown files as they stand in the repository. Only their links are rewritten: to another page of
the site, to a file that is copied beside it, or to the repository in the web, where REPOSITORY_URL names it.
"""

import json
import os
import posixpath
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.docs import ROOT, STAGE, python_api, rest_api
from tools.docs.links import Link, rewritten

PAGES = STAGE / "pages"
OWN = Path(__file__).parent
RENAMED = {"README.md": "index.md", "SECURITY.md": "security-policy.md"}  # docs/security.md is another page
COPIED = (".png", ".svg", ".yml", ".py")  # what may stand in docs/ beside the pages


def stage() -> Path:
    """Make everything, and return the configuration file for the generator."""
    shutil.rmtree(STAGE, ignore_errors=True)
    pages = page_names()
    files = file_names()
    for source, name in pages.items():
        _write(name, staged(source, pages | files))
    for source, name in files.items():
        (PAGES / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, PAGES / name)
    modules = python_api.modules()
    for module in modules.values():
        _write(module.page, module.text)
    _write("python/index.md", python_api.index(modules))
    _write("rest-api.md", rest_api.page())
    rest_api.copy_viewer(PAGES / rest_api.VIEWER)
    configuration = STAGE / "zensical.toml"
    sections = navigation([*pages.values(), "rest-api.md"], modules)
    generated = f'[project]\ndocs_dir = "pages"\nsite_dir = "site"\nnav = {_toml(sections)}\n'
    configuration.write_text((OWN / "zensical.toml").read_text().replace("[project]\n", generated, 1))
    return configuration


def page_names() -> dict[Path, str]:
    """What each Markdown file is called in the site: README.md is its first page, docs/api.md is api.md."""
    names = {path: RENAMED.get(path.name, path.name.lower()) for path in ROOT.glob("*.md")}
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").as_posix()
        names[path] = "docs.md" if name == "README.md" else name.replace("README.md", "index.md")
    return dict(sorted(names.items(), key=lambda item: item[1]))


def file_names() -> dict[Path, str]:
    """The files that are copied beside the pages."""
    found = sorted(path for path in (ROOT / "docs").rglob("*") if path.suffix in COPIED)
    names = {path: path.relative_to(ROOT / "docs").as_posix() for path in found}
    return names | {ROOT / "LICENSE": "LICENSE.txt", OWN / "site.css": "site.css"}


def staged(source: Path, names: Mapping[Path, str]) -> str:
    """A page with links that lead somewhere in the site."""
    folder = posixpath.dirname(names[source])
    repository = os.environ.get("REPOSITORY_URL", "").rstrip("/")

    def to(link: Link) -> str | None:
        file = link.file or ROOT
        anchor = f"#{link.anchor}" if link.anchor else ""
        name = names.get(file / "README.md" if file.is_dir() else file)
        if name is not None:
            return posixpath.relpath(name, folder or ".") + anchor
        return f"{repository}/blob/HEAD/{file.relative_to(ROOT)}{anchor}" if repository else None

    return rewritten(source.read_text(), source, to)


def navigation(pages: list[str], modules: Mapping[str, python_api.Module]) -> list[dict[str, Any]]:
    """The sections of navigation.toml, in its order. A page that none of them names comes under "More"."""
    sections: dict[str, list[Any]] = tomllib.loads((OWN / "navigation.toml").read_text())["sections"]
    named = {name for names in sections.values() for name in names}
    if missing := named - set(pages) - {"decisions/*", "python/*"}:
        raise SystemExit(f"tools/docs/navigation.toml names pages that are not there: {', '.join(sorted(missing))}")
    decisions = [_decision(name) for name in sorted(pages, key=_index_first) if name.startswith("decisions/")]
    nav: list[dict[str, Any]] = []
    for title, names in sections.items():
        entries: list[Any] = []
        for name in names:
            if name == "python/*":
                entries.append({"Python API": ["python/index.md", *python_api.navigation(modules)]})
            else:
                entries += decisions if name == "decisions/*" else [name]
        nav += [{title: entries}] * bool(entries)
    if more := [name for name in pages if name not in named and not name.startswith("decisions/")]:
        nav.append({"More": more})
    return nav


def _index_first(name: str) -> tuple[bool, str]:
    return (not name.endswith("/index.md"), name)


def _decision(name: str) -> str | dict[str, str]:
    """A decision is named with its number."""
    if name == "decisions/template.md":
        return {"Template": name}
    number = posixpath.basename(name).partition("-")[0]
    if not number.isdigit():
        return name
    title = (PAGES / name).read_text().partition("\n")[0].removeprefix("# ")
    return {f"{int(number)}. {title}": name}


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in value.items())} }}"
    return json.dumps(value)


def _write(name: str, text: str) -> None:
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
