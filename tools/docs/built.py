"""What was built is looked at again: each link leads somewhere, and no page asks another host for anything."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

TAG = re.compile(r"<(?P<tag>\w+)\s(?P<attributes>[^>]*)>")
ATTRIBUTE = re.compile(r"\b(?P<name>id|name|href|src|rel)=(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s>\"]+))")
CSS_URL = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])(?P<url>(?:https?:)?//[^\"')]+)")
FOREIGN = re.compile(r"(?:https?:)?//")
OTHER = re.compile(r"(?:mailto|data|javascript|https?):|//")
LOADED = {"img", "script", "link", "iframe", "source", "video", "audio", "embed", "object"}


def problems(site: Path) -> list[str]:
    """Return what is wrong with a built site: dead links, and requests to other hosts."""
    pages = {path: _Page(path, path.relative_to(site).as_posix()) for path in site.rglob("*.html")}
    found = [line for page in pages.values() for line in page.problems(pages)]
    for sheet in site.rglob("*.css"):
        found += [f"{sheet.relative_to(site)}: asks for {url}" for url in CSS_URL.findall(sheet.read_text())]
    return sorted(set(found))


class _Page:
    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        for tag in TAG.finditer(path.read_text()):
            for attribute in ATTRIBUTE.finditer(tag["attributes"]):
                value = unescape(attribute["quoted"] or attribute["bare"] or "")
                if attribute["name"] in {"id", "name"}:
                    self.anchors.add(value)
                elif attribute["name"] in {"href", "src"}:
                    (self.loads if tag["tag"] in LOADED else self.links).add(value)

    def problems(self, pages: "dict[Path, _Page]") -> Iterator[str]:
        for url in self.loads:
            if FOREIGN.match(url):
                yield f"{self.name}: asks for {url}"
        for url in self.links | self.loads:
            if not OTHER.match(url) and not self._leads_somewhere(url, pages):
                yield f"{self.name}: dead link {url}"

    def _leads_somewhere(self, url: str, pages: "dict[Path, _Page]") -> bool:
        path, _, anchor = url.partition("#")
        if path.startswith("/"):
            return self.path.name == "404.html"  # the one page whose address is not known
        target = (self.path.parent / unquote(path.partition("?")[0])).resolve() if path else self.path
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            return False
        page = pages.get(target)
        return not page or not anchor or anchor.startswith(("/", "__")) or unquote(anchor) in page.anchors
