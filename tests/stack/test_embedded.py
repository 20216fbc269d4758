"""The project's own servers, in containers where root cannot create user namespaces, and in oddly named folders."""

import os
import shutil
from pathlib import Path

import pytest

from ordersite.devstack.servers import Services


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root needs another user")
@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["open folder", "folder closed to nobody"])
def test_postgresql_runs_as_nobody_where_there_are_no_user_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "setpriv").symlink_to(str(shutil.which("setpriv")))  # without unshare
    monkeypatch.setenv("PATH", str(commands))
    closed = tmp_path / "a folder"
    closed.mkdir()
    closed.chmod(mode)
    services = Services(closed / "state", durable=False)
    services.start()
    try:
        assert services.up
        pid = int((closed / "state" / "pg" / "postmaster.pid").read_text().split()[0])
        assert Path(f"/proc/{pid}").stat().st_uid != 0
    finally:
        services.stop()
    assert not services.up


@pytest.mark.parametrize("name", ["a $HOME", 'a "quoted" name', "back\\slash", "it's; `pwd` & more %h"])
def test_the_servers_start_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    services = Services(tmp_path / name, durable=False)
    services.start()
    try:
        assert services.up
    finally:
        services.stop()
    assert not services.up
