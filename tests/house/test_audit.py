"""The audit of packages: it names what it should, and never says that all is well without having looked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import ROOT, Pin, licences, pins
from tools.audit.advisories import UnusableCopy, known_faults

PACKAGES = [Pin("django", "5.2.3"), Pin("ruamel-yaml", "0.18.1")]


def advise(folder: Path, name: str, affected: dict[str, Any], **more: Any) -> None:
    advisory = {"id": "PYSEC-1", "summary": "A hole", "affected": [{**affected}], **more}
    affected = advisory["affected"][0]
    affected["package"] = {"ecosystem": affected.pop("ecosystem", "PyPI"), "name": name}
    (folder / f"{len(list(folder.iterdir()))}.json").write_text(json.dumps(advisory))


def between(*events: tuple[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": [{what: version} for what, version in events]}]}


@pytest.mark.parametrize(
    ("affected", "is_found"),
    [
        ({"versions": ["5.2.3"]}, True),
        ({"versions": ["5.2.2"]}, False),
        (between(("introduced", "0"), ("fixed", "5.2.4")), True),
        (between(("introduced", "0"), ("fixed", "5.2.3")), False),
        (between(("introduced", "5.2.10"), ("fixed", "5.3")), False),
        (between(("introduced", "0"), ("fixed", "4"), ("introduced", "5"), ("last_affected", "5.2.3")), True),
        (between(("introduced", "0"), ("last_affected", "5.2.2")), False),
        ({"versions": ["5.2.3"], "ecosystem": "npm"}, False),
    ],
)
def test_an_advisory_is_found_for_the_versions_that_it_names(
    tmp_path: Path, affected: dict[str, Any], is_found: bool
) -> None:
    advise(tmp_path, "Django", affected)
    expected = ["django 5.2.3: PYSEC-1: A hole"] if is_found else []
    assert known_faults(tmp_path, PACKAGES) == expected


def test_names_are_compared_as_indexes_do_and_withdrawn_advisories_are_not_told(tmp_path: Path) -> None:
    advise(tmp_path, "Ruamel.Yaml", {"versions": ["0.18.1"]})
    advise(tmp_path, "Django", {"versions": ["5.2.3"]}, withdrawn="2026-01-01T00:00:00Z")
    assert known_faults(tmp_path, PACKAGES) == ["ruamel-yaml 0.18.1: PYSEC-1: A hole"]


@pytest.mark.parametrize("content", [None, "[]", "{", '{"id": 1}', '{"affected": [{"package": 1}]}'])
def test_a_folder_without_advisories_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "one.json").write_text(content)
    with pytest.raises(UnusableCopy):
        known_faults(tmp_path, PACKAGES)


def test_every_package_of_production_has_a_licence_that_is_accepted_or_explained() -> None:
    assert len(pins()) > 40
    assert licences.unwanted(pins()) == []
    assert licences.unwanted([Pin("psycopg", "3")]) == [], "explained"


def test_a_licence_that_nobody_accepted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "licence_of", lambda name: "AGPL-3.0-only, MIT")
    assert "AGPL" in licences.unwanted([Pin("django", "5")])[0]


@pytest.mark.parametrize(("versions", "code"), [(["0"], 0), (["VERSION"], 1), (None, 2)])
def test_the_exit_code_says_whether_something_was_found_or_nobody_looked(
    tmp_path: Path, versions: list[str] | None, code: int
) -> None:
    django = next(pin for pin in pins() if pin.name == "django")
    if versions is not None:
        advise(tmp_path, "django", {"versions": [text.replace("VERSION", django.version) for text in versions]})
    done = subprocess.run(
        [sys.executable, "-m", "tools.audit"],
        cwd=ROOT,
        env={"ADVISORIES": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
