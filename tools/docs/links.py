"""The links of the Markdown files of this repository: found, followed, and rewritten for the site.

A link in Markdown names a file beside its page, and perhaps a heading in it. This finds links as GitHub shows them,
without the generator of the site, so it takes no time and says the line of each dead link.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.docs import ROOT

LINK = re.compile(
    r"(?P<label>!?\[(?:[^\[\]]|\[[^\]]*\])*\])"  # one pair of brackets may stand in the label: an image
    r"\((?P<target>[^()\s]+)(?P<title>\s+\"[^\"]*\")?\)"
)
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+(?P<target>\S+)", re.MULTILINE)
FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(?P<text>.+?)(?: +#+)?$", re.MULTILINE)
HTML_ANCHOR = re.compile(r"<\w+ [^>]*\b(?:id|name)=\"(?P<id>[^\"]+)\"")
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
DECISION = re.compile(r"\d\d-.*\.md")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link leads: a file of the repository, or None for another site, and the heading in it, or nothing."""

    target: str
    file: Path | None
    anchor: str

    @classmethod
    def of(cls, target: str, page: Path) -> "Link":
        """Return a link of a page, with its target resolved."""
        if EXTERNAL.match(target):
            return cls(target, None, "")
        path, _, anchor = target.partition("#")
        return cls(target, (page.parent / path).resolve() if path else page, anchor)

    @property
    def problem(self) -> str:
        """Why nobody can follow it, or nothing."""
        if self.file is None:
            return ""
        if not self.file.exists():
            return f"{self.target}: there is no such file"
        if not self.file.is_relative_to(ROOT):
            return f"{self.target}: this is outside the repository"
        if self.anchor and self.file.suffix == ".md" and self.anchor not in anchors(self.file):
            return f"{self.target}: there is no such heading"
        return ""


def markdown_files() -> list[Path]:
    """Every page a reader may open: at the root, in docs/ and in .github/."""
    folders = (ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / ".github").rglob("*.md"))
    return sorted(path for folder in folders for path in folder)


def dead_links(page: Path) -> Iterator[str]:
    """One line for each link of `page` that leads nowhere, and for each path in code that is not there.

    A decision tells what the code was like on its day: paths in its text are not looked at, links are.
    """
    text = page.read_text()
    code = code_in(text)
    found = [(match.start(), match["target"]) for match in _links(text, code)]
    found += [(match.start(), match["target"]) for match in DEFINITION.finditer(text) if not _inside(match, code)]
    problems = [(start, Link.of(target, page).problem) for start, target in found]
    if not DECISION.fullmatch(page.name):
        problems += [
            (match.start(), f"{match[2]}: there is no such path")
            for match in CODE_SPAN.finditer(text)
            if _path_in_code().fullmatch(match[2]) and not (ROOT / match[2]).exists()
        ]
    for start, problem in sorted(problems):
        if problem:
            yield f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, start) + 1}: {problem}"


def rewritten(text: str, page: Path, to: Callable[[Link], str | None]) -> str:
    """`text` of `page`, each link within the repository led to what `to` says; where that is None only words stay."""
    code = code_in(text)

    def one(match: re.Match[str]) -> str:
        if _inside(match, code):
            return match[0]
        label = match["label"]
        if "](" in label:  # a linked image
            label = f"[{rewritten(label[1:-1], page, to)}]"
        link = Link.of(match["target"], page)
        target = match["target"] if link.file is None else to(link)
        return label[1:-1] if target is None else f"{label}({target}{match['title'] or ''})"

    return LINK.sub(one, text)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page, as GitHub and the site make them from its headings."""
    text = page.read_text()
    code = [match.span() for match in FENCE.finditer(text)]
    found: dict[str, int] = {}
    for match in HEADING.finditer(text):
        if _inside(match, code):
            continue
        name = slug(match["text"])
        found[name] = found.get(name, -1) + 1
    repeated = (f"{name}-{count}" for name, last in found.items() for count in range(1, last + 1))
    return frozenset([*found, *repeated, *(match["id"] for match in HTML_ANCHOR.finditer(text))])


def slug(heading: str) -> str:
    """Return the anchor of a heading, as hosted repositories make it."""
    words = LINK.sub(lambda match: match["label"].lstrip("!")[1:-1], heading)
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def code_in(text: str) -> list[tuple[int, int]]:
    """From where to where `text` is code, in which nothing is a link."""
    fences = [match.span() for match in FENCE.finditer(text)]
    return fences + [match.span() for match in CODE_SPAN.finditer(text) if not _inside(match, fences)]


def _links(text: str, code: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    for match in LINK.finditer(text):
        if not _inside(match, code):
            yield match
            yield from LINK.finditer(text, match.start("label") + 1, match.end("label") - 1)  # a linked image


def _inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(start <= match.start() < end for start, end in spans)


@cache
def _path_in_code() -> re.Pattern[str]:
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    return re.compile(rf"(?:{folders})/[\w./-]*")
