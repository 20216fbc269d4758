"""Clients that TypeScript developers generate from docs/openapi.yml compile strictly, and follow an order."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.back_office import staff_client
from tests.support.running import ROOT
from tools.openapi import MODULES, run, run_node

DESCRIPTION = ROOT / "docs" / "openapi.yml"
pytestmark = pytest.mark.xdist_group("typescript")  # one worker builds the clients

STORIES = Path(__file__).with_name("typescript")


def done(result: Any) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    output: str = result.stdout
    return output


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate both clients, and compile them and their stories."""
    folder = tmp_path_factory.mktemp("typescript") / "stories"
    shutil.copytree(STORIES, folder)
    (folder / "node_modules").symlink_to(MODULES)
    done(run("openapi-typescript", DESCRIPTION, "--output", "client/schema.ts", cwd=folder))
    done(run("openapi-ts", "--input", DESCRIPTION, "--output", "client/hey", cwd=folder))
    done(run("tsc", "--project", folder, cwd=folder))
    return folder / "built"


@pytest.mark.parametrize("story", sorted(path.stem for path in STORIES.glob("story_*.ts")))
def test_a_generated_client_follows_an_order(built: Path, projecting: None, live_server: Any, story: str) -> None:
    staff_client("anna")
    assert done(run_node(built / f"{story}.js", live_server.url, cwd=built)) == "the story is told\n"


def test_a_wrong_field_does_not_compile(built: Path) -> None:
    """The types are those of the API: a misspelled field, a wrong code and a forgotten version are found."""
    wrong = built.parent / "wrong.ts"
    wrong.write_text(
        """
        import type { NewPaymentRequest, OrderCancelData, Problem, PublicEvent } from "./client/hey/types.gen";
        export const payment: NewPaymentRequest = { payment_method: "card" };
        export const code: Problem["code"] = "not_payed";
        export const type: PublicEvent["type"] = "order.payed";
        export const headers: OrderCancelData["headers"] = { "Idempotency-Key": "one" };
        """
    )
    try:
        checked = run("tsc", "--project", built.parent, "--noEmit", cwd=built.parent)
    finally:
        wrong.unlink()
    assert checked.returncode != 0
    assert re.findall(r"^wrong\.ts\((\d+),", checked.stdout, re.MULTILINE) == ["3", "4", "5", "6"], checked.stdout
